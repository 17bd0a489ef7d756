"""A pytest session of ours without clouds: real features, plugin, store, judge and reports; the acting is replayed.

The acting sentences do nothing but (when asked) fail; before the first Then the stored record of a scenario under
fixtures/histories is laid where clients and faults would have written it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import conformance.session
from conformance.errors import HarnessError
from conformance.model.results import SiteInfo
from conformance.play import Play
from conformance.plugin import session_of
from conformance.resources import features_dir, fixtures_dir
from conformance.sites import Site

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
CONFTEST = """
from replay_rig import play, without_clouds
"""


class Replay(Play):
    """Plays what the variable REPLAY names for this scenario: a history, or what goes wrong."""

    def __getattribute__(self, name: str) -> Any:
        acting = ("check_sites", "deploy", "protect", "start_load", "disturb_link", "lose_first_site", "fail_over")
        return self._act(name) if name in acting else super().__getattribute__(name)

    def _act(self, name: str) -> Any:
        def act(*_: object, **__: object) -> None:
            if self._plan().get("fails") == name:
                raise HarnessError(self._plan()["saying"])

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
        super().close()


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    session = session_of(request.config)
    session._plays += 1
    play = session._play = Replay(session, session._plays)
    try:
        yield play
    finally:
        play.close()
    if play.late_error:
        raise HarnessError(play.late_error)


@pytest.fixture(scope="session", autouse=True)
def without_clouds() -> None:
    """Nothing: importing this module is what keeps the clouds from being asked."""


def _about(site: Site) -> SiteInfo:
    return SiteInfo(site.name, site.spec.cloud, None, site.auth_url)


conformance.session._about = _about


def pytest_features(
    folder: Path, plans: list[dict[str, str]], *options: str, password: str = "no-password-at-all"
) -> subprocess.CompletedProcess[str]:
    """`pytest features` in a project of its own; ``plans`` say what each scenario replays."""
    features = folder / "features"
    (features / FEATURE.parent).mkdir(parents=True)
    shutil.copy(features_dir() / "requirements.yaml", features)
    shutil.copy(features_dir() / FEATURE, features / FEATURE)
    (features / "conftest.py").write_text(CONFTEST)
    (folder / "clouds.yaml").write_text(CLOUDS.replace("PASSWORD", password))
    (folder / "sites.yaml").write_text(SITES)
    (folder / "pytest.ini").write_text("[pytest]\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "XDG_STATE_HOME": str(folder / "state"),
        "REPLAY": json.dumps(plans),
    }
    where = ["--ms-sites", str(folder / "sites.yaml"), "--ms-out", str(folder / "run")]
    command = [sys.executable, "-m", "pytest", "features", "-p", "no:cacheprovider", *where, *options]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
