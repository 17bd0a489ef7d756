"""The pytest plugin: `pytest features` does what `multisite-ha run` does, for people who live in pytest.

It wakes up only where a folder of features lies beside a requirement catalogue (or under `multisite-ha run`), so that
it never touches the feature files of another project in the same environment.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance.collecting import FeatureFile, holds_ours, is_named, is_ours, place_of
from conformance.errors import HarnessError, UsageError
from conformance.redaction import redact

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, Scenario, Step

    from conformance.allure_bridge import AllureBridge
    from conformance.joining import Place
    from conformance.play import Play
    from conformance.session import RunSession

SESSION = pytest.StashKey["RunSession"]()
UNTOLD: pytest.StashKey[UntoldFailures] = pytest.StashKey()
PLACES: pytest.StashKey[dict[str, Place]] = pytest.StashKey()
"""The scenarios of ours that were selected, by what pytest calls them, in their order."""
INVITATION = "multisite_ha_invitation"
TROUBLE = "multisite_ha_trouble"
"""What a process is told by the one that opened the session, and what it tells it at the end, under xdist."""
ALLURE: pytest.StashKey[AllureBridge] = pytest.StashKey()
_STEPS = "conformance.steps"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `multisite-ha run`, under names that clash with nobody's."""
    group = parser.getgroup("multisite-ha", "multisite high availability conformance")
    group.addoption("--ms-run", action="store_true", help="Take every feature file given as one of ours.")
    group.addoption("--ms-sites", metavar="FILE", help="The sites under test. Default: the lab on this machine.")
    group.addoption("--ms-lab", default="default", metavar="NAME", help="Which lab, when no sites are given.")
    limits = "What is mandatory, and its limits; :sal1, :sal2 or :sal3 behind it for those of a level."
    group.addoption("--ms-profile", default="smoke", metavar="NAME|FILE[:salN]", help=limits)
    group.addoption("--ms-vnf", default="subscriber-db-sync", metavar="NAME|FILE", help="The VNF's blueprint.")
    group.addoption("--ms-scheme", default="reference", metavar="NAME", help="The multisite mechanism under test.")
    group.addoption("--ms-seed", type=int, metavar="N", help="Seed of everything random. Default: drawn, and stored.")
    group.addoption("--ms-out", metavar="DIR", help="The run folder. Default: reports/RUN-ID.")
    group.addoption("--ms-toxiproxy", metavar="URL", help="Drive this Toxiproxy instead of the embedded link proxy.")
    group.addoption("--ms-no-faults", action="store_true", help="Rehearse: inject nothing (never a pass).")
    group.addoption("--ms-schedule", metavar="FILE", help="Replay this schedule.json of a nemesis, not a drawn one.")
    group.addoption("--ms-waivers", metavar="FILE", help="What need not hold for now, by whom, why and until when.")
    group.addoption("--ms-name", action="append", default=[], metavar="WORDS", help="Only scenarios named so.")
    group.addoption("--ms-keep-lab", action="store_true", help="Leave the lab running afterwards.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the catalogue's ids and the feature folders' words as markers: a mistyped tag is an error."""
    config.stash[UNTOLD] = UntoldFailures()
    config.pluginmanager.register(config.stash[UNTOLD])
    if config.option.ms_run:
        _announce_tags(config)
    several = config.getoption("numprocesses", None) and SESSION not in config.stash
    if several and any(holds_ours(argument, config) for argument in config.args):
        raise pytest.UsageError(_NOT_THIS_WAY)
    if config.getoption("allure_report_dir", None):
        from conformance.allure_bridge import AllureBridge

        config.stash[ALLURE] = AllureBridge(Path(config.getoption("allure_report_dir")).absolute())


_NOT_THIS_WAY = "multisite-ha shares out its scenarios by itself: leave out -n, and use multisite-ha run --jobs."


class UntoldFailures:
    """Whether anything failed that no verdict on a Then sentence tells."""

    def __init__(self) -> None:
        self.seen = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called for each phase of each test, those of other processes too."""
        self.seen = self.seen or (report.failed and not is_verdict(report))


def is_verdict(report: pytest.TestReport) -> bool:
    """Whether all that failed is a Then sentence, as its verdict tells."""
    return str(report.longrepr).split(":", 1)[0] in ("fail", "inconclusive", "error")


def _announce_tags(config: pytest.Config) -> None:
    from conformance.features import known_tags

    for tag, meaning in known_tags().items():
        config.addinivalue_line("markers", f"{tag}: {meaning}")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a feature file of ours."""
    if file_path.suffix != ".feature" or not is_ours(file_path, parent.config):
        return None
    manager = parent.config.pluginmanager
    if not manager.has_plugin(_STEPS):
        if not parent.config.option.ms_run:
            _announce_tags(parent.config)
        manager.import_plugin(_STEPS)
    collector: pytest.Collector = FeatureFile.from_parent(parent, path=file_path)
    return collector


@pytest.hookimpl(tryfirst=True)
def pytest_bdd_apply_tag(tag: str, function: Callable[..., object]) -> bool | None:
    """Requirement ids hold dashes, which pytest.mark's attribute access takes all the same."""
    getattr(pytest.mark, tag)(function)
    return True


def session_of(config: pytest.Config) -> RunSession:
    """The one run of this pytest session, opened on first use. HarnessError when it cannot be."""
    if SESSION not in config.stash:
        from conformance.entering import entered
        from conformance.request import Request, RunOptions
        from conformance.session import RunSession

        if hasattr(config, "workerinput"):
            config.stash[SESSION] = _joined(config)
            return config.stash[SESSION]
        option = config.option
        options = RunOptions(
            sites=option.ms_sites,
            lab=option.ms_lab,
            profile=option.ms_profile,
            vnf=option.ms_vnf,
            scheme=option.ms_scheme,
            seed=option.ms_seed,
            out=option.ms_out,
            toxiproxy=option.ms_toxiproxy,
            faults=not option.ms_no_faults,
            keep_lab=option.ms_keep_lab,
            schedule=option.ms_schedule,
            waivers=option.ms_waivers,
            command_line=tuple(str(a) for a in config.invocation_params.args),
        )
        try:
            around = ExitStack()
            config.add_cleanup(around.close)
            around.enter_context(entered(Request.read(options), print))
            config.stash[SESSION] = RunSession.open(options)
        except HarnessError as error:
            pytest.exit(str(error), returncode=64 if isinstance(error, UsageError) else 3)
    return config.stash[SESSION]


def _joined(config: pytest.Config) -> RunSession:
    """The session that the process which started this one has opened."""
    from conformance.joining import Invitation, JoinedSession

    told = config.workerinput  # type: ignore[attr-defined]
    if INVITATION not in told:
        pytest.exit(_NOT_THIS_WAY, returncode=64)
    return JoinedSession.join(Invitation.from_text(told[INVITATION]), told["workerid"])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Number the scenarios that were selected. Where several are carried out side by side, those that can be come
    first: the others wait until they have the sites for themselves."""
    ours = [item for item in items if isinstance(item.parent, FeatureFile)]
    others = [item for item in ours if not is_named(item, config.option.ms_name)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
        ours = [item for item in ours if item not in others]
    if not ours or config.option.collectonly:
        return
    request = session_of(config).request
    config.stash[PLACES] = {item.nodeid: place_of(item, number, request) for number, item in enumerate(ours, start=1)}
    if hasattr(config, "workerinput"):
        places = config.stash[PLACES]
        items.sort(key=lambda item: item.nodeid not in places or places[item.nodeid].alone)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Write down which scenarios are going to be carried out, if any of them is ours."""
    places = tuple(session.config.stash.get(PLACES, {}).values())
    if not places:
        return
    from conformance.joining import JoinedSession

    run = session_of(session.config)
    if isinstance(run, JoinedSession):
        run.take_places(places)
    else:
        run.plan([place.scenario for place in places])


def _play_of(request: pytest.FixtureRequest) -> Play | None:
    """The play of a scenario of ours; None for the scenarios of another project in the same environment."""
    play: Play | None = request.getfixturevalue("play") if isinstance(request.node.parent, FeatureFile) else None
    return play


def pytest_bdd_before_scenario(request: pytest.FixtureRequest, feature: Feature, scenario: Scenario) -> None:
    """Write down what the scenario is going to do before it does anything."""
    play = _play_of(request)
    if play is None:
        return
    play.begin(feature, scenario)
    if allure := request.config.stash.get(ALLURE, None):
        allure.begin(play, session_of(request.config))


def pytest_bdd_before_step(request: pytest.FixtureRequest, step: Step) -> None:
    """A sentence begins."""
    if _play_of(request) and (allure := request.config.stash.get(ALLURE, None)):
        allure.begin_step(step)


def pytest_bdd_before_step_call(
    request: pytest.FixtureRequest, step: Step, step_func: Callable[..., object], step_func_args: dict[str, object]
) -> None:
    """The records are complete, and everything is healed, before the first Then looks at them."""
    play = _play_of(request)
    if play is None:
        return
    if inspect.iscoroutinefunction(step_func):
        raise HarnessError(f"The step {step.name!r} is async: pytest-bdd would pass it without running it.")
    if step.type == "then":
        play.settle()


def pytest_bdd_after_step(request: pytest.FixtureRequest, step: Step) -> None:
    """A sentence was carried out."""
    play = _play_of(request)
    if play and (allure := request.config.stash.get(ALLURE, None)):
        allure.end_step(step, play)


def pytest_bdd_step_error(
    request: pytest.FixtureRequest, scenario: Scenario, step: Step, exception: BaseException
) -> None:
    """A sentence that could not be carried out leaves the scenario with an error."""
    play = _play_of(request)
    if play is None:
        return
    number = next((n for n, known in enumerate(scenario.steps) if known is step), None)
    play.failed(exception, number)
    if allure := request.config.stash.get(ALLURE, None):
        allure.end_step(step, play, exception)
        allure.rest(scenario, step, play)


def pytest_bdd_after_scenario(request: pytest.FixtureRequest) -> None:
    """All sentences were carried out, or one could not be."""
    play = _play_of(request)
    if play and (allure := request.config.stash.get(ALLURE, None)):
        allure.end(play, session_of(request.config))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Close the run, judge it, write its reports; the exit status is the verdict's."""
    run = session.config.stash.get(SESSION, None)
    if run is None:
        return
    from conformance.joining import JoinedSession

    if isinstance(run, JoinedSession):
        run.finish(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
        session.config.workeroutput[TROUBLE] = list(run.trouble)  # type: ignore[attr-defined]
        return
    trouble: tuple[str, ...] = ()
    if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
        trouble = (f"pytest itself ended with status {int(exitstatus)}.",)
    code = run.finish(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED, trouble=trouble)
    if (allure := session.config.stash.get(ALLURE, None)) and run.result is not None:
        allure.finish(run.result)
    # A failed test outside of our scenarios, or a broken fixture, must not turn green because our verdict is a pass;
    # what an optional requirement came to is in that verdict already.
    only_verdicts = exitstatus == pytest.ExitCode.TESTS_FAILED and not session.config.stash[UNTOLD].seen
    session.exitstatus = code or (0 if exitstatus == pytest.ExitCode.OK or only_verdicts else 3)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Verdict per requirement, and where the run folder is."""
    run = config.stash.get(SESSION, None)
    if run is not None and run.summary:
        terminalreporter.section("multisite-ha")
        for line in run.summary:
            terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What is meant for a person is shown as a sentence, without a traceback."""
    report = yield
    if (
        call.excinfo is not None
        and isinstance(call.excinfo.value, HarnessError)
        and isinstance(item.parent, FeatureFile)
    ):
        report.longrepr = redact(str(call.excinfo.value))
    return report
