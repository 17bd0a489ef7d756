"""The scheme ``observe``: guests that change by themselves are seen to, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
from hook_rig import Rig, saying, stated
from vnf_guests import Guests, guests

from conformance import redaction
from conformance.errors import HarnessError, UsageError
from conformance.schemes import OPERATIONS, make_scheme, offered, read_scheme
from conformance.vnf import Endpoint

LINK = Endpoint("127.1.254.1", 5432)


@pytest.fixture
def pair() -> Iterator[tuple[Guests, Guests]]:
    with guests("site-a", "127.77.10.") as first, guests("site-b", "127.77.11.", primary=Endpoint("x", 1)) as second:
        yield first, second


@pytest.fixture
def rig(tmp_path: Path, pair: tuple[Guests, Guests]) -> Iterator[Rig]:
    yield Rig(tmp_path, pair[0].deployment, pair[1].deployment)
    redaction.forget()


def take_over(second: Guests) -> None:
    second.answers["database-0"]["status"]["role"] = "primary"
    for frontend in ("frontend-0", "frontend-1"):
        second.answers[frontend]["status"]["database"] = "writable"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"protected": {}}, "expected exactly one of get and run"),
        ({"protected": {"get": "http://127.0.0.1/", "run": ["sh"]}}, "expected exactly one of get and run"),
        ({"protected": {"run": ["sh"], "path": "a"}}, "path is for what a URL answers"),
        ({"protected": {"get": "{source.managment}/status"}}, "Did you mean '{source.management}'"),
        ({"protected": {"get": "http://u:p@127.0.0.1/"}}, "must not hold a password"),
        ({"protected": {"get": "status"}}, "protected.get"),
        ({"stopped": {"run": ["sh"]}}, "stopped without replicated"),
        ({"serving": {"run": ["no-such-tool-at-all"]}}, "'no-such-tool-at-all', which is to be run for serving in"),
        ({"standby": {"run": ["./absent"]}}, "'./absent', which is to be run for standby in"),
        ({"standby": "heat"}, "standby"),
        ({"serve_within_s": 0}, "serve_within_s"),
        ({"failover": {"run": ["sh"]}}, "field 'failover' is not known"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(rig: Rig, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_scheme(f"observe:{rig.settings(**fields)}")


def test_without_settings_it_watches_what_the_shipped_vnfs_answer() -> None:
    assert read_scheme("observe").plan == (
        "standby: the harness deploys it from the blueprint",
        "protected: GET {source.management}/status, waits for protected = true",
        'serving: GET {target.service}/status, waits for database = "writable"',
    )
    assert make_scheme("observe", on_event=lambda event: None).name == "observe"


def test_a_failover_is_seen_when_the_second_site_serves(rig: Rig, pair: tuple[Guests, Guests]) -> None:
    first, second = pair
    scheme = rig.scheme(
        "observe",
        detected={"get": "{target.management}/status", "path": "role", "equals": "primary"},
        serve_within_s=20,
    )
    looked = {"standby": Flag(), "primary": Flag()}
    status = second.answers["database-0"]["status"] = Watched(second.answers["database-0"]["status"], looked)

    def by_itself() -> None:
        if looked["standby"].wait(20):
            status["role"] = "primary"
        if looked["primary"].wait(20):
            take_over(second)

    acting = Thread(target=by_itself)
    acting.start()
    result = scheme.failover(*rig.sites)
    acting.join()
    assert result.ok, result.detail
    assert result.deployment is second.deployment
    assert [state for _, state, _ in rig.states] == ["begin", "detect", "serve", "end"]
    detect, serve = rig.events[1:3]
    assert (detect.target, serve.target) == ("site-a", "site-b")
    for event in (detect, serve):
        assert 0 < event.observed["uncertainty_ns"] <= event.t - rig.events[0].t


class Watched(dict[str, Any]):
    """An answer that notes when it is given, by the role that is told in it."""

    def __init__(self, answer: dict[str, Any], looked: dict[str, Flag]) -> None:
        super().__init__(answer)
        self._looked = looked

    def items(self) -> Any:
        self._looked[self["role"]].set()
        return super().items()


def test_what_is_at_the_second_site_already_is_watched_and_not_deployed(rig: Rig, pair: tuple[Guests, Guests]) -> None:
    first, second = pair
    first.answers["database-0"]["status"]["protected"] = True
    scheme = make_scheme("observe", on_event=rig.events.append)
    result = scheme.protect(replace(first.deployment, elsewhere=(second.deployment,)), *rig.sites, None)
    assert result.ok and result.deployment is second.deployment
    assert [state for _, state, _ in rig.states] == ["begin", "replicate", "end"]


def test_a_failover_that_does_not_come_is_a_result_that_says_what_was_looked_for(rig: Rig) -> None:
    scheme = rig.scheme("observe", serve_within_s=0.3)
    result = scheme.failover(*rig.sites)
    assert (result.ok, result.supported) == (False, True)
    assert result.detail == (
        'Within 0.3 s it was not seen to be serving (GET {target.service}/status, waits for database = "writable").'
    )
    assert [(state, ok) for _, state, ok in rig.states] == [("begin", None), ("end", False)]


def test_all_members_must_serve(rig: Rig, pair: tuple[Guests, Guests]) -> None:
    pair[1].answers["frontend-0"]["status"]["database"] = "writable"
    assert not rig.scheme("observe", serve_within_s=0.3).failover(*rig.sites).ok
    pair[1].answers["frontend-1"]["status"]["database"] = "writable"
    assert rig.scheme("observe", serve_within_s=20).failover(*rig.sites).ok


def test_the_order_of_a_move_is_what_was_seen(rig: Rig, pair: tuple[Guests, Guests]) -> None:
    take_over(pair[1])
    scheme = rig.scheme(
        "observe",
        replicated={"get": "{target.management}/status"},
        stopped={"run": ["sh", "-c", "[ -e asked ] || { cat > asked; exit 1; }"]},
        serve_within_s=20,
    )
    assert scheme.migrate(*rig.sites).ok
    assert rig.states[1:-1] == [
        ("site-b", "replicated", True),
        ("site-b", "second-serving", True),
        ("site-a", "first-stopped", True),
    ]
    assert '"arguments": {"source": "site-a", "target": "site-b"}' in (rig.folder / "asked").read_text()
    rig.events.clear()
    pair[0].answers["frontend-0"]["status"]["database"] = "writable"
    assert scheme.failback(rig.sites[1], rig.sites[0], LINK).ok
    assert rig.states[-2] == ("site-b", "first-stopped", True)


def test_protection_is_awaited_where_the_standby_is_there_already(rig: Rig, pair: tuple[Guests, Guests]) -> None:
    scheme = rig.scheme("observe", standby=saying(stated(pair[1].deployment)), protect_within_s=20)
    scheme._deployments = {}
    result = scheme.protect(rig.first, *rig.sites, LINK)
    assert result.ok, result.detail
    assert result.deployment.server_ids
    assert sorted(result.deployment.server_ids) == sorted(pair[1].deployment.server_ids)
    assert [state for _, state, _ in rig.states] == ["begin", "replicate", "end"]
    assert scheme.status().protected


def test_a_vnf_that_never_says_that_it_is_protected_is_not(rig: Rig, pair: tuple[Guests, Guests]) -> None:
    pair[0].answers["database-0"]["status"]["protected"] = 1  # not true
    scheme = rig.scheme("observe", standby=saying(stated(pair[1].deployment)), protect_within_s=0.3)
    result = scheme.protect(rig.first, *rig.sites, LINK)
    assert not result.ok
    assert "not seen to be protected" in result.detail
    assert not scheme.status().protected


def test_a_vnf_without_state_has_nothing_to_be_protected(rig: Rig, pair: tuple[Guests, Guests]) -> None:
    pair[0].answers["database-0"]["status"]["protected"] = False
    blueprint = rig.first.blueprint.model_copy(update={"replication": None})
    scheme = rig.scheme("observe", standby=saying(stated(pair[1].deployment)), protect_within_s=0.3)
    assert scheme.protect(replace(rig.first, blueprint=blueprint), *rig.sites, None).ok


def test_a_standby_that_is_not_stated_is_a_sentence(rig: Rig) -> None:
    scheme = rig.scheme("observe", standby=saying('{"ok": false, "detail": "No stack."}'))
    with pytest.raises(HarnessError, match="should say in 'deployment' what is deployed at site-b. No stack."):
        scheme.protect(rig.first, *rig.sites, LINK)


def test_a_look_that_goes_wrong_is_a_sentence_and_its_exit_status_1_is_not(rig: Rig) -> None:
    scheme = rig.scheme("observe", serving={"run": ["sh", "-c", "exit 2"]}, serve_within_s=20)
    with pytest.raises(HarnessError, match=r"sh \(failover\) should exit with 0 or 1; it exited with 2"):
        scheme.failover(*rig.sites)
    scheme = rig.scheme("observe", serving={"run": ["sh", "-c", "exit 1"]}, serve_within_s=0.3)
    assert not scheme.failover(*rig.sites).ok


def test_a_field_is_found_in_lists_and_objects_and_nowhere_else(rig: Rig, pair: tuple[Guests, Guests]) -> None:
    pair[1].answers["frontend-0"]["status"] |= {"members": [{"state": "up"}]}
    pair[1].answers["frontend-1"]["status"] |= {"members": [{"state": "up"}]}
    for path, found in (("members.0.state", True), ("members.1.state", False), ("role.state", False), ("nix", False)):
        serving = {"get": "{target.service}/status", "path": path, "equals": "up"}
        scheme = rig.scheme("observe", serving=serving, serve_within_s=20 if found else 0.2)
        assert scheme.failover(*rig.sites).ok is found, path


def test_it_never_acts(rig: Rig) -> None:
    scheme = rig.scheme("observe", serving={"run": ["true"]})
    for name, result in (
        ("replication", scheme.replication(False)),
        ("savepoint", scheme.savepoint("clean")),
        ("recover", scheme.recover(*rig.sites, "clean")),
    ):
        assert (result.ok, result.supported) == (False, False)
        assert result.detail == f"The scheme observe does not support {name}: it watches and never acts."
        assert rig.events[-1].state == "not-supported"
        assert name not in offered("observe")
    assert len(offered("observe")) == len(OPERATIONS) - 3
