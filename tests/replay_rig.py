"""A pytest session of ours without clouds: real features, plugin, store, judge and reports; the acting is replayed.

The acting sentences do nothing but (when asked) fail; before the first Then the stored record of a scenario under
fixtures/histories is laid where clients and faults would have written it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import conformance.request
from conformance.errors import HarnessError
from conformance.model.results import SiteInfo
from conformance.play import Play
from conformance.resources import features_dir, fixtures_dir
from conformance.session import RunSession
from conformance.sites import Site
from conformance.waiting import wait_until

TESTS = Path(__file__).parent
FEATURE = Path("geo_redundancy") / "site_loss.feature"
CLOUDS = """
clouds:
  east: {auth: {auth_url: "http://127.0.0.1:9/v3", username: u, password: PASSWORD, project_name: p}}
  west: {auth: {auth_url: "http://127.0.0.1:9/v3", username: u, password: PASSWORD, project_name: p}}
"""
SITES = """
clouds_yaml: clouds.yaml
sites:
  site-a: {cloud: east, tenant_pool: 10.81.0.0/16, link_address: 127.0.0.1, external_network: public,
           power: {driver: command, lose: [/bin/true], restore: [/bin/true], timeout_s: 5}}
  site-b: {cloud: west, tenant_pool: 10.82.0.0/16, link_address: 127.0.0.1, external_network: public,
           power: {driver: command, lose: [/bin/true], restore: [/bin/true], timeout_s: 5}}
"""
CONFTEST = "import replay_rig\n"
_PROGRAM = ("-c", "import replay_rig; from conformance.cli import main; main()")


class Replay(Play):
    """Plays what the variable REPLAY names for this scenario: a history, or what goes wrong."""

    def __getattribute__(self, name: str) -> Any:
        acting = ("check_sites", "deploy", "protect", "start_load", "disturb_link", "heal_link", "lose_first_site")
        acting += ("fail_over",)
        return self._act(name) if name in acting else super().__getattribute__(name)

    def _act(self, name: str) -> Any:
        def act(*_: object, **__: object) -> None:
            plan = self._plan()
            if plan.get("fails") == name:
                raise HarnessError(plan["saying"])
            if plan.get("dies") == name:
                os.kill(os.getpid(), signal.SIGKILL)
            if name == "start_load":
                _note(plan, f"{self._number} begins")
                wait_until(lambda: len(_notes(plan)) >= int(plan.get("awaits", 0)), timeout=60, what="the others")
            if name in ("heal_link", "fail_over"):
                _note(plan, f"{self._number} ends")

        return act

    def _plan(self) -> dict[str, str]:
        plans = json.loads(os.environ["REPLAY"])
        return plans[min(self._number, len(plans)) - 1]  # type: ignore[no-any-return]

    def settle(self) -> None:
        if self._settled:
            return
        stored = fixtures_dir() / "histories" / self._plan()["history"]
        for source in stored.iterdir():
            if source.name not in ("scenario.json", "expected.json", "outcome.json"):
                target = self.stage.folder / source.name
                shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        recorded = json.loads((stored / "scenario.json").read_text())
        place = self.stage.folder / "scenario.json"
        asked = json.loads(place.read_text())
        kept = ("faults_planned", "thresholds", "tenant_pools", "probe_interval_ns", "first_site", "second_site")
        place.write_text(json.dumps({**asked, **{name: recorded[name] for name in kept}}))
        self._settled = True
        self._end()

    def close(self) -> None:
        if not self._closed and self._plan().get("fails") == "close":
            self.late_error = self._error = self._plan()["saying"]
        if not self._closed:
            _note(self._plan(), f"{self._number} closed", "closings")
        super().close()


def _note(plan: dict[str, str], words: str, where: str = "notes") -> None:
    """Write down, in order, what several processes do, if the plan names a file for it."""
    if where in plan:
        with Path(plan[where]).open("a") as file:
            file.write(words + "\n")


def _notes(plan: dict[str, str]) -> list[str]:
    return Path(plan["notes"]).read_text().splitlines() if "notes" in plan else []


def _about(site: Site) -> SiteInfo:
    return SiteInfo(site.name, site.spec.cloud, None, site.auth_url)


def _new_play(session: RunSession, number: int) -> Play:
    session._play = Replay(session, number)
    return session._play


# Importing this module is what keeps a session from asking clouds.
conformance.request._about = _about
RunSession.new_play = _new_play  # type: ignore[method-assign]


def pytest_features(
    folder: Path, plans: list[dict[str, str]], *options: str, password: str = "no-password-at-all"
) -> subprocess.CompletedProcess[str]:
    """`pytest features` in a project of its own; ``plans`` say what each scenario replays."""
    _make_project(folder, password)
    where = ["--ms-sites", str(folder / "sites.yaml"), "--ms-out", str(folder / "run")]
    return _run(folder, plans, ["-m", "pytest", "features", "-p", "no:cacheprovider", *where, *options])


def multisite_ha_run(
    folder: Path,
    plans: list[dict[str, str]],
    *options: str,
    password: str = "no-password-at-all",
    feature: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """`multisite-ha run features` in a project of its own, with a ``feature`` of its own instead of ours."""
    _make_project(folder, password)
    if feature is not None:
        (folder / "features" / FEATURE).write_text(feature)
    where = ["--sites", str(folder / "sites.yaml"), "--out", str(folder / "run")]
    return _run(folder, plans, [*_PROGRAM, "run", "features", *where, *options])


def multisite_ha_started(
    folder: Path, plans: list[dict[str, str]], *options: str, feature: str
) -> subprocess.Popen[str]:
    """The same, going on in a process group of its own."""
    _make_project(folder, "no-password-at-all")
    (folder / "features" / FEATURE).write_text(feature)
    command = [*_PROGRAM, "run", "features", "--sites", str(folder / "sites.yaml"), "--out", str(folder / "run")]
    return subprocess.Popen(
        [sys.executable, *command, *options],
        cwd=folder,
        env=_environment(folder, plans),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )


def _make_project(folder: Path, password: str) -> None:
    features = folder / "features"
    (features / FEATURE.parent).mkdir(parents=True)
    shutil.copy(features_dir() / "requirements.yaml", features)
    shutil.copy(features_dir() / FEATURE, features / FEATURE)
    (features / "conftest.py").write_text(CONFTEST)
    (folder / "clouds.yaml").write_text(CLOUDS.replace("PASSWORD", password))
    (folder / "sites.yaml").write_text(SITES)
    (folder / "pytest.ini").write_text("[pytest]\n")


def _run(folder: Path, plans: list[dict[str, str]], words: list[str]) -> subprocess.CompletedProcess[str]:
    environment = _environment(folder, plans)
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def _environment(folder: Path, plans: list[dict[str, str]]) -> dict[str, str]:
    state = {"XDG_STATE_HOME": str(folder / "state"), "REPLAY": json.dumps(plans)}
    return {**os.environ, "PYTHONPATH": str(TESTS), **state}
