"""One run from its options to its verdict: sites, link proxy, run folder, and everything that must be undone."""

from __future__ import annotations

import secrets
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from conformance.catalogue import load_catalogue
from conformance.errors import HarnessError, UsageError
from conformance.faults.journal import Journal, heal_leftovers
from conformance.features import count_scenarios, scenario_id
from conformance.judge import judge_run
from conformance.lab import Lab
from conformance.lab.usage import alone, using
from conformance.links import EmbeddedProxy, ProxyServer
from conformance.model.results import CheckResult, RunResult
from conformance.progress import CheckJudged, Follower, Progress, RunEnded, RunPlanned, RunStarted
from conformance.progress.plain import PlainLines
from conformance.progress.relay import Relayed
from conformance.redaction import redact, remember_url, scrub
from conformance.report import write_reports
from conformance.request import Request, RunOptions, describe
from conformance.schedule import SCHEDULE_FILE
from conformance.sites import Site, SitesFile, load_sites
from conformance.store import RUN_FILE, End, Outcome, Plan, PlannedScenario, RunFolder
from conformance.undo import UNDO_ACTIONS

if TYPE_CHECKING:
    from conformance.play import Play

Say = Callable[[str], None]


class RunSession:
    """A run in progress. Open it, play scenarios, finish it; finish undoes everything in any case."""

    def __init__(
        self,
        request: Request,
        folder: RunFolder,
        sites: SitesFile,
        proxy: ProxyServer,
        journal: Journal,
        undo: ExitStack,
        progress: Progress,
        say: Say,
        lobby: Path | None = None,
    ) -> None:
        """``lobby`` is where the processes meet that carry out scenarios side by side, in a run that has such."""
        self.request = request
        self.folder = folder
        self.sites = sites
        self.proxy = proxy
        self.journal = journal
        self.say = say
        self.emit = progress.emit
        self.run_id = folder.info().run_id
        self.problems: tuple[str, ...] = ()
        self.summary: tuple[str, ...] = ()
        self.result: RunResult | None = None
        self.lobby = lobby
        self._trouble: list[str] = []
        self._undo = undo
        self._lab_is_ours = False
        self._plays_left = 0
        self._play: Play | None = None
        self._progress = progress
        self._follower: Follower | None = None

    @classmethod
    def open(cls, options: RunOptions, progress: Progress | None = None) -> RunSession:
        """Check the options, start the lab if no sites are given, heal what earlier runs left, make the run folder."""
        progress = progress or Progress(PlainLines(sys.stderr))

        def say(text: str) -> None:
            progress.say(redact(text))

        if threading.current_thread() is threading.main_thread():
            # A CI job that is cancelled gets the same clean-up as Ctrl-C.
            signal.signal(signal.SIGTERM, _as_interrupt)
        request = Request.read(options)
        run_id = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ-") + secrets.token_hex(3)
        path = Path(options.out) if options.out else Path("reports") / run_id
        _writable(path)
        undo = ExitStack()
        try:
            journal = Journal(run_id)
            undo.callback(journal.close)
            sites, ours = _open_sites(request, undo, journal, say)
            for failure in heal_leftovers(UNDO_ACTIONS, say):
                say(f"WARNING: {failure}")
            _pair(sites, request.clouds)
            url = options.toxiproxy or sites.link.toxiproxy
            remember_url(url or "")
            folder = RunFolder.create(path, describe(request, run_id, sites.sites))
            proxy = ProxyServer(url) if url else undo.enter_context(EmbeddedProxy(seed=request.seed)).server
            say(f"Link proxy: {url or 'embedded'}, version {proxy.version()}")
            lobby = Path(tempfile.mkdtemp(prefix="multisite-ha-")) if options.jobs > 1 else None
        except BaseException:
            with uninterrupted():
                undo.close()
            raise
        session = cls(request, folder, sites, proxy, journal, undo, progress, say, lobby)
        session._lab_is_ours = ours
        session.emit(_started(folder))
        return session

    def plan(self, scenarios: Sequence[PlannedScenario]) -> None:
        """Write down which scenarios were selected, before the first is begun."""
        of = count_scenarios(self.request.profile.feature_paths())
        self._plays_left = len(scenarios)
        self.folder.write_plan(Plan(tuple(scenarios), max(of, len(scenarios))))
        self.emit(RunPlanned(len(scenarios), self.request.options.jobs))
        if self._progress.writers:
            relayed = None if self.lobby is None else Relayed(self.lobby)
            self._follower = Follower(self.folder.path, self.emit, relayed)
            self._follower.start()

    def judged(self, check: CheckResult) -> None:
        """Tell the verdict on one Then sentence while the run goes on."""
        self.emit(_judged(check, final=False))

    def turn(self, number: int, *, alone: bool) -> AbstractContextManager[None]:
        """When a scenario may have the sites: at once, where one is carried out after the other."""
        return nullcontext()

    def new_play(self, number: int) -> Play:
        """The scenario of this number, to be carried out; it begins with Play.begin."""
        from conformance.play import Play

        self._plays_left -= 1
        self._play = Play(self, number)
        return self._play

    @property
    def lab_goes_next(self) -> bool:
        """Whether the sites are a lab that is taken down before anybody could use it again, with all that is in it."""
        return self._lab_is_ours and self._plays_left <= 0

    def note_trouble(self, sentence: str) -> None:
        """Something went wrong outside of the scenarios: the run does not end in pass."""
        self._trouble.append(sentence)
        self.say(f"ERROR: {sentence}")

    def died(self, number: int, name: str) -> None:
        """The process that carried out a scenario is gone: that is how the scenario ended."""
        scenario = scenario_id(number, name)
        error = "The process that carried it out died."
        if scenario in self.folder.scenario_ids():
            before = self.folder.outcome(scenario)
            self.folder.end_scenario(scenario, Outcome(error, before.duration_s if before else 0.0, closed=True))
        self.note_trouble(f"The process that carried out scenario {number} died: {name}.")

    def finish(self, *, interrupted: bool = False, trouble: Sequence[str] = ()) -> int:
        """Undo everything, judge what is stored, write the reports. Returns the exit code.

        ``trouble`` is what went wrong outside of the scenarios; a run with any never ends in pass.
        """
        self._plays_left = 0
        with uninterrupted():
            if interrupted:
                self.say("Interrupted: healing faults and removing what this run created.")
            trouble = (*trouble, *self._trouble, *self._close(), *self._not_replayed())
            self.folder.write_end(End(interrupted, trouble))
            unsure = _take_secrets_out(self.folder.path)
        if self._follower is not None:
            self._follower.stop()
        if self.lobby is not None:
            shutil.rmtree(self.lobby, ignore_errors=True)
        self.result = judge_run(self.folder)
        for check in (check for scenario in self.result.scenarios for check in scenario.checks):
            self.emit(_judged(check, final=True))
        problems = write_reports(self.result, self.folder.load, load_catalogue(), self.folder.path)
        self.problems = (*unsure, *problems)
        self.summary = (*self.problems, f"Run folder: {self.folder.path}")
        code = 3 if interrupted else self.result.exit_code
        self.emit(RunEnded(self.result.verdict.value, code, self.result.finished, str(self.folder.path)))
        return code

    def _not_replayed(self) -> tuple[str, ...]:
        """What there is to say when a schedule was given and nothing took it."""
        if self.request.schedule is None or any(self.folder.path.glob(f"scenarios/*/{SCHEDULE_FILE}")):
            return ()
        return (f"The schedule {self.request.options.schedule} was not replayed: no nemesis came in any scenario.",)

    def _close(self) -> list[str]:
        # What processes of this run left behind that died, if any did: no other run may have to find it.
        trouble = list(heal_leftovers(UNDO_ACTIONS, self.say, run=self.run_id))
        if self._play is not None:
            try:
                self._play.close()
            except HarnessError as error:
                trouble.append(str(error))
        try:
            self._undo.close()
        except HarnessError as error:
            trouble.append(str(error))
        return trouble


def pair(session: RunSession) -> tuple[Site, Site]:
    """The first and the second site of a run."""
    return _pair(session.sites, 2)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Cleaning up is not cut short by a second Ctrl-C or SIGTERM (only the main thread can see to that)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _take_secrets_out(folder: Path) -> tuple[str, ...]:
    """Go through what the clients wrote; what goes wrong is said, and never costs the verdict."""
    try:
        scrub(folder)
    except OSError as error:
        return (f"Not every file of {folder} could be searched for secrets ({error}): look before you pass it on.",)
    return ()


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _started(folder: RunFolder) -> RunStarted:
    info = folder.info()
    return RunStarted(
        run_id=info.run_id,
        product_version=info.product_version,
        profile=info.profile,
        vnf=info.vnf,
        scheme=info.scheme,
        seed=info.seed,
        sites=tuple(site.name for site in info.sites),
        folder=str(folder.path),
    )


def _judged(check: CheckResult, *, final: bool) -> CheckJudged:
    verdict = check.verdict
    return CheckJudged(
        scenario=check.scenario_id,
        check=check.check,
        phrase=check.phrase,
        requirements=check.requirements,
        verdict=verdict.status.value,
        reason=verdict.reason,
        final=final,
    )


def _writable(path: Path) -> None:
    """Find out before anything is started that the run folder cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".writable"
        probe.touch()
        probe.unlink()
        if (path / RUN_FILE).exists() or (path / "scenarios").exists():
            raise UsageError(f"{path} already holds a run. Give another --out, or remove that folder.")
    except OSError as error:
        raise UsageError(f"Cannot write the run folder {path}: {error.strerror}. Choose another with --out.") from None


def _open_sites(request: Request, undo: ExitStack, journal: Journal, say: Say) -> tuple[SitesFile, bool]:
    """The sites of a run, and whether they are a lab that it takes down in the end."""
    options, ours = request.options, False
    if options.sites is not None:
        sites = load_sites(options.sites)
    else:
        lab = Lab(options.lab, request.lab_sites, progress=say)
        taking_down = undo.push(ExitStack())  # after this run has ceased to use it
        undo.enter_context(using(lab.directory))
        # Also a lab of which a site is lost, as a killed run leaves it, is somebody's: it is not ours to take down.
        there = lab.exists()
        starting = f"Starting the lab: {request.clouds} OpenStack clouds."
        say("Using the lab that is there; it stays." if there else starting)
        ours = not there and not options.keep_lab
        if ours:
            taking_down.callback(_take_down, lab, journal, say)
        lab.up()
        sites = load_sites(lab.sites_yaml)
    undo.callback(sites.close)
    return sites, ours


def _take_down(lab: Lab, journal: Journal, say: Say) -> None:
    with alone(lab.directory) as nobody_else:
        if not nobody_else:
            say(f"Another run uses the lab: it stays up. To take it down: multisite-ha lab down --name {lab.name}")
            return
        say("Taking the lab down (--keep-lab would leave it running).")
        lab.down()
    journal.gone(lab.sites_yaml.resolve())


def _pair(sites: SitesFile, needed: int) -> tuple[Site, Site]:
    if len(sites.sites) < needed:
        raise UsageError(f"{sites.path} names {len(sites.sites)} sites; what is to be run needs at least {needed}.")
    return sites.sites[0], sites.sites[1]
