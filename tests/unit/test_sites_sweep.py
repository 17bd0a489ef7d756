"""A sweep touches nothing that is not the run's, whatever the cloud answers, and says what would not go.

The cloud here is made up, because a real one cannot be made to ignore its filters or to refuse a deletion.
"""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sites_files as files
from openstack.exceptions import HttpException

from conformance.sites import Site, SiteError, run_prefix, run_tag, sweep

RUN = files.RUN
FOREIGN = "another-run"


def resource(run_id: str, label: str, **more: Any) -> Any:
    """Marked in every way a service may show."""
    given = {
        "id": f"{run_id}/{label}",
        "name": run_prefix(run_id) + label,
        "tags": [run_tag(run_id)],
        "description": run_tag(run_id),
        "metadata": {"multisite-ha:run": run_id},
        "network_id": f"{run_id}/net",
        "device_id": "",
        "routes": [],
    }
    return SimpleNamespace(**(given | more))


class Service:
    """One service: lists everything it holds whatever the filter, as one does that does not know the filter."""

    def __init__(self, held: dict[str, list[Any]], refuses: set[str]) -> None:
        self.held = held
        self.refuses = refuses

    def __getattr__(self, name: str) -> Any:
        if name.startswith("delete_"):
            return self._delete
        return lambda **_: list(self.held.get(name, []))

    def _delete(self, gone: Any) -> None:
        if gone.name in self.refuses:
            raise HttpException("Conflict: it is in use")
        for kind, items in self.held.items():
            self.held[kind] = [i for i in items if i is not gone]


def a_site(held: dict[str, list[Any]], *refuses: str) -> Site:
    service = Service(held, set(refuses))
    cloud = SimpleNamespace(compute=service, network=service, image=service, block_storage=service)
    return cast(Site, SimpleNamespace(name="site-a", asking=lambda what: nullcontext(cloud)))


KINDS = ("servers", "volumes", "images", "flavors", "server_groups", "ips", "ports", "routers", "networks", "subnets")


def everything(run_id: str) -> dict[str, list[Any]]:
    return {kind: [resource(run_id, kind)] for kind in (*KINDS, "security_groups")}


def test_a_cloud_that_ignores_filters_loses_only_what_is_the_runs() -> None:
    ours, theirs = everything(RUN), everything(FOREIGN)
    untagged = {kind: [resource(FOREIGN, kind, tags=None, metadata=None, description=None)] for kind in theirs}
    held = {kind: [*ours[kind], *theirs[kind], *untagged[kind]] for kind in ours}
    deleted = sweep(a_site(held), RUN)
    assert held == {kind: [*theirs[kind], *untagged[kind]] for kind in theirs}
    assert len(deleted) == len(ours)


def test_what_was_created_but_not_tagged_before_a_kill_goes_too() -> None:
    held = {"networks": [resource(RUN, "oam", tags=[])], "routers": [resource(RUN, "edge", tags=[])]}
    assert sorted(sweep(a_site(held), RUN)) == ["network oam", "router edge"]
    assert held == {"networks": [], "routers": []}


def test_what_will_not_go_is_named_with_the_answer() -> None:
    held = {"images": [resource(RUN, "base")], "volumes": [resource(RUN, "journal")]}
    with pytest.raises(SiteError, match=r"still: image base \(Conflict: it is in use\)\. Sweep again"):
        sweep(a_site(held, run_prefix(RUN) + "base"), RUN, timeout=0.3)
    assert held["volumes"] == []


def test_nothing_to_sweep_is_nothing_deleted() -> None:
    assert sweep(a_site(everything(FOREIGN)), RUN) == ()
