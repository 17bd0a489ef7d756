"""MS-GR-07: the same machines in the same roles, whatever they are called; anything missing is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import (
    A,
    B,
    clean,
    drop_events,
    drop_object,
    edit_events,
    edit_inventory,
    edit_object,
    fault,
    info,
    inventory,
)

from conformance.checkers.registry import judge
from conformance.model import Inventory, ScenarioRecord, Status, Verdict
from conformance.model.inventory import Flavor, Image, Volume

Change = Callable[[ScenarioRecord], ScenarioRecord]
Edit = Callable[[Inventory], Inventory]


def judged(record: ScenarioRecord) -> Verdict:
    return judge("vm-count", record)


def before(*edits: Edit) -> Change:
    return _edited("first-before", edits)


def after(*edits: Edit) -> Change:
    return _edited("second-after", edits)


def on_both(*edits: Edit) -> Change:
    return lambda r: after(*edits)(before(*edits)(r))


def _edited(name: str, edits: tuple[Edit, ...]) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for edit in edits:
            record = edit_inventory(record, name, edit)
        return record

    return change


def server(label: str, **fields: object) -> Edit:
    return edit_object("servers", label, **fields)


def every_server(**fields: object) -> Edit:
    return lambda i: replace(i, servers=tuple(replace(s, **fields) for s in i.servers))  # type: ignore[arg-type]


def more(label: str, **fields: object) -> Edit:
    """One more server like the first front-end."""

    def change(inventory: Inventory) -> Inventory:
        like = next(s for s in inventory.servers if s.label == "frontend-0")
        extra = replace(like, id=f"extra {label}", label=label, port_ids=(), host=f"host {label}", **fields)  # type: ignore[arg-type]
        return replace(inventory, servers=(*inventory.servers, extra))

    return change


def twin_groups(label: str) -> Edit:
    """A second pair of front-ends in the group of this name."""
    return lambda i: more("frontend-3", group_label=label)(more("frontend-2", group_label=label)(i))


def volume(size: int) -> Callable[[Inventory], Inventory]:
    def change(inventory: Inventory) -> Inventory:
        added = Volume("more", "more", size, "in-use")
        with_it = edit_object("servers", "database-0", volume_ids=lambda ids: (*ids, "more"))(inventory)
        return replace(with_it, volumes=(*with_it.volumes, added))

    return change


def reordered(inventory: Inventory) -> Inventory:
    return replace(inventory, servers=tuple(reversed(inventory.servers)))


def no_image(inventory: Inventory) -> Inventory:
    return every_server(image=None)(inventory)


GOOD: dict[str, Change] = {
    "nothing differs": lambda r: r,
    "the servers are listed in another order": after(reordered),
    "the servers bear other names": lambda r: replace(
        r, inventories={**r.inventories, "second-after": inventory(B, taken=3, prefix="dr-")}
    ),
    "the image has another id and name": after(every_server(image=Image("x", "y", "sha512:abcd"))),
    "the servers boot from volumes": on_both(no_image),
    "there are two volumes of different size": lambda r: after(volume(5))(before(volume(5))(r)),
    "metadata differs": after(every_server(metadata={"promoted": "yes"})),
    "the hosts are not told": after(every_server(host=None)),
    "there is one more on both sides": on_both(more("frontend-2")),
    "two groups on both sides": on_both(twin_groups("others")),
    "soft anti-affinity is not always kept": on_both(
        every_server(group_policy="soft-anti-affinity", group_label="g", host="one")
    ),
    "affinity puts them on one host": on_both(every_server(group_policy="affinity", group_label="g", host="one")),
    "nobody asked the guests at the first site": before(every_server(serving=None)),
    "a volume that belongs to no server is in error": after(
        lambda i: replace(i, volumes=(*i.volumes, Volume("x", "spare", 9, "error")))
    ),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_the_machines_are_the_same_when(change: Change) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.PASS, verdict.reason
    assert "are ACTIVE and answering at site-b: same flavors, images, volumes and affinity." in verdict.reason


FAILING: dict[str, tuple[Change, str]] = {
    "one is missing": (
        after(drop_object("servers", "frontend-1")),
        "server frontend-1 (frontend) has no counterpart at site-b",
    ),
    "all are missing": (after(lambda i: replace(i, servers=())), "server database-0 (database) has no counterpart"),
    "there is one too many": (after(more("frontend-2")), "server frontend-2 (frontend) is only at site-b"),
    "one has another role": (
        after(server("frontend-1", role="database")),
        "server frontend-1 (database) is only at site-b",
    ),
    "one is smaller": (
        after(server("database-0", flavor=Flavor(1, 256, 1))),
        "server database-0 (database): flavor is 1 vCPU, 512 MiB RAM, 1 GiB disk at site-a and 1 vCPU, 256 MiB RAM",
    ),
    "one runs another image": (
        after(server("frontend-0", image=Image("i", "image", "sha512:0bad"))),
        "server frontend-0 (frontend): image is sha512:abcd at site-a and sha512:0bad at site-b",
    ),
    "one boots from a volume": (after(server("frontend-0", image=None)), "image is sha512:abcd at site-a and none"),
    "the volume is missing": (
        after(server("database-0", volume_ids=())),
        "volumes is 1 GiB at site-a and none at site-b",
    ),
    "the volume is smaller": (
        lambda r: after(volume(4))(before(volume(5))(r)),
        "volumes is 1 GiB + 5 GiB at site-a and 1 GiB + 4 GiB at site-b",
    ),
    "affinity is gone": (
        after(every_server(group_label=None, group_policy=None)),
        "affinity is anti-affinity at site-a and none at site-b",
    ),
    "affinity is turned round": (
        after(
            server("frontend-0", group_policy="affinity"),
            server("frontend-1", group_policy="affinity"),
        ),
        "affinity is anti-affinity at site-a and affinity at site-b",
    ),
    "two groups have become one": (
        lambda r: after(twin_groups("frontends"))(before(twin_groups("others"))(r)),
        "server group (anti-affinity) of frontend and frontend has no counterpart at site-b",
    ),
    "one is in error": (after(server("frontend-1", status="ERROR")), "server frontend-1 is ERROR at site-b"),
    "one is shut off": (after(server("database-0", status="SHUTOFF")), "server database-0 is SHUTOFF at site-b"),
    "one is active and does not answer": (
        after(server("database-0", serving=False)),
        "server database-0 is ACTIVE at site-b, but its guest does not answer",
    ),
    "a volume in use is in error": (
        after(edit_object("volumes", "journal", status="error")),
        "volume journal is in state error at site-b",
    ),
    "anti-affinity is not kept": (
        after(server("frontend-0", host="host-9"), server("frontend-1", host="host-9")),
        "servers frontend-0 and frontend-1 are on one host (host-9) at site-b in spite of anti-affinity",
    ),
    "one is missing though a fault did not bite": (
        lambda r: edit_events(
            after(drop_object("servers", "frontend-1"))(r), fault("link-delay", "verified"), ok=False
        ),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert any(reason in e.text for e in verdict.evidence) or reason in verdict.reason
    assert verdict.figures["differences"] == len(verdict.evidence)


def without(name: str) -> Change:
    return lambda r: replace(r, inventories={k: v for k, v in r.inventories.items() if k != name})


OPEN: dict[str, tuple[Change, str]] = {
    "the first inventory is missing": (without("first-before"), "The inventory of site-a (first-before) is not on"),
    "the second inventory is missing": (without("second-after"), "The inventory of site-b (second-after) is not on"),
    "the first inventory is of the wrong site": (before(lambda i: replace(i, site=B)), "is of site-b, not of site-a"),
    "the first inventory came after the loss": (
        before(lambda i: replace(i, taken_at=i.taken_at + 5 * 10**9)),
        "not before it",
    ),
    "the second inventory came before the loss": (
        after(lambda i: replace(i, taken_at=i.taken_at - 5 * 10**9)),
        "not after it",
    ),
    "there was no server to begin with": (
        on_both(lambda i: replace(i, servers=())),
        "The inventory of site-a holds no server",
    ),
    "nobody asked a guest": (
        after(server("frontend-1", serving=None)),
        "Nobody asked the guests of frontend-1 at site-b whether they serve",
    ),
    "the VNF was not whole before": (
        before(server("frontend-1", status="ERROR")),
        "The VNF was not whole at site-a to begin with: frontend-1 not ACTIVE",
    ),
    "images have no digest": (
        on_both(every_server(image=Image("i", "image", None))),
        "have no digest to compare",
    ),
    "a volume is not in the inventory": (
        on_both(lambda i: replace(i, volumes=())),
        "Volumes of database-0 at site-a are not in the inventory",
    ),
    "nothing happened": (
        lambda r: drop_events(replace(r, info=info(faults_planned=())), lambda e: e.kind in ("fault", "scheme")),
        "Nothing on record makes one inventory the one before",
    ),
    "the loss is not on record": (lambda r: drop_events(r, fault("site-loss")), "never injected"),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
    "both inventories are missing": (lambda r: replace(r, inventories={}), "not on record"),
    "the loss did not bite": (
        lambda r: edit_events(r, fault("site-loss", "verified"), ok=False),
        "did not show its effect",
    ),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_servers_of_one_role_are_told_apart_by_name_when_one_has_changed() -> None:
    verdict = judged(after(server("frontend-1", flavor=Flavor(2, 512, 1)))(clean()))
    assert [e.ref for e in verdict.evidence] == ["frontend-1"]


def test_the_first_site_is_named_as_the_one_compared_with() -> None:
    verdict = judged(clean())
    assert verdict.reason.startswith(f"3 servers as at {A} (1 database and 2 frontend)")
