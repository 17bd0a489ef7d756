"""UC1, one VNF with members in several clouds: MS-DC-01 (it has them), MS-DC-03 (the rest goes to another cloud when
one is full), MS-DC-04 (the loss of one leaves the others' members serving).

The members are in the inventories ``members-<site>``, and ``members-<site>-…`` where a site was looked at again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from conformance.checkers.answers import answers
from conformance.checkers.timeline import site_loss
from conformance.checkers.words import count, joined, listed
from conformance.model import Event, Evidence, Inventory, ScenarioRecord, Status, Verdict
from conformance.model.inventory import Server
from conformance.model.verdict import FigureValue

PREFIX = "members-"
CAPACITY_REFUSED = "capacity-refused"
MEMBERS_WANTED = "members-wanted"
# After the loss of a cloud the others serve when clients were served there this often.
SERVED_AFTER = 10


def looks(record: ScenarioRecord) -> dict[str, list[Inventory]]:
    """The inventories of each site's members, by site, in time order."""
    found: dict[str, list[Inventory]] = {}
    for name, inventory in record.inventories.items():
        if name.startswith(PREFIX):
            found.setdefault(inventory.site, []).append(inventory)
    return {site: sorted(taken, key=lambda i: i.taken_at) for site, taken in sorted(found.items())}


def latest(record: ScenarioRecord) -> dict[str, Inventory]:
    """Each site's members as last seen."""
    return {site: taken[-1] for site, taken in looks(record).items()}


def one_vnf(record: ScenarioRecord) -> Verdict:
    """Judge MS-DC-01: it has members in two clouds, and as many as it was to have (observation ``members-wanted``).
    Figures: ``clouds`` that hold members, ``members``, ``members_at_<site>``, ``serving``, and ``wanted`` if on
    record."""
    clouds = latest(record)
    figures = _figures(clouds)
    wanted = _wanted(record)
    if wanted is not None:
        figures["wanted"] = wanted
    if len(clouds) < 2:
        return _open(f"Members of {count(len(clouds), 'cloud')} are on record; two are needed.", figures)
    wrong = [*_twice(clouds), *_not_well(clouds.values())]
    total = sum(len(i.servers) for i in clouds.values())
    if wanted is not None and total != wanted:
        wrong.insert(0, f"the VNF has {count(total, 'member')} of {wanted}")
    holding = [site for site, inventory in clouds.items() if inventory.servers]
    if not holding:
        return _open(f"None of {listed(clouds)} holds a member.", figures)
    if len(holding) < 2:
        wrong.append(f"all members are at {holding[0]}, none at {listed([s for s in clouds if s not in holding])}")
    if wrong:
        return _failed(wrong, figures)
    unasked = _unasked(clouds.values())
    if unasked:
        return _open(f"Nobody asked {listed(unasked)} whether they serve.", figures)
    if wanted is None:
        return _open("Nothing on record says how many members the VNF was to have.", figures)
    spread = joined((f"{len(clouds[s].servers)} at {s}" for s in holding), most=len(holding))
    reason = f"One VNF has its members in {count(len(holding), 'cloud')}: {spread}, all serving."
    return Verdict(Status.PASS, reason, figures)


def overflow(record: ScenarioRecord) -> Verdict:
    """Judge MS-DC-03: the first cloud refused for want of room (observation ``capacity-refused``, whose ``wanted`` is
    the VNF's full number of VMs), and the VNF is complete all the same. Figures as for MS-DC-01, and ``wanted``."""
    clouds, first = latest(record), record.info.first_site
    figures = _figures(clouds)
    refusals = [e for e in record.events if e.kind == "observation" and e.name == CAPACITY_REFUSED]
    mine = [e for e in refusals if e.target in (first, None)]
    seen = next((e for e in mine if e.ok), None)
    if seen is None:
        why = f": {mine[0].detail.rstrip('.')}" if mine and mine[0].detail else ""
        return _open(f"{first} was not seen to refuse a member for want of room{why}.", figures)
    wanted = seen.observed.get("wanted")
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        return _open("Nothing on record says how many VMs the VNF was to have.", figures)
    figures["wanted"] = wanted
    if first not in clouds or len(clouds) < 2:
        return _open(f"The members at {first} and at another cloud are not both on record.", figures)
    early = [site for site, inventory in clouds.items() if inventory.taken_at < seen.t]
    if early:
        return _open(f"The members at {listed(early)} were counted before {first} refused.", figures)
    return _complete(clouds, first, wanted, seen, figures)


def _complete(
    clouds: dict[str, Inventory], first: str, wanted: int, seen: Event, figures: dict[str, FigureValue]
) -> Verdict:
    total = sum(len(i.servers) for i in clouds.values())
    wrong = [*_twice(clouds), *_not_well(clouds.values())]
    if total != wanted:
        wrong.insert(0, f"the VNF has {count(total, 'VM')} of {wanted}")
    elsewhere = {site: len(i.servers) for site, i in clouds.items() if site != first and i.servers}
    if not elsewhere:
        wrong.append(f"no member was placed outside of {first}")
    if wrong:
        return _failed(wrong, figures)
    unasked = _unasked(clouds.values())
    if unasked:
        return _open(f"Nobody asked {listed(unasked)} whether they serve.", figures)
    if not clouds[first].servers:
        reason = f"{first} holds no member at all: it was not filled, it never took one."
        return _open(reason, figures)
    said = f" ({seen.detail.rstrip('.')})" if seen.detail else ""
    there = joined(f"{n} at {site}" for site, n in elsewhere.items())
    reason = f"When {first} had no room left{said}, the rest was placed elsewhere, {there}: all {wanted} VMs serve."
    return Verdict(Status.PASS, reason, figures)


def survivors(record: ScenarioRecord) -> Verdict:
    """Judge MS-DC-04. Figures: ``members_before`` and ``members_after`` in the clouds that were not lost, ``serving``,
    ``served_after`` (operations and probes that clients had served there after the loss)."""
    loss = site_loss(record)
    if loss is None:
        return Verdict(Status.INCONCLUSIVE, f"The loss of {record.info.first_site} is not on record.")
    others = {site: taken for site, taken in looks(record).items() if site != loss.site}
    before = {s: [i for i in taken if i.taken_at <= loss.began] for s, taken in others.items()}
    after = {s: [i for i in taken if loss.lasts_at(i.taken_at)] for s, taken in others.items()}
    had = {s: i[-1] for s, i in before.items() if i and i[-1].servers}
    if not had:
        return Verdict(Status.INCONCLUSIVE, f"No members outside of {loss.site} are on record from before {loss.what}.")
    unseen = [s for s in had if not after[s]]
    if unseen:
        return _open(f"Nobody looked at the members at {listed(unseen)} while {loss.site} was lost.", {})
    have = {s: after[s][-1] for s in had}
    served = sum(a.served is True and a.sent > loss.done for site in had for a in answers(record, site))
    figures: dict[str, FigureValue] = {
        "members_before": sum(len(i.servers) for i in had.values()),
        "members_after": sum(len(i.servers) for i in have.values()),
        "serving": sum(s.serving is True for i in have.values() for s in i.servers),
        "served_after": served,
    }
    ill = set(_not_well(had.values()))
    if ill:
        return _open(f"Not all was well before {loss.what}: {joined(sorted(ill))}.", figures)
    wrong = [f"{s.label} is no longer at {site}" for site, s in _missing(had, have)]
    wrong += _not_well(have.values())
    asked = [p for p in record.probes if p.sent > loss.done]
    if len(asked) >= SERVED_AFTER and not served:
        wrong.append(f"none of {count(len(asked), 'probe')} after {loss.what} was served at {listed(had)}")
    if wrong:
        return _failed(wrong, figures)
    unasked = _unasked(have.values())
    if unasked or served < SERVED_AFTER:
        few = f"Clients were served only {count(served, 'time')} there"
        return _open(f"{f'Nobody asked {listed(unasked)}' if unasked else few} after {loss.what}.", figures)
    kept = count(int(str(figures["members_after"])), "member")
    reason = f"{kept} at {listed(had)} kept running and served {count(served, 'request')} after {loss.what}."
    return Verdict(Status.PASS, reason, figures)


def _wanted(record: ScenarioRecord) -> int | None:
    """How many members the VNF was to have, None where nobody noted it."""
    noted = (e.observed.get("wanted") for e in record.events if e.kind == "observation" and e.name == MEMBERS_WANTED)
    return next((n for n in noted if isinstance(n, int) and not isinstance(n, bool)), None)


def _missing(had: dict[str, Inventory], have: dict[str, Inventory]) -> Iterator[tuple[str, Server]]:
    for site, inventory in had.items():
        still = {s.id for s in have[site].servers}
        yield from ((site, s) for s in inventory.servers if s.id not in still)


def _twice(clouds: dict[str, Inventory]) -> list[str]:
    """Members of one name in two clouds are two copies of a VNF, or one member too many."""
    times = Counter(s.label for i in clouds.values() for s in i.servers)
    return [f"there are {n} members {label}: copies, not one VNF" for label, n in sorted(times.items()) if n > 1]


def _not_well(clouds: Iterable[Inventory]) -> list[str]:
    found = []
    for inventory in clouds:
        for server in inventory.servers:
            if server.status != "ACTIVE":
                found.append(f"{server.label} is {server.status} at {inventory.site}")
            elif server.serving is False:
                found.append(f"{server.label} is ACTIVE at {inventory.site} and does not answer")
    return found


def _unasked(clouds: Iterable[Inventory]) -> list[str]:
    return [s.label for i in clouds for s in i.servers if s.serving is None]


def _figures(clouds: dict[str, Inventory]) -> dict[str, FigureValue]:
    figures: dict[str, FigureValue] = {
        "clouds": sum(bool(i.servers) for i in clouds.values()),
        "members": sum(len(i.servers) for i in clouds.values()),
        "serving": sum(s.serving is True for i in clouds.values() for s in i.servers),
    }
    return figures | {f"members_at_{site}": len(i.servers) for site, i in clouds.items()}


def _open(reason: str, figures: dict[str, FigureValue]) -> Verdict:
    return Verdict(Status.INCONCLUSIVE, reason, figures)


def _failed(wrong: list[str], figures: dict[str, FigureValue]) -> Verdict:
    evidence = tuple(Evidence("member", "member", one) for one in wrong[:100])
    return Verdict(Status.FAIL, f"{joined(wrong)}.", figures, evidence)
