"""MS-GR-06: the network functions are connected at the second site as they were at the first; and so at the first again
after the service has returned.

The API's records of both looks are compared as graphs, up to names and up to the declared address
translation. Whether packets really pass is another observation: what was observed to reach what is compared too, and
where the data plane cannot be observed, the verdict says so.
"""

from __future__ import annotations

from conformance.checkers import reachability
from conformance.checkers.difference import differences
from conformance.checkers.equivalence import BUDGET, Pairing, TooSymmetrical, compare
from conformance.checkers.inventories import BeforeAndAfter, Looks, before_and_after, looks_there
from conformance.checkers.topology import Topology, topology
from conformance.checkers.words import count, joined, listed
from conformance.model import Event, Evidence, Inventory, ScenarioRecord, Status, Verdict
from conformance.model.verdict import FigureValue

OBSERVATION = "data-plane"
NAMED = 300


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-06: the second site after the loss, compared with the first before it."""
    return judge(record, looks_there(record))


def judge(record: ScenarioRecord, looks: Looks) -> Verdict:
    """Whether the network functions are connected the same way in both looks. Figures: how many of each kind were
    compared, ``differences``, ``reachability``, and where that was observed how many pairs were reached and not. Near
    O(n log n) where addresses tell ports apart."""
    both = before_and_after(record, looks)
    if isinstance(both, str):
        return Verdict(Status.INCONCLUSIVE, both)
    if not both.before.networks or not both.before.ports:
        reason = (
            f"The inventory of {both.before.site} holds no network and port of the VNF: there is nothing to compare."
        )
        return Verdict(Status.INCONCLUSIVE, reason)
    left, right = topology(both.before, record.info), topology(both.after, record.info, both.where)
    observed = _data_plane(record, both)
    reach = reachability.observed(record, both)
    figures: dict[str, FigureValue] = {**_sizes(both.before), "reachability": _reachability(observed)}
    if reach is not None:
        figures |= {"reachability": reach.word, **reach.figures}
    try:
        comparison = compare(left, right)
    except TooSymmetrical:
        reason = f"The networks are so symmetrical that {BUDGET} steps did not suffice to compare them."
        return Verdict(Status.INCONCLUSIVE, reason, figures)
    if comparison.witness is None:
        found = differences(left, right, comparison.rounds)
        evidence = tuple(Evidence("network difference", f"{d.kind} {d.label}", d.text) for d in found[:NAMED])
    else:
        evidence = tuple(_inactive(both, comparison.witness))
        found = []
    total = len(found) if found else len(evidence)
    figures["differences"] = total
    if comparison.witness is None or evidence:
        texts = joined(e.text for e in evidence) if evidence else "their structure as a whole"
        reason = f"{count(total, 'difference')}: {texts}."
        if reach is not None and reach.status is Status.FAIL:
            reason, evidence = f"{reason} {reach.sentence}", (*evidence, *reach.evidence)
        return Verdict(Status.FAIL, reason, figures, evidence)
    if reach is not None and reach.status is Status.FAIL:
        return Verdict(Status.FAIL, f"The records are equal. {reach.sentence}", figures, reach.evidence)
    if observed is not None and observed.ok is False:
        detail = observed.detail.rstrip(".") or "the observation failed"
        return Verdict(Status.FAIL, f"The records are equal, but what can be reached is not: {detail}.", figures)
    unresolved = [*left.unresolved, *right.unresolved]
    if unresolved:
        reason = f"What is on record is equal, but {joined(unresolved, most=2)}."
        return Verdict(Status.INCONCLUSIVE, reason, figures)
    same = f"{_compared(both.before)} of {both.before.site} are connected the same way at {both.where}."
    if reach is not None:
        return Verdict(reach.status, f"{same} {reach.sentence}{_renamed(left, right, comparison.witness)}", figures)
    if observed is None:
        reason = f"{same} Nothing on record says whether packets pass, or whether that can be observed here."
        return Verdict(Status.INCONCLUSIVE, reason, figures)
    return Verdict(
        Status.PASS, f"{same} {_reach_sentence(observed)}{_renamed(left, right, comparison.witness)}", figures
    )


def _data_plane(record: ScenarioRecord, both: BeforeAndAfter) -> Event | None:
    """The last observation of the data plane at the site of the second look, since the service began to come there; a
    failed one outweighs later ones."""
    since = 0 if both.looks.come is None else both.looks.come.began
    named = (e for e in record.events if e.kind == "observation" and e.name == OBSERVATION)
    seen = [e for e in named if e.target in (both.after.site, None) and e.t >= since]
    return next((e for e in seen if e.ok is False), seen[-1] if seen else None)


def _reachability(observed: Event | None) -> str:
    if observed is None:
        return "not observed"
    return {True: "as expected", False: "not as expected", None: "not observable"}[observed.ok]


def _reach_sentence(observed: Event) -> str:
    if observed.ok:
        return "What can and what cannot be reached was observed, and is as it should be."
    why = f" ({observed.detail.rstrip('.')})" if observed.detail else ""
    return f"Only the API's records were compared: whether packets pass is not observable here{why}."


def _inactive(both: BeforeAndAfter, witness: Pairing) -> list[Evidence]:
    """Ports that are not ACTIVE in the second look although their counterparts were in the first."""
    before = {f"port {p.id}": p for p in both.before.ports}
    after = {f"port {p.id}": p for p in both.after.ports}
    found = []
    for here, there in witness.items():
        if here in before and before[here].status == "ACTIVE" and after[there].status != "ACTIVE":
            status = after[there].status or "unknown"
            name = after[there].label or after[there].id
            text = f"port {name}: status is ACTIVE at {both.before.site} and {status} at {both.where}"
            found.append(Evidence("network difference", f"port {name}", text))
    return found


def _renamed(left: Topology, right: Topology, witness: Pairing) -> str:
    n = sum(
        left.nodes[a].label != right.nodes[b].label
        for a, b in witness.items()
        if left.nodes[a].kind != "external network"
    )
    return f" {count(n, 'object')} bear another name there." if n else ""


def _sizes(inventory: Inventory) -> dict[str, FigureValue]:
    return {
        "networks": sum(not n.external for n in inventory.networks),
        "subnets": len(inventory.subnets),
        "routers": len(inventory.routers),
        "ports": len(inventory.ports),
        "security_groups": len(inventory.security_groups),
        "security_group_rules": sum(len(g.rules) for g in inventory.security_groups),
        "floating_ips": len(inventory.floating_ips),
    }


def _compared(inventory: Inventory) -> str:
    sizes = _sizes(inventory)
    names = [count(n, k.replace("_", " ").removesuffix("s")) for k, n in sizes.items() if isinstance(n, int) and n]
    return listed(names, most=len(names)).replace("floating ip", "floating IP")
