"""`multisite-ha run`: the whole thing from one command."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click
import pytest
from rich.console import Console

from conformance.catalogue import load_catalogue
from conformance.cli.selection import check_files, feature_files, select, selected
from conformance.entering import entered
from conformance.errors import UsageError
from conformance.plugin import SESSION, is_verdict
from conformance.progress import Progress
from conformance.progress.choice import choose_writers
from conformance.report.terminal import print_summary, print_verdict
from conformance.request import Request, RunOptions
from conformance.session import RunSession

_INI = Path(__file__).parent.parent / "run.ini"


@click.command()
@click.argument("selection", nargs=-1)
@click.option("--sites", metavar="FILE", help="The sites under test. Default: the lab, started on this machine.")
@click.option("--lab", default="default", show_default=True, metavar="NAME", help="Which lab, when no sites are given.")
@click.option(
    "--profile",
    default="smoke",
    show_default=True,
    metavar="NAME|FILE[:salN]",
    help="Mandatory requirements and limits; with :sal1, :sal2 or :sal3 those of a Service Availability Level.",
)
@click.option(
    "--vnf", default="subscriber-db-sync", show_default=True, metavar="NAME|FILE", help="Blueprint of the VNF."
)
@click.option(
    "--scheme",
    default="reference",
    show_default=True,
    metavar="NAME[:FILE]",
    help="The multisite mechanism under test, with its settings.",
)
@click.option(
    "--seed", type=int, metavar="N", help="Seed of everything random. Default: drawn, and stored with the run."
)
@click.option("--out", metavar="DIR", help="The run folder. Default: reports/RUN-ID.")
@click.option("--toxiproxy", metavar="URL", help="Drive this Toxiproxy server instead of the embedded link proxy.")
@click.option("--no-faults", is_flag=True, help="Rehearse: everything but the faults. Verdicts are then never a pass.")
@click.option("--waivers", metavar="FILE", help="Requirements that need not hold for now, by whom, why and until when.")
@click.option("--schedule", metavar="FILE", help="Replay this schedule.json of a nemesis instead of drawing one.")
@click.option(
    "--jobs",
    "-j",
    default="1",
    show_default=True,
    metavar="N|auto",
    help="How many scenarios go on side by side; --dry-run says which can, and why not others. auto: half the cores.",
)
@click.option("--keep-lab", is_flag=True, help="Leave the lab running afterwards: the next run starts at once.")
@click.option("--allure", metavar="DIR", help="Write Allure results to DIR while the run goes on.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but the verdict.")
@click.option(
    "--json-events", metavar="FILE|-", help="Write what happens, one JSON object a line, to FILE or (-) to stdout."
)
@click.option("--dry-run", is_flag=True, help="Print what would be run, against which targets, and do nothing.")
def run(
    selection: tuple[str, ...],
    sites: str | None,
    lab: str,
    profile: str,
    vnf: str,
    scheme: str,
    seed: int | None,
    out: str | None,
    toxiproxy: str | None,
    no_faults: bool,
    waivers: str | None,
    schedule: str | None,
    jobs: str,
    keep_lab: bool,
    allure: str | None,
    quiet: bool,
    json_events: str | None,
    dry_run: bool,
) -> int:
    """Carry out the features of a profile and judge them.

    SELECTION narrows what is run: requirement ids (MS-GR-05), topics (geo-redundancy), feature files or folders, or
    words of a scenario's name. Without it, everything in the profile.

    \b
    Examples:
      multisite-ha run                                   the lab, profile smoke, the synchronous VNF
      multisite-ha run --vnf subscriber-db-async         the same with a VNF that may lose data
      multisite-ha run --profile smoke:sal1              the same within the limits of SAL 1
      multisite-ha run "link is clean"                   one scenario
      multisite-ha run --sites my-clouds.yaml --dry-run  your own clouds: look first
    """
    options = RunOptions(
        sites=sites,
        lab=lab,
        profile=profile,
        vnf=vnf,
        scheme=scheme,
        seed=seed,
        out=out,
        toxiproxy=toxiproxy,
        faults=not no_faults,
        keep_lab=keep_lab,
        schedule=schedule,
        waivers=waivers,
        jobs=how_many(jobs),
        command_line=tuple(sys.argv[1:]),
    )
    arguments = select(selection, profile)
    request = Request.read(options)
    files = feature_files(arguments)
    check_files(files)
    scenarios = selected(files, arguments)
    if allure and Path(allure).exists() and (not Path(allure).is_dir() or any(Path(allure).iterdir())):
        raise UsageError(f"{allure} is there and not an empty folder: Allure would show its results as of one run.")
    if dry_run:
        from conformance.cli.dry_run import describe

        describe(request, arguments, scenarios)
        return 0
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)  # what a run does must not depend on another tool's environment
    with ExitStack() as around:
        # Before the display starts a thread.
        around.enter_context(entered(request, _nobody if quiet else partial(click.echo, err=True)))
        writers = around.enter_context(choose_writers(quiet=quiet, json_events=json_events))
        progress = around.enter_context(Progress(*writers))
        session = RunSession.open(options, progress)
        driver = _Driver(session)
        plugins: list[object] = [driver]
        extra = ["--alluredir", allure] if allure else []
        if options.jobs > 1:
            from conformance.cli.workers import Workers

            plugins.append(Workers(session))
            extra += Workers.arguments(options.jobs)
        try:
            pytest.main([*arguments, "--ms-run", "-c", str(_INI), "-s", "-p", "no:terminal", *extra], plugins=plugins)
        finally:
            if session.result is None:
                session.finish(interrupted=True)
    if driver.trouble:
        for text in driver.trouble:
            click.echo(text, err=True)
    # With events on stdout, what is for people goes where it disturbs no program.
    console = Console(stderr=json_events == "-")
    if session.result is not None and quiet:
        print_verdict(session.result, console)
    elif session.result is not None:
        print_summary(session.result, load_catalogue(), console)
    for line in session.problems if quiet else session.summary:
        click.echo(line, err=quiet or json_events == "-")
    return driver.exit_code


def how_many(jobs: str) -> int:
    """How many scenarios may go on side by side. UsageError when that is not said by a number from 1, or by auto."""
    if jobs == "auto":
        return max(1, (os.cpu_count() or 1) // 2)
    if not jobs.isdecimal() or int(jobs) < 1:
        raise UsageError(f"--jobs takes a number from 1, or auto; it was given {jobs!r}.")
    return int(jobs)


def _nobody(_text: str) -> None:
    """With --quiet, progress is for nobody."""


class _Driver:
    """Hands the opened session to the plugin and keeps what pytest's silenced terminal would have said."""

    def __init__(self, session: RunSession) -> None:
        self._session = session
        self.trouble: list[str] = []
        self.exit_code = 3

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[SESSION] = self._session

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and str(report.longrepr) not in self.trouble:  # each of several processes says it
            self.trouble.append(str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # A failed Then is told by the verdicts; anything else that went wrong is told here.
        if report.failed and not is_verdict(report):
            self.trouble.append(f"{report.nodeid.split('::')[-1]} ({report.when}): {report.longrepr}")

    def pytest_internalerror(self, excrepr: object) -> None:
        self.trouble.append(f"Internal error, please report it: {excrepr}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.trouble and session.exitstatus in (0, 2):
            session.exitstatus = 3
        if not session.testscollected:
            self.trouble.append("The selection matches no scenario: nothing was run.")
            session.exitstatus = 64
        self.exit_code = int(session.exitstatus)
