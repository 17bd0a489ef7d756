"""Asking guests how they are: an ACTIVE server is not yet a working one."""

from collections.abc import Iterator

import pytest
from vnf_guests import Guests, guests

from conformance.vnf import Endpoint, ask_guests, serving
from conformance.vnf.guests import not_ready


@pytest.fixture
def vnf() -> Iterator[Guests]:
    with guests("site-a", "127.77.1.") as running:
        yield running


def reasons(vnf: Guests) -> list[str]:
    answers = ask_guests(vnf.deployment)
    found = [not_ready(vnf.deployment, guest, answers[guest.label]) for guest in vnf.deployment.guests]
    return [reason for reason in found if reason]


def test_where_to_find_it_follows_from_the_blueprint_and_the_addresses(vnf: Guests) -> None:
    service, management = vnf.deployment.blueprint.service.port, vnf.deployment.blueprint.management.port
    assert vnf.deployment.service_urls == (f"http://127.77.1.2:{service}", f"http://127.77.1.3:{service}")
    assert vnf.deployment.management_urls == (f"http://127.77.1.1:{management}",)
    assert vnf.deployment.replication_upstream == Endpoint("127.77.1.1", 5432)


def test_all_guests_that_answer_are_serving(vnf: Guests) -> None:
    assert serving(vnf.deployment) == {"site-a/database-0": True, "site-a/frontend-0": True, "site-a/frontend-1": True}


def test_a_guest_that_says_it_failed_is_not_serving(vnf: Guests) -> None:
    vnf.answers["database-0"]["status"] = {"role": "failed"}
    assert serving(vnf.deployment)["site-a/database-0"] is False


def test_guests_that_are_gone_are_not_serving(vnf: Guests) -> None:
    vnf.stop()
    assert set(serving(vnf.deployment).values()) == {False}


def test_an_answer_that_is_no_json_object_counts_as_none(vnf: Guests) -> None:
    vnf.answers["frontend-1"]["status"] = ["frontend"]
    assert ask_guests(vnf.deployment)["frontend-1"] is None


def test_a_primary_is_ready_when_it_is_primary_and_its_front_ends_can_write(vnf: Guests) -> None:
    assert reasons(vnf) == []


@pytest.mark.parametrize(
    ("guest", "status", "reason"),
    [
        ("database-0", {"role": "starting", "error": "copying"}, "says it is 'starting', not 'primary' (copying)"),
        ("database-0", {"role": "fenced"}, "says it is 'fenced', not 'primary'"),
        ("frontend-1", {"role": "frontend", "database": "down"}, "frontend-1 says it is 'down', not 'writable'"),
        ("frontend-1", {}, "frontend-1 says it is None, not 'writable'"),
        ("database-0", {"role": "failed", "error": "initdb: no space"}, "has failed (initdb: no space)"),
        ("frontend-1", {"role": "failed"}, "frontend-1 says that it has failed"),
    ],
)
def test_a_guest_that_does_not_do_its_part_says_why(vnf: Guests, guest: str, status: object, reason: str) -> None:
    vnf.answers[guest]["status"] = status
    (found,) = reasons(vnf)
    assert reason in found


def test_a_standby_is_ready_when_it_follows_though_its_front_ends_cannot_write() -> None:
    with guests("site-b", "127.77.2.", primary=Endpoint("127.77.1.1", 5432)) as standby:
        assert reasons(standby) == []
        standby.answers["database-0"]["status"]["role"] = "primary"
        assert reasons(standby) == ["database-0 says it is 'primary', not 'standby'"]
