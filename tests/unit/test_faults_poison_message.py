"""A poison message bites only if it ended every front-end at both sites, and is gone only when none ends any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from vnf_guests import Guests, guests

from conformance.errors import HarnessError
from conformance.faults import poison_message
from conformance.faults.base import NotPossibleHere
from conformance.faults.poison_message import PoisonMessage
from conformance.undo import UNDO_ACTIONS
from conformance.vnf import Deployment, Endpoint

Pair = tuple[Guests, Guests]


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    for name, value in (("CRASHED_WITHIN_S", 0.4), ("STEADY_S", 0.2), ("STEADY_WITHIN_S", 0.8)):
        monkeypatch.setattr(poison_message, name, value)
    with guests("site-a", "127.77.9.") as first, guests("site-b", "127.77.10.", primary=Endpoint("x", 1)) as second:
        yield first, second


def end(site: Guests, *agents: int, status: int = 1) -> None:
    """Front-ends of a site end, and their agents say so."""
    for n in agents:
        said = site.answers[f"agent-{n}"]["status"]
        said |= {"ends": said["ends"] + 1, "ended": status, "error": "KeyError: 'to'"}


def reading(pair: Pair, does: Callable[[], None]) -> PoisonMessage:
    """The fault; once the message is there, the front-ends do this."""
    pair[0].on_order = lambda order: does() if order == "message" else None
    return PoisonMessage(pair[0].deployment, pair[1].deployment)


def test_it_ends_every_front_end_at_both_sites(pair: Pair) -> None:
    def all_of_them() -> None:
        end(pair[0], 0, 1)
        end(pair[1], 0, 1)

    struck = reading(pair, all_of_them)
    struck.inject()
    seen = struck.verify()
    assert seen.ok
    assert seen.observed == {"front_ends": 4, "ended_at_site-a": 2, "ended_at_site-b": 2}
    assert seen.detail == (
        "Message 1 ended 2 of 2 front-ends at site-a, 2 of 2 front-ends at site-b. "
        "The last words of one: KeyError: 'to'"
    )
    assert pair[0].orders == ["message"]


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        (lambda a, b: None, "0 of 2 front-ends at site-a, 0 of 2 front-ends at site-b"),
        (lambda a, b: end(a, 0, 1), "2 of 2 front-ends at site-a, 0 of 2 front-ends at site-b"),
        (lambda a, b: (end(a, 0, 1), end(b, 1)), "2 of 2 front-ends at site-a, 1 of 2 front-ends at site-b"),
        (lambda a, b: (end(a, 0, 1), end(b, 0, 1, status=-9)), "2 of 2 front-ends at site-a, 0 of 2"),
    ],
    ids=["nobody", "not replicated", "one is spared", "killed by somebody"],
)
def test_one_that_does_not_end_all_of_them_by_itself_has_not_bitten(
    pair: Pair, ending: Callable[[Guests, Guests], object], told: str
) -> None:
    struck = reading(pair, lambda: ending(*pair) and None)
    struck.inject()
    seen = struck.verify()
    assert not seen.ok
    assert told in seen.detail


def test_front_ends_that_had_ended_before_have_not_been_ended_by_it(pair: Pair) -> None:
    for site in pair:
        end(site, 0, 1)
    struck = reading(pair, lambda: None)
    struck.inject()
    assert not struck.verify().ok


def test_it_is_taken_back_by_the_vnfs_own_means_wherever_that_is_possible(pair: Pair) -> None:
    struck = reading(pair, lambda: None)
    pair[1].answers["database-0"]["discard"] = 409
    struck.heal()
    assert pair[0].orders == []
    struck.inject()
    struck.heal()
    struck.heal()
    assert pair[0].orders == ["message", "discard", "discard"]
    assert pair[1].orders == ["discard", "discard"]
    assert struck.verify_healed().ok


def test_a_site_whose_front_ends_go_on_is_free_of_it(pair: Pair) -> None:
    seen = reading(pair, lambda: None).free_of_it(pair[1].deployment)
    assert seen.ok
    assert seen.detail == "All 2 front-ends at site-b go on; none has ended for 0.2 s."


class _Ending(dict[str, object]):
    """An agent's answer that counts one more end each time it is asked."""

    def items(self):  # type: ignore[no-untyped-def]
        self["ends"] = int(str(self["ends"])) + 1
        return super().items()


def test_a_site_whose_front_ends_still_end_is_not_healed(pair: Pair) -> None:
    struck = reading(pair, lambda: None)
    pair[1].answers["agent-1"]["status"] = _Ending(pair[1].answers["agent-1"]["status"])
    seen = struck.free_of_it(pair[1].deployment)
    assert not seen.ok
    assert "Front-ends at site-b still end" in seen.detail
    healed = struck.verify_healed()
    assert not healed.ok
    assert "All 2 front-ends at site-a go on" in healed.detail


def test_a_site_whose_front_ends_do_not_serve_is_not_free_of_it(pair: Pair) -> None:
    pair[1].answers["frontend-0"]["status"] = {}
    assert not reading(pair, lambda: None).free_of_it(pair[1].deployment).ok


def test_a_site_that_was_stopped_needs_no_healing_but_one_has_to_be_there(pair: Pair) -> None:
    struck = reading(pair, lambda: None)
    pair[0].stop()
    assert struck.verify_healed().detail == "All 2 front-ends at site-b go on; none has ended for 0.2 s."
    pair[1].stop()
    assert not struck.verify_healed().ok


def test_what_is_refused_or_not_answered_is_an_error(pair: Pair) -> None:
    struck = reading(pair, lambda: None)
    pair[0].answers["database-0"]["message"] = 500
    with pytest.raises(HarnessError, match="/message was answered 500"):
        struck.inject()
    pair[1].stop()
    with pytest.raises(HarnessError, match=r"agent at http://127.77.10.2:\d+ does not answer"):
        struck.inject()


def test_a_vnf_without_agents_cannot_be_asked(pair: Pair) -> None:
    there = pair[0].deployment
    mute = Deployment(there.site, "run", there.blueprint.model_copy(update={"agents": None}), there.guests)
    with pytest.raises(NotPossibleHere, match="names no agents"):
        PoisonMessage(mute, pair[1].deployment)


def test_it_is_undone_with_the_vnf(pair: Pair) -> None:
    struck = reading(pair, lambda: None)
    assert (struck.name, struck.target) == ("poison-message", "site-a")
    undo = struck.undo()
    UNDO_ACTIONS[undo.action](undo.arguments)
