"""Replication between the sites of a running lab goes where all packets between them go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import replicating
from replicating import BACK, OUT, WRITES

from conformance.lab import Lab

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def seen(namespaces_lab: Lab) -> dict[str, Any]:
    """What replicating.py has seen; it has to be inside, which this process cannot be for a while only."""
    inside = [sys.executable, replicating.__file__, str(namespaces_lab.sites_yaml)]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        namespaces_lab.command(inside),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_is_replicated_crosses_the_wan(seen: dict[str, Any]) -> None:
    for way in (OUT, BACK):
        assert seen["whole"]["delivered"][way] > seen["idle"]["delivered"][way]
    assert seen["storage"] >= 2  # at least a handshake and the block
    assert seen["whole"]["first"] == seen["whole"]["second"] == WRITES


def test_a_cut_wan_stops_replication_and_nothing_passes_beside_it(seen: dict[str, Any]) -> None:
    assert seen["cut"]["delivered"] == seen["just cut"]["delivered"]
    assert (seen["cut"]["first"], seen["cut"]["second"]) == (2 * WRITES, WRITES)


def test_a_cut_wan_is_not_taken_for_the_loss_of_a_site(seen: dict[str, Any]) -> None:
    assert seen["cut"]["api_answers"] == [True, True]
    assert seen["cut"]["active"] == seen["healed"]["active"] == "site-a"


def test_replication_catches_up_when_the_wan_heals(seen: dict[str, Any]) -> None:
    assert seen["healed"]["first"] == seen["healed"]["second"] == 2 * WRITES
