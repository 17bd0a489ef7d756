"""A bad configuration bites only if it is in force at both sites and clients are refused, and is gone only when neither
is so any more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from vnf_guests import Guests, guests

from conformance.errors import HarnessError
from conformance.faults import bad_configuration
from conformance.faults.bad_configuration import BadConfiguration
from conformance.faults.base import NotPossibleHere
from conformance.undo import UNDO_ACTIONS
from conformance.vnf import Endpoint

Pair = tuple[Guests, Guests]
FRONT_ENDS = ("frontend-0", "frontend-1")


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    for name in ("SPREAD_WITHIN_S", "HEALED_WITHIN_S"):
        monkeypatch.setattr(bad_configuration, name, 0.4)
    with guests("site-a", "127.77.11.") as first, guests("site-b", "127.77.12.", primary=Endpoint("x", 1)) as second:
        for site, sessions in ((first, 201), (second, 503)):
            configure(site, 65536, sessions)
        yield first, second


def configure(site: Guests, longest_body: int, sessions: int, front_ends: tuple[str, ...] = FRONT_ENDS) -> None:
    """Front-ends of a site have a configuration, and answer so to who would begin a session."""
    for label in front_ends:
        site.answers[label]["status"]["longest_body"] = longest_body
        site.answers[label]["sessions"] = sessions


def fault(pair: Pair, *, there: tuple[str, ...] = FRONT_ENDS, refusing: bool = True) -> BadConfiguration:
    """The fault; what is configured first takes effect at the first site and with these front-ends of the second, and
    what comes next takes it back at both."""

    def take_effect(order: str) -> None:
        if order == "configure" and pair[0].orders.count("configure") == 1:
            configure(pair[0], 0, 503 if refusing else 201)
            configure(pair[1], 0, 503, there)
        elif order == "configure":
            configure(pair[0], 65536, 201)
            configure(pair[1], 65536, 503)

    pair[0].on_order = take_effect
    return BadConfiguration(pair[0].deployment, pair[1].deployment)


def test_it_is_in_force_at_both_sites_and_clients_are_refused(pair: Pair) -> None:
    struck = fault(pair)
    struck.inject()
    seen = struck.verify()
    assert seen.ok
    assert seen.detail == (
        "longest_body is 0 for 2 of 2 front-ends at site-a, 2 of 2 front-ends at site-b; 2 of 2 at site-a begin no "
        "sessions, which they did before."
    )
    assert seen.observed == {
        "configured_at_site-a": 2, "configured_at_site-b": 2, "refused": 2, "served_before": True,
    }  # fmt: skip


def test_one_that_does_not_reach_every_front_end_of_the_other_site_has_not_bitten(pair: Pair) -> None:
    struck = fault(pair, there=("frontend-0",))
    struck.inject()
    seen = struck.verify()
    assert not seen.ok
    assert "1 of 2 front-ends at site-b" in seen.detail


def test_one_under_which_clients_are_served_has_not_bitten(pair: Pair) -> None:
    struck = fault(pair, refusing=False)
    struck.inject()
    seen = struck.verify()
    assert not seen.ok
    assert "0 of 2 at site-a begin no sessions" in seen.detail


def test_who_was_refused_before_shows_nothing(pair: Pair) -> None:
    configure(pair[0], 65536, 503, ("frontend-1",))
    struck = fault(pair)
    struck.inject()
    seen = struck.verify()
    assert not seen.ok
    assert "some did not before either" in seen.detail


def test_it_is_taken_back_by_the_vnfs_own_means(pair: Pair) -> None:
    struck = fault(pair)
    pair[1].answers["database-0"]["configure"] = 409
    struck.heal()
    assert pair[0].orders == []
    struck.inject()
    assert not struck.verify_healed().ok
    struck.heal()
    struck.heal()
    assert struck.verify_healed().ok
    assert [order for order in pair[0].orders if order != "sessions"] == ["configure"] * 3


def test_a_site_that_still_is_so_configured_or_refuses_is_not_free_of_it(pair: Pair) -> None:
    struck = fault(pair)
    seen = struck.free_of_it(pair[1].deployment)
    assert not seen.ok
    assert seen.detail == "longest_body is 0 for 0 of 2 front-ends at site-b; 0 begin sessions."
    configure(pair[1], 65536, 201)
    assert struck.free_of_it(pair[1].deployment).ok
    configure(pair[1], 0, 201, ("frontend-1",))
    assert "longest_body is 0 for 1 of 2 front-ends at site-b" in struck.free_of_it(pair[1].deployment).detail


def test_a_site_that_was_stopped_needs_no_healing_but_one_has_to_serve(pair: Pair) -> None:
    struck = fault(pair)
    pair[0].stop()
    assert "No session can be begun at either site" in struck.verify_healed().detail
    configure(pair[1], 65536, 201)
    assert struck.verify_healed().ok
    pair[1].stop()
    assert not struck.verify_healed().ok


def test_what_is_refused_is_an_error(pair: Pair) -> None:
    pair[0].answers["database-0"]["configure"] = 409
    with pytest.raises(HarnessError, match="/configure was answered 409"):
        fault(pair).inject()


def test_a_vnf_that_cannot_be_so_configured_is_left_alone(pair: Pair) -> None:
    del pair[0].answers["frontend-1"]["status"]["longest_body"]
    with pytest.raises(NotPossibleHere, match="does not say that it has a configuration 'longest_body'"):
        fault(pair)


def test_it_is_undone_with_the_vnf(pair: Pair) -> None:
    struck = fault(pair)
    assert (struck.name, struck.target) == ("bad-configuration", "site-a")
    undo = struck.undo()
    UNDO_ACTIONS[undo.action](undo.arguments)
