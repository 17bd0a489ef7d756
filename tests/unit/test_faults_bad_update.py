"""A faulty update bites only if every record that was looked at is ruined, and at both sites."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from vnf_guests import Guests, guests

from conformance.errors import HarnessError
from conformance.faults import bad_update
from conformance.faults.bad_update import BadUpdate
from conformance.undo import UNDO_ACTIONS
from conformance.vnf import Endpoint


@pytest.fixture
def pair() -> Iterator[tuple[Guests, Guests]]:
    with guests("site-a", "127.77.7.") as first, guests("site-b", "127.77.8.", primary=Endpoint("x", 1)) as second:
        first.records = [(n, f"k-{n}", f"v{n}") for n in range(5)]
        second.records = list(first.records)
        yield first, second


def replicating(first: Guests, second: Guests) -> None:
    """The second site takes over whatever is done at the first."""

    def take_over(order: str) -> None:
        second.records = list(first.records)

    first.on_order = take_over


def fault(pair: tuple[Guests, Guests]) -> BadUpdate:
    return BadUpdate(pair[0].deployment, pair[1].deployment)


def test_it_ruins_every_record_and_spreads(pair: tuple[Guests, Guests]) -> None:
    replicating(*pair)
    struck = fault(pair)
    struck.inject()
    seen = struck.verify()
    assert seen.ok
    assert seen.observed == {"looked_at": 5, "ruined": 5, "spread": True}
    assert seen.detail == "5 of 5 records looked at were ruined at site-a; the update has reached site-b."
    assert pair[0].orders == ["spoil"]


def test_one_that_does_not_reach_the_other_site_has_not_bitten(
    pair: tuple[Guests, Guests], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bad_update, "SPREAD_WITHIN_S", 0.3)
    struck = fault(pair)
    struck.inject()
    seen = struck.verify()
    assert not seen.ok
    assert "has not reached site-b" in seen.detail


def test_one_that_spares_a_record_has_not_bitten(pair: tuple[Guests, Guests]) -> None:
    def spare_one(order: str) -> None:
        pair[0].records[2] = (2, "k-2", "v2")
        pair[1].records = list(pair[0].records)

    pair[0].on_order = spare_one
    struck = fault(pair)
    struck.inject()
    seen = struck.verify()
    assert not seen.ok
    assert seen.observed["ruined"] == 4


def test_without_any_record_nothing_is_ruined(pair: tuple[Guests, Guests]) -> None:
    pair[0].records = []
    replicating(*pair)
    struck = fault(pair)
    struck.inject()
    assert not struck.verify().ok


def test_an_update_that_is_refused_is_an_error(pair: tuple[Guests, Guests]) -> None:
    pair[0].answers["database-0"]["spoil"] = 500
    with pytest.raises(HarnessError, match="/spoil was answered 500"):
        fault(pair).inject()


def test_a_silent_guest_is_an_error(pair: tuple[Guests, Guests]) -> None:
    pair[0].stop()
    with pytest.raises(HarnessError, match="/spoil was not answered"):
        fault(pair).inject()


def test_it_is_undone_with_the_vnf(pair: tuple[Guests, Guests]) -> None:
    struck = fault(pair)
    assert (struck.name, struck.target) == ("bad-update", "site-a")
    undo = struck.undo()
    UNDO_ACTIONS[undo.action](undo.arguments)
    struck.heal()
    assert struck.verify_healed().ok
    assert pair[0].orders == []
