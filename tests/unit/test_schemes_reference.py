"""The reference scheme's failover and status, against guests that can be made to misbehave.

The API of the lost site is a port that nobody listens on. Protecting needs clouds: see tests/lab.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sites_files as files
from vnf_guests import Guests, guests

from conformance.model import Event
from conformance.schemes import handover, reference
from conformance.schemes.reference import ReferenceScheme
from conformance.sites import Site, load_sites
from conformance.vnf import Endpoint


@pytest.fixture
def pair() -> Iterator[tuple[Guests, Guests]]:
    with guests("site-a", "127.77.3.") as first, guests("site-b", "127.77.4.", primary=Endpoint("x", 1)) as second:
        yield first, second


@pytest.fixture
def sites(tmp_path: Path) -> tuple[Site, Site]:
    first, second = load_sites(files.write(tmp_path)).sites
    return first, second


def protected(first: Guests, second: Guests, events: list[Event]) -> ReferenceScheme:
    scheme = ReferenceScheme(on_event=events.append)
    scheme._deployments = {"site-a": first.deployment, "site-b": second.deployment}
    return scheme


def test_a_failover_detects_promotes_and_serves(pair: tuple[Guests, Guests], sites: tuple[Site, Site]) -> None:
    first, second = pair
    events: list[Event] = []
    scheme = protected(first, second, events)
    first.stop()
    result = scheme.failover(*sites)
    assert result.ok, result.detail
    assert [step.name for step in result.steps] == ["detect", "promote", "serve"]
    assert all(step.ended >= step.began for step in result.steps)
    assert result.deployment is second.deployment
    assert second.answers["database-0"]["status"]["role"] == "primary"
    assert [(e.kind, e.name, e.state, e.ok) for e in events] == [
        ("scheme", "failover", "begin", None),
        ("scheme", "failover", "detect", True),
        ("scheme", "failover", "promote", True),
        ("scheme", "failover", "serve", True),
        ("scheme", "failover", "end", True),
    ]
    assert all("took_s" in e.observed for e in events[1:])


def test_a_site_whose_guests_still_answer_is_not_failed_over_from(
    pair: tuple[Guests, Guests], sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "DETECT_TIMEOUT_S", 0.3)
    events: list[Event] = []
    result = protected(*pair, events).failover(*sites)
    assert not result.ok
    assert "site-a is not lost, so its standby is not promoted" in result.detail
    assert "frontend-1" in result.detail
    assert pair[1].answers["database-0"]["status"]["role"] == "standby"
    assert (events[-1].state, events[-1].ok) == ("end", False)


def test_a_site_whose_primary_is_fenced_is_failed_over_from_though_it_answers(
    pair: tuple[Guests, Guests], sites: tuple[Site, Site]
) -> None:
    first, second = pair
    first.answers["database-0"]["status"] = {"role": "fenced", "protected": False}
    result = protected(first, second, []).failover(*sites)
    assert result.ok, result.detail
    assert result.steps[0].detail == "The primary at site-a is fenced: it serves nobody."
    assert second.answers["database-0"]["status"]["role"] == "primary"


def test_a_primary_that_says_once_that_it_is_fenced_and_then_serves_is_not_failed_over_from(
    pair: tuple[Guests, Guests], sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "DETECT_TIMEOUT_S", 0.3)
    first, second = pair
    first.answers["database-0"]["status"] = _Changeable(role="primary")
    assert not protected(first, second, []).failover(*sites).ok
    assert second.answers["database-0"]["status"]["role"] == "standby"


class _Changeable(dict[str, object]):
    """Fenced in the first answer, what was given in every other."""

    asked = 0

    def items(self) -> Any:
        self.asked += 1
        return ({**self, "role": "fenced"} if self.asked == 1 else dict(self)).items()


def test_a_refused_promotion_is_a_result_with_the_answer_in_it(
    pair: tuple[Guests, Guests], sites: tuple[Site, Site]
) -> None:
    first, second = pair
    second.answers["database-0"]["promote"] = 409
    first.stop()
    result = protected(first, second, []).failover(*sites)
    assert not result.ok
    assert '/promote was answered 409: {"error": "not now"}' in result.detail
    assert [(step.name, step.ok) for step in result.steps] == [("detect", True), ("promote", False)]


def test_a_service_that_stays_read_only_is_no_failover(
    pair: tuple[Guests, Guests], sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "SERVE_TIMEOUT_S", 0.3)
    first, second = pair
    second.answers["frontend-1"]["status"] = _Stubborn(role="frontend", database="read-only")
    first.stop()
    result = protected(first, second, []).failover(*sites)
    assert not result.ok
    assert "'frontend-1': 'read-only'" in result.detail


class _Stubborn(dict[str, object]):
    def __setitem__(self, key: str, value: object) -> None:
        """Stay as it is."""


def test_without_protection_there_is_nothing_to_fail_over_to(sites: tuple[Site, Site]) -> None:
    result = ReferenceScheme(on_event=lambda event: None).failover(*sites)
    assert not result.ok
    assert result.detail == "Nothing stands by at site-b: protect was not carried out."


def test_status_says_which_site_is_active_and_whether_it_is_protected(pair: tuple[Guests, Guests]) -> None:
    status = protected(*pair, []).status()
    assert (status.active, status.protected) == ("site-a", True)
    assert status.sites["site-b"]["database-0"] == {"role": "standby", "protected": False}


def test_two_primaries_are_called_split_brain(pair: tuple[Guests, Guests]) -> None:
    pair[1].answers["database-0"]["status"]["role"] = "primary"
    status = protected(*pair, []).status()
    assert status.active is None
    assert "split brain" in status.detail


def test_without_protection_there_is_nothing_to_move_to_or_to_return_from(sites: tuple[Site, Site]) -> None:
    scheme = ReferenceScheme(on_event=lambda event: None)
    for result in (scheme.migrate(*sites), scheme.failback(*sites, Endpoint("127.0.0.1", 1))):
        assert not result.ok
        assert "was not" in result.detail
