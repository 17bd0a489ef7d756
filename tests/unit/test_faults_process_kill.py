"""The process of a front-end is killed: seen to have ended by that, and healed only when another one serves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from vnf_guests import Guests, guests

from conformance.errors import HarnessError
from conformance.faults import process_kill
from conformance.faults.base import NotPossibleHere
from conformance.faults.process_kill import ProcessKill
from conformance.undo import UNDO_ACTIONS
from conformance.vnf import Deployment


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guests]:
    for name in ("_ENDED_WITHIN_S", "_BACK_WITHIN_S"):
        monkeypatch.setattr(process_kill, name, 0.4)
    with guests("site-a", "127.77.13.") as made:
        made.on_order = lambda order: agent(made, ends=1, ended=-9, pid=None)
        yield made


def agent(site: Guests, **said: int | None) -> None:
    """The agent of the first front-end says so."""
    site.answers["agent-0"]["status"] |= said


def test_the_process_ends_by_the_signal(site: Guests) -> None:
    struck = ProcessKill(site.deployment)
    struck.inject()
    seen = struck.verify()
    assert seen.ok
    assert seen.detail == "Process 7 of frontend-0 at site-a was told to end; the last one ended with -9."
    assert site.orders == ["kill"]


@pytest.mark.parametrize("said", [{"ends": 0, "ended": None}, {"ends": 1, "ended": 1}, {"ends": 2, "ended": -9}])
def test_one_that_goes_on_or_ends_by_itself_or_not_only_once_was_not_killed(
    site: Guests, said: dict[str, int | None]
) -> None:
    site.on_order = lambda order: agent(site, **said)
    struck = ProcessKill(site.deployment)
    struck.inject()
    assert not struck.verify().ok


def test_another_process_than_the_one_that_ran_shows_nothing(site: Guests) -> None:
    agent(site, pid=8)
    struck = ProcessKill(site.deployment)
    struck.inject()
    assert not struck.verify().ok


def test_it_is_healed_when_another_process_serves(site: Guests) -> None:
    struck = ProcessKill(site.deployment)
    struck.inject()
    struck.heal()
    assert not struck.verify_healed().ok
    agent(site, pid=9)
    site.answers["frontend-0"]["status"]["database"] = "down"
    assert "does not serve" in struck.verify_healed().detail
    site.answers["frontend-0"]["status"]["database"] = "read-only"
    seen = struck.verify_healed()
    assert (seen.ok, seen.detail) == (True, "frontend-0 of site-a serves again, as process 9.")


def test_an_agent_that_kills_nothing_is_an_error(site: Guests) -> None:
    site.answers["agent-0"]["kill"] = 409
    with pytest.raises(HarnessError, match="/kill was answered 409"):
        ProcessKill(site.deployment).inject()


def test_a_vnf_without_agents_has_nobody_to_do_it(site: Guests) -> None:
    there = site.deployment
    with pytest.raises(NotPossibleHere, match="names no agents"):
        ProcessKill(Deployment("site-a", "run", there.blueprint.model_copy(update={"agents": None}), there.guests))


def test_it_is_undone_with_the_vnf(site: Guests) -> None:
    struck = ProcessKill(site.deployment)
    assert (struck.name, struck.target) == ("process-kill", "site-a")
    undo = struck.undo()
    UNDO_ACTIONS[undo.action](undo.arguments)
