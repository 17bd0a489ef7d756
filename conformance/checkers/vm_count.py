"""MS-GR-07: the same virtual machines run at the second site, in the same roles; and so at the first again after the
service has returned.

A multiset comparison over role, flavor, image digest, sizes of volumes, and affinity; every server must be
ACTIVE and its guest must have answered.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.checkers.inventories import BeforeAndAfter, Looks, before_and_after, looks_there
from conformance.checkers.words import count, joined, listed
from conformance.model import Evidence, Inventory, ScenarioRecord, Status, Verdict
from conformance.model.inventory import Server
from conformance.model.verdict import FigureValue

NAMED = 300


@dataclass(frozen=True, order=True)
class Make:
    """What a server must have in common with its counterpart, each in words."""

    role: str
    flavor: str
    image: str
    volumes: str
    affinity: str


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-07: the second site after the loss, compared with the first before it."""
    return judge(record, looks_there(record))


def judge(record: ScenarioRecord, looks: Looks) -> Verdict:
    """Whether the same virtual machines run in both looks. Figures: ``servers_before``, ``servers_after``, ``serving``,
    ``differences``. O(n log n)."""
    both = before_and_after(record, looks)
    if isinstance(both, str):
        return Verdict(Status.INCONCLUSIVE, both)
    before, after = both.before, both.after
    figures: dict[str, FigureValue] = {
        "servers_before": len(before.servers),
        "servers_after": len(after.servers),
        "serving": sum(s.serving is True for s in after.servers),
    }
    if not before.servers:
        return Verdict(Status.INCONCLUSIVE, f"The inventory of {before.site} holds no server.", figures)
    evidence = (*_differences(both), *_groupings(both), *_not_running(both), *_not_apart(both))
    figures["differences"] = len(evidence)
    if evidence:
        reason = f"{count(len(evidence), 'difference')}: {joined(e.text for e in evidence)}."
        return Verdict(Status.FAIL, reason, figures, evidence[:NAMED])
    doubts = list(_doubts(both))
    if doubts:
        return Verdict(Status.INCONCLUSIVE, f"{joined(doubts, most=len(doubts))}.", figures)
    roles = Counter(s.role for s in after.servers)
    counted = listed((f"{n} {role}" for role, n in sorted(roles.items())), most=len(roles))
    reason = (
        f"{count(len(after.servers), 'server')} as at {before.site} ({counted}) "
        f"{'is' if len(after.servers) == 1 else 'are'} ACTIVE and answering at {both.where}: same flavors, "
        "images, volumes and affinity."
    )
    return Verdict(Status.PASS, reason, figures)


def _make(server: Server, inventory: Inventory) -> Make:
    sizes = {v.id: v.size_gib for v in inventory.volumes}
    volumes = sorted((sizes.get(i) for i in server.volume_ids), key=lambda size: -1 if size is None else size)
    f = server.flavor
    return Make(
        role=server.role,
        flavor=f"{f.vcpus} vCPU, {f.ram_mib} MiB RAM, {f.disk_gib} GiB disk",
        image="none" if server.image is None else server.image.digest or "unknown",
        volumes=" + ".join("of unknown size" if s is None else f"{s} GiB" for s in volumes) or "none",
        affinity=server.group_policy or "none",
    )


def _differences(both: BeforeAndAfter) -> Iterator[Evidence]:
    """Servers without a counterpart: told apart by role, then paired by name to say which field differs."""
    before = {s.id: _make(s, both.before) for s in both.before.servers}
    after = {s.id: _make(s, both.after) for s in both.after.servers}
    missing = _beyond(both.before.servers, before, both.after.servers, after)
    extra = _beyond(both.after.servers, after, both.before.servers, before)
    for role in sorted({*missing, *extra}):
        gone, new = missing.get(role, []), extra.get(role, [])
        for old, fresh in _paired(gone, new):
            yield from _fields(old, before[old.id], fresh, after[fresh.id], both)
            gone.remove(old)
            new.remove(fresh)
        for server in gone:
            yield Evidence(
                "server",
                server.label,
                f"server {server.label} ({role}) has no counterpart at {both.where}",
            )
        for server in new:
            yield Evidence("server", server.label, f"server {server.label} ({role}) is only at {both.where}")


def _beyond(
    servers: tuple[Server, ...], makes: dict[str, Make], others: tuple[Server, ...], other_makes: dict[str, Make]
) -> dict[str, list[Server]]:
    """The servers, by role, for which the other site has none of that make left; namesakes go first."""
    namesakes = {(s.label, other_makes[s.id]) for s in others}
    left = Counter(other_makes.values())
    found: defaultdict[str, list[Server]] = defaultdict(list)
    for server in sorted(servers, key=lambda s: ((s.label, makes[s.id]) not in namesakes, s.label)):
        make = makes[server.id]
        if left[make]:
            left[make] -= 1
        else:
            found[server.role].append(server)
    return found


def _paired(gone: list[Server], new: list[Server]) -> list[tuple[Server, Server]]:
    """Servers of one role: those of one name belong together, the rest in order."""
    by_label = {s.label: s for s in new}
    same = [(s, by_label[s.label]) for s in gone if s.label in by_label]
    taken = {id(s) for pair in same for s in pair}
    rest = zip([s for s in gone if id(s) not in taken], [s for s in new if id(s) not in taken], strict=False)
    return [*same, *rest]


def _fields(old: Server, a: Make, new: Server, b: Make, both: BeforeAndAfter) -> Iterator[Evidence]:
    name = old.label if old.label == new.label else f"{old.label} ({new.label} at {both.where})"
    for field in ("flavor", "image", "volumes", "affinity"):
        was, now = getattr(a, field), getattr(b, field)
        if was != now:
            text = f"server {name} ({old.role}): {field} is {was} at {both.before.site} and {now} at {both.where}"
            yield Evidence("server", old.label, text)


def _groupings(both: BeforeAndAfter) -> Iterator[Evidence]:
    """Server groups as multisets of policy and member roles: which servers share a group matters, its name
    does not."""
    before, after = _groups(both.before), _groups(both.after)
    for group in sorted((before - after).elements()):
        text = f"server group ({group[0]}) of {listed(group[1], most=9)} has no counterpart at {both.where}"
        yield Evidence("server group", group[0], text)
    for group in sorted((after - before).elements()):
        text = f"server group ({group[0]}) of {listed(group[1], most=9)} is only at {both.where}"
        yield Evidence("server group", group[0], text)


def _groups(inventory: Inventory) -> Counter[tuple[str, tuple[str, ...]]]:
    members: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for server in inventory.servers:
        if server.group_label is not None:
            members[server.group_label, server.group_policy or "no policy"].append(server.role)
    return Counter((policy, tuple(sorted(roles))) for (_, policy), roles in members.items())


def _not_running(both: BeforeAndAfter) -> Iterator[Evidence]:
    """What is there and does not run: servers, their guests, their volumes."""
    after = both.after
    for server in after.servers:
        if server.status != "ACTIVE":
            yield Evidence("server", server.label, f"server {server.label} is {server.status} at {both.where}")
        elif server.serving is False:
            text = f"server {server.label} is ACTIVE at {both.where}, but its guest does not answer"
            yield Evidence("server", server.label, text)
    attached = {i for s in after.servers for i in s.volume_ids}
    for volume in after.volumes:
        if volume.id in attached and volume.status.startswith("error"):
            yield Evidence("volume", volume.label, f"volume {volume.label} is in state {volume.status} at {both.where}")


def _not_apart(both: BeforeAndAfter) -> Iterator[Evidence]:
    """Servers that strict anti-affinity ought to keep apart, and that are on one host."""
    hosts: defaultdict[tuple[str | None, str], list[str]] = defaultdict(list)
    for server in both.after.servers:
        if server.group_policy == "anti-affinity" and server.host:
            hosts[server.group_label, server.host].append(server.label)
    for (_, host), labels in sorted(hosts.items(), key=lambda entry: entry[0][1]):
        if len(labels) > 1:
            text = (
                f"servers {listed(labels, most=9)} are on one host ({host}) at {both.where} in spite of anti-affinity"
            )
            yield Evidence("server group", "anti-affinity", text)


def _doubts(both: BeforeAndAfter) -> Iterator[str]:
    """What was not looked at, or not in a state to be compared with."""
    broken = [s.label for s in both.before.servers if s.status != "ACTIVE"]
    if broken:
        yield f"The VNF was not whole at {both.before.site} to begin with: {listed(broken)} not ACTIVE"
    unasked = [s.label for s in both.after.servers if s.serving is None]
    if unasked:
        yield f"Nobody asked the guests of {listed(unasked)} at {both.where} whether they serve"
    for inventory, where in ((both.before, both.before.site), (both.after, both.where)):
        makes = {s.label: _make(s, inventory) for s in inventory.servers}
        no_digest = [label for label, make in makes.items() if make.image == "unknown"]
        if no_digest:
            yield f"The images of {listed(no_digest)} at {where} have no digest to compare"
        no_size = [label for label, make in makes.items() if "unknown" in make.volumes]
        if no_size:
            yield f"Volumes of {listed(no_size)} at {where} are not in the inventory"
