"""How the reference scheme hands over, calls that off, and goes back to a savepoint, against guests that can be
made to misbehave. Stopping servers is left to clouds: see tests/lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sites_files as files
from vnf_guests import Guests, guests

from conformance.model import Event
from conformance.schemes import handover
from conformance.schemes.reference import ReferenceScheme
from conformance.schemes.steps import StepFailed, StepLog
from conformance.sites import Site, load_sites
from conformance.vnf import Endpoint

END = "0/3000100"


@pytest.fixture
def pair() -> Iterator[tuple[Guests, Guests]]:
    with guests("site-a", "127.77.5.") as first, guests("site-b", "127.77.6.", primary=Endpoint("x", 1)) as second:
        first.answers["database-0"]["status"]["lsn"] = END
        second.answers["database-0"]["status"]["replay_lsn"] = END
        yield first, second


@pytest.fixture
def sites(tmp_path: Path) -> tuple[Site, Site]:
    first, second = load_sites(files.write(tmp_path)).sites
    return first, second


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what never comes is not waited for long; what comes is there at the first look."""
    for name in ("REPLICATED_WITHIN_S", "DRAINED_WITHIN_S", "SERVE_TIMEOUT_S"):
        monkeypatch.setattr(handover, name, 0.5)


def scheme(pair: tuple[Guests, Guests], events: list[Event]) -> ReferenceScheme:
    made = ReferenceScheme(on_event=events.append)
    made._deployments = {"site-a": pair[0].deployment, "site-b": pair[1].deployment}
    return made


def hand_over(pair: tuple[Guests, Guests], events: list[Event]) -> None:
    handover.hand_over(StepLog("migrate", "site-b", events.append), pair[0].deployment, pair[1].deployment)


def noted(events: list[Event]) -> list[tuple[str, str | None, bool | None]]:
    return [(e.state, e.target, e.ok) for e in events]


def test_a_handover_goes_in_order_and_says_where_each_step_was(pair: tuple[Guests, Guests]) -> None:
    events: list[Event] = []
    hand_over(pair, events)
    assert noted(events) == [
        ("begin", "site-b", None),
        ("catch-up", "site-b", True),
        ("quiesce", "site-a", True),
        ("replicated", "site-b", True),
        ("promote", "site-b", True),
        ("second-serving", "site-b", True),
    ]
    assert (pair[0].orders, pair[1].orders) == (["quiesce"], ["promote"])
    assert pair[0].answers["frontend-0"]["status"]["database"] == "read-only"
    assert [e.t for e in events] == sorted(e.t for e in events)


def test_what_is_not_protected_is_not_quiesced(pair: tuple[Guests, Guests]) -> None:
    pair[0].answers["database-0"]["status"]["protected"] = False
    events: list[Event] = []
    with pytest.raises(StepFailed, match="the primary at site-a to say that it is protected"):
        hand_over(pair, events)
    assert noted(events)[-1] == ("catch-up", "site-b", False)
    assert pair[0].orders == pair[1].orders == []


def test_a_standby_that_is_behind_is_not_handed_over_to(pair: tuple[Guests, Guests]) -> None:
    pair[1].answers["database-0"]["status"]["replay_lsn"] = "0/30000FF"
    with pytest.raises(StepFailed, match=f"site-b to have everything up to {END}"):
        hand_over(pair, [])
    assert pair[0].orders == pair[1].orders == []


def test_a_primary_that_does_not_say_where_its_log_ends_is_not_quiesced(pair: tuple[Guests, Guests]) -> None:
    del pair[0].answers["database-0"]["status"]["lsn"]
    with pytest.raises(StepFailed, match="does not say where its log ends"):
        hand_over(pair, [])
    assert pair[0].orders == []


class Hanging(dict[str, object]):
    """A status that is protected at once, and lacks the end of the log in the first answers."""

    answers = 0

    def items(self) -> Any:
        self.answers += 1
        return [(key, value) for key, value in super().items() if key != "lsn" or self.answers > 3]


def test_a_primary_that_hangs_for_a_moment_is_asked_again(
    pair: tuple[Guests, Guests], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "REPLICATED_WITHIN_S", 60)
    pair[0].answers["database-0"]["status"] = Hanging(pair[0].answers["database-0"]["status"])
    events: list[Event] = []
    hand_over(pair, events)
    assert ("second-serving", "site-b", True) in noted(events)


def test_a_handover_whose_end_never_arrives_is_called_off_and_the_source_resumes(pair: tuple[Guests, Guests]) -> None:
    first, second = pair

    def more_is_written(order: str) -> None:
        if order == "quiesce":
            second.answers["database-0"]["status"]["replay_lsn"] = "0/3000000"

    first.on_order = more_is_written
    events: list[Event] = []
    with pytest.raises(StepFailed, match="site-b to have everything up to"):
        hand_over(pair, events)
    assert noted(events)[-3:] == [
        ("quiesce", "site-a", True),
        ("replicated", "site-b", False),
        ("call-off", "site-a", True),
    ]
    assert (first.orders, second.orders) == (["quiesce", "resume"], [])
    assert first.answers["frontend-0"]["status"]["database"] == "writable"


def test_a_refused_promotion_is_called_off_and_the_source_resumes(pair: tuple[Guests, Guests]) -> None:
    first, second = pair
    second.answers["database-0"]["promote"] = 409
    events: list[Event] = []
    with pytest.raises(StepFailed, match="/promote was answered 409"):
        hand_over(pair, events)
    assert noted(events)[-2:] == [("promote", "site-b", False), ("call-off", "site-a", True)]
    assert first.orders == ["quiesce", "resume"]


@pytest.mark.parametrize("said", [None, 50331904, "gtid-17"])
def test_a_source_that_does_not_say_where_its_log_ends_resumes(pair: tuple[Guests, Guests], said: object) -> None:
    first, second = pair
    events: list[Event] = []

    class Quiesced(dict[str, Any]):
        """Says where its log is until it is told to be quiet."""

        def get(self, key: str, default: Any = None) -> Any:
            return said if key == "lsn" and "quiesce" in first.orders else super().get(key, default)

    first.answers["database-0"]["status"] = Quiesced(first.answers["database-0"]["status"])
    with pytest.raises(StepFailed, match="should say where its log is as PostgreSQL does"):
        hand_over(pair, events)
    assert noted(events)[-1] == ("call-off", "site-a", True)
    assert (first.orders, second.orders) == (["quiesce", "resume"], [])


def test_a_source_that_cannot_resume_is_said_to_be_so(pair: tuple[Guests, Guests]) -> None:
    first, second = pair
    second.answers["database-0"]["promote"] = 409
    first.answers["database-0"]["resume"] = 500
    events: list[Event] = []
    with pytest.raises(StepFailed, match="/resume was answered 500"):
        hand_over(pair, events)
    assert noted(events)[-1] == ("call-off", "site-a", False)


def test_a_source_that_does_not_quiesce_needs_no_calling_off(pair: tuple[Guests, Guests]) -> None:
    pair[0].answers["database-0"]["quiesce"] = 409
    events: list[Event] = []
    with pytest.raises(StepFailed, match="/quiesce was answered 409"):
        hand_over(pair, events)
    assert noted(events)[-1] == ("quiesce", "site-a", False)
    assert (pair[0].orders, pair[1].orders) == (["quiesce"], [])


def test_a_move_that_is_called_off_is_a_result_that_stops_nothing(
    pair: tuple[Guests, Guests], sites: tuple[Site, Site]
) -> None:
    pair[1].answers["database-0"]["promote"] = 409
    events: list[Event] = []
    result = scheme(pair, events).migrate(*sites)
    assert not result.ok
    assert "/promote was answered 409" in result.detail
    assert "first-stopping" not in [e.state for e in events]
    assert noted(events)[-1] == ("end", "site-b", False)


def test_a_savepoint_is_named_at_the_primary(pair: tuple[Guests, Guests]) -> None:
    events: list[Event] = []
    result = scheme(pair, events).savepoint("clean")
    assert (result.ok, result.detail) == (True, "The state is kept as clean.")
    assert (pair[0].orders, pair[1].orders) == (["savepoint"], [])
    assert noted(events) == [("begin", "clean", None), ("name-it", "clean", True), ("end", "clean", True)]
    assert events[1].observed["lsn"] == END


def test_a_refused_savepoint_is_a_result(pair: tuple[Guests, Guests]) -> None:
    pair[0].answers["database-0"]["savepoint"] = 500
    events: list[Event] = []
    result = scheme(pair, events).savepoint("clean")
    assert not result.ok
    assert "/savepoint was answered 500" in result.detail
    assert noted(events)[-1] == ("end", "clean", False)


def test_going_back_stops_the_ruined_site_before_the_standby_serves(
    pair: tuple[Guests, Guests], sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr("conformance.schemes.reference.stop_servers", lambda site, _: order.append(f"stop {site.name}"))
    pair[0].on_order = pair[1].on_order = order.append
    events: list[Event] = []
    result = scheme(pair, events).recover(*sites, "clean")
    assert result.ok, result.detail
    assert result.deployment is pair[1].deployment
    assert order == ["quiesce", "stop site-a", "recover"]
    assert noted(events) == [
        ("begin", "site-b", None),
        ("quiesce", "site-a", True),
        ("stop", "site-a", True),
        ("go-back", "site-b", True),
        ("end", "site-b", True),
    ]


def test_a_savepoint_that_cannot_be_gone_back_to_is_a_result(
    pair: tuple[Guests, Guests], sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.schemes.reference.stop_servers", lambda site, vnf: None)
    pair[1].answers["database-0"]["recover"] = 500
    events: list[Event] = []
    result = scheme(pair, events).recover(*sites, "clean")
    assert not result.ok
    assert "/recover was answered 500" in result.detail
    assert noted(events)[-2:] == [("go-back", "site-b", False), ("end", "site-b", False)]


def test_a_standby_that_does_not_serve_what_it_went_back_to_is_a_result(
    pair: tuple[Guests, Guests], sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.schemes.reference.stop_servers", lambda site, vnf: None)

    def lame(order: str) -> None:
        pair[1].answers["frontend-1"]["status"]["database"] = "read-only"

    pair[1].on_order = lame
    result = scheme(pair, []).recover(*sites, "clean")
    assert not result.ok
    assert "'frontend-1': 'read-only'" in result.detail
