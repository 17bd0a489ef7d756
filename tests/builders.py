"""A small correct record of one site loss, and ways to change one thing in it.

Times are seconds relative to the loss: ``at(0)`` is when the site began to go, ``at(0.05)`` when it was gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from conformance.model import (
    Event,
    Inventory,
    Operation,
    Outcome,
    Probe,
    ScenarioInfo,
    ScenarioRecord,
    Thresholds,
)
from conformance.model.inventory import (
    Flavor,
    FloatingIp,
    Image,
    Network,
    Port,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    Server,
    Subnet,
    Volume,
)

A, B = "site-a", "site-b"
POOLS = {A: "127.11.0.0/17", B: "127.12.0.0/17"}
PAGE = 20
MS = 1_000_000


def at(seconds: float) -> int:
    """The instant (nanoseconds) this long after the loss began."""
    return 5_000_000_000_000 + round(seconds * 1_000_000_000)


def info(**changes: Any) -> ScenarioInfo:
    """The plan of the scenario."""
    plan = ScenarioInfo(
        id="01-loss",
        name="The first site is lost",
        feature="Site loss",
        requirements=("MS-GR-01", "MS-GR-02", "MS-GR-03", "MS-GR-05", "MS-GR-06", "MS-GR-07"),
        then=(
            "the second site's VIM works on its own",
            "the service is back at the second site within the recovery time objective",
            "every session survives",
            "no acknowledged write is lost",
            "the network functions are connected the same way as before",
            "the same virtual machines are running in the same roles",
        ),
        faults_planned=("link-delay", "site-loss"),
        first_site=A,
        second_site=B,
        thresholds=Thresholds(rto_s=5.0, detect_s=2.0),
        tenant_pools=POOLS,
        probe_interval_ns=20 * MS,
    )
    return replace(plan, **changes)


def events() -> tuple[Event, ...]:
    """Everything went as planned."""

    def fault(t: float, name: str, target: str, state: str, ok: bool | None = None, detail: str = "") -> Event:
        return Event(at(t), "fault", name, state, target, ok, detail)

    return (
        Event(at(-4), "phase", "load", "begin"),
        fault(-3, "link-delay", "a-b", "injecting"),
        fault(-2.9, "link-delay", "a-b", "injected"),
        fault(-2.8, "link-delay", "a-b", "verified", True, "The round trip takes 161 ms."),
        Event(at(-0.1), "phase", "load", "end"),
        fault(0, "site-loss", A, "injecting"),
        fault(0.05, "site-loss", A, "injected"),
        fault(0.3, "site-loss", A, "verified", True, "No endpoint answers."),
        Event(at(0.4), "scheme", "failover", "begin", B),
        Event(at(0.8), "scheme", "failover", "detect", B),
        Event(at(1.2), "scheme", "failover", "promote", B),
        Event(at(1.5), "scheme", "failover", "end", B, True),
        Event(
            at(3),
            "observation",
            "vim-alive",
            "",
            B,
            True,
            "A server was built.",
            {"token_s": 0.1, "catalog_s": 0.1, "list_s": 0.2, "network_s": 0.2, "server_s": 1.1, "failed": None},
        ),
        Event(at(3.1), "observation", "data-plane", "", B, None, "This lab has no data plane."),
        fault(5, "site-loss", A, "healing"),
        fault(6, "site-loss", A, "healed"),
        fault(7, "site-loss", A, "heal-verified", True),
        fault(7.1, "link-delay", "a-b", "healing"),
        fault(7.2, "link-delay", "a-b", "healed"),
        fault(7.3, "link-delay", "a-b", "heal-verified", True),
    )


def history(before: int = 40, after: int = 20, workers: int = 4) -> tuple[Operation, ...]:
    """Each worker opens a session, writes at A until the loss, has one write of unknown outcome, is refused a few
    times, and writes at B; at last all is read and every session is used at B."""
    ops: list[Operation] = []

    def add(p: int, f: str, start: float, outcome: Outcome, took: float = 0.01, **fields: Any) -> None:
        ops.append(Operation(0, p, f, at(start), outcome, at(start + took), **fields))

    for p in range(workers):
        add(p, "open-session", -4 + p / 100, Outcome.OK, key=f"subscriber-{p}", value=f"token-{p}", site=A)
    step = 3.9 / max(1, before // workers + 1)
    for n in range(before):
        p, turn = n % workers, n // workers
        add(p, "write", -3.9 + turn * step + p * step / 100, Outcome.OK, key=f"b-{n}", value=f"v{n}", site=A)
    for p in range(workers):
        add(p, "write", -0.005, Outcome.INFO, 0.5, key=f"u-{p}", value=f"vu{p}", site=A, error="connection broke")
        refusal = "503 read-only"
        add(p, "write", 0.6, Outcome.FAIL, key=f"r-{p}", value=f"vr{p}", site=B, error=refusal)
    step = 1.0 / max(1, after // workers + 1)
    for n in range(after):
        p, turn = n % workers, n // workers
        add(p, "write", 2.0 + turn * step + p * step / 100, Outcome.OK, key=f"a-{n}", value=f"w{n}", site=B)
    ops.sort(key=lambda op: op.invoked)
    # Of the writes with an unknown outcome the first two took effect.
    items = [(op.key or "", op.value or "") for op in ops if op.f == "write" and op.outcome is Outcome.OK]
    items += [("u-0", "vu0"), ("u-1", "vu1")][: max(0, workers)]
    ops += pages(items, process=workers)
    for p in range(workers):
        ops.append(
            Operation(
                0,
                workers,
                "use-session",
                at(4.8 + p / 100),
                Outcome.OK,
                at(4.805 + p / 100),
                key=f"subscriber-{p}",
                value=f"token-{p}",
                site=B,
                final=True,
            )
        )
    return numbered(ops)


def numbered(ops: Iterable[Operation]) -> tuple[Operation, ...]:
    """The operations in time order with ids 0, 1, …"""
    return tuple(replace(op, id=i) for i, op in enumerate(sorted(ops, key=lambda op: (op.invoked, op.process))))


def pages(
    items: Sequence[tuple[str, str]], process: int = 4, start: float = 4.0, site: str = B, size: int = PAGE
) -> list[Operation]:
    """A complete final read of ``items``, with cursors."""
    cuts = list(range(0, len(items), size)) or [0]
    step = 0.7 / len(cuts)
    return [
        Operation(
            0,
            process,
            "scan",
            at(start + i * step),
            Outcome.OK,
            at(start + (i + 0.5) * step),
            key=str(cut) if cut else None,
            site=site,
            items=tuple(items[cut : cut + size]),
            final=True,
            complete=i == len(cuts) - 1,
        )
        for i, cut in enumerate(cuts)
    ]


Segment = tuple[float, float, str | None]


def probes(
    segments: Sequence[Segment] = ((-4, 0, A), (0, 1.5, None), (1.5, 4, B)),
    interval: float = 0.02,
    took: float = 0.002,
) -> tuple[Probe, ...]:
    """Probes on a fixed schedule. A segment (from, to, who) says who answers probes due in it, None for nobody;
    probes due in no segment are not sent."""
    found: list[Probe] = []
    start, end = min(s[0] for s in segments), max(s[1] for s in segments)
    for n in range(round((end - start) / interval)):
        due = start + n * interval
        who = next((s for s in segments if s[0] - 1e-9 <= due < s[1] - 1e-9), None)
        if who is not None:
            sent, ok = at(due), who[2] is not None
            found.append(Probe(n, sent, sent, at(due + took), ok, who[2], None if ok else f"{A}: refused; {B}: 503"))
    return tuple(found)


def inventory(site: str, *, taken: float, third_octet: int = 0, prefix: str = "") -> Inventory:
    """The VNF of two networks, a router, two databases and two front-ends. ``third_octet`` is where in its pool
    the site carves its subnets, ``prefix`` goes before every name."""
    net = POOLS[site].rsplit(".", 2)[0]
    oam, service = f"{net}.{third_octet + 1}", f"{net}.{third_octet + 2}"
    i = (lambda name: f"{site}:{name}") if not prefix else (lambda name: f"{site}/{prefix}{name}")
    n = lambda name: f"{prefix}{name}"  # noqa: E731
    rule = SecurityGroupRule
    roles = [("database", 0), ("frontend", 0), ("frontend", 1)]
    ports: list[Port] = []
    servers: list[Server] = []
    for order, (role, number) in enumerate(roles):
        label = f"{role}-{number}"
        for network, base in (("oam", oam), ("service", service)):
            ports.append(
                Port(
                    id=i(f"{label}-{network}"),
                    label=n(f"{label}-{network}"),
                    network_id=i(network),
                    fixed_ips=((i(f"{network}-subnet"), f"{base}.{10 + order}"),),
                    security_group_ids=(i("management"),) if network == "oam" else (i(role), i("any")),
                    admin_up=True,
                    port_security=True,
                    device_owner="compute:nova",
                    device_id=i(label),
                    allowed_address_pairs=((f"{base}.100", None),) if role == "frontend" else (),
                    qos_policy="gold" if network == "service" else None,
                    status="ACTIVE",
                )
            )
        servers.append(
            Server(
                id=i(label),
                label=n(label),
                role=role,
                status="ACTIVE",
                flavor=Flavor(1, 512, 1),
                image=Image(i("image"), n("image"), "sha512:abcd"),
                port_ids=(i(f"{label}-oam"), i(f"{label}-service")),
                volume_ids=(i("journal"),) if role == "database" else (),
                group_label=n("frontends") if role == "frontend" else None,
                group_policy="anti-affinity" if role == "frontend" else None,
                host=f"host-{order}",
                serving=True,
            )
        )
    for network, base in (("oam", oam), ("service", service)):
        ports.append(
            Port(
                id=i(f"router-{network}"),
                label=n(f"router-{network}"),
                network_id=i(network),
                fixed_ips=((i(f"{network}-subnet"), f"{base}.1"),),
                security_group_ids=(),
                admin_up=True,
                port_security=False,
                device_owner="network:router_interface",
                device_id=i("router"),
                status="ACTIVE",
            )
        )
    return Inventory(
        site=site,
        taken_at=at(taken),
        networks=(
            Network(i("oam"), n("oam"), 1450, True, True),
            Network(i("service"), n("service"), 1400, True, True, qos_policy="gold"),
            Network(i("public"), "public", 1500, True, True, external=True),
        ),
        subnets=tuple(
            Subnet(
                id=i(f"{network}-subnet"),
                label=n(f"{network}-subnet"),
                network_id=i(network),
                cidr=f"{base}.0/24",
                ip_version=4,
                gateway_ip=f"{base}.1",
                enable_dhcp=network == "service",
                dns_nameservers=(f"{base}.2", "9.9.9.9"),
                host_routes=((f"{oam}.0/24", f"{service}.1"),) if network == "service" else (),
                pools=((f"{base}.2", f"{base}.254"),),
            )
            for network, base in (("oam", oam), ("service", service))
        ),
        routers=(
            Router(
                i("router"), n("router"), True, i("public"), True, ((f"{net}.{third_octet + 2}.128/25", f"{oam}.7"),)
            ),
        ),
        security_groups=(
            SecurityGroup(
                i("management"),
                n("management"),
                (
                    rule("ingress", "IPv4", "tcp", 8009, 8009, f"{oam}.0/24"),
                    rule("ingress", "IPv4", "icmp", None, None),
                    rule("egress", "IPv4", None, None, None),
                ),
            ),
            SecurityGroup(
                i("database"),
                n("database"),
                (
                    rule("ingress", "IPv4", "tcp", 5432, 5432, None, i("frontend")),
                    rule("ingress", "IPv4", "tcp", 5432, 5432, POOLS[B if site == A else A]),
                ),
            ),
            SecurityGroup(i("frontend"), n("frontend"), (rule("ingress", "IPv4", "tcp", 8080, 8080, "0.0.0.0/0"),)),
            SecurityGroup(i("any"), n("any"), (rule("egress", "IPv4", None, None, None),), stateful=False),
        ),
        ports=tuple(ports),
        floating_ips=(
            FloatingIp(i("vip"), n("vip"), f"{net}.200.{third_octet}", i("public"), i("frontend-0-service")),
        ),
        servers=tuple(servers),
        volumes=(Volume(i("journal"), n("journal"), 1, "in-use", "/dev/vdb", i("database-0")),),
    )


def inventories() -> dict[str, Inventory]:
    """The VNF at A before the loss, and at B after it, carved elsewhere in B's pool."""
    return {"first-before": inventory(A, taken=-4), "second-after": inventory(B, taken=3.5, third_octet=40)}


def clean(**changes: Any) -> ScenarioRecord:
    """A record in which everything that is checked holds; ``changes`` replace whole parts of it."""
    record = ScenarioRecord(info(), history(), probes(), events(), inventories())
    return replace(record, **changes)


Where = Callable[[Any], bool]


def edit_ops(record: ScenarioRecord, where: Where, **fields: Any) -> ScenarioRecord:
    """Replace fields of the operations that ``where`` picks."""
    return replace(record, history=tuple(replace(o, **fields) if where(o) else o for o in record.history))


def drop_ops(record: ScenarioRecord, where: Where) -> ScenarioRecord:
    """Leave out the operations that ``where`` picks."""
    return replace(record, history=tuple(o for o in record.history if not where(o)))


def add_ops(record: ScenarioRecord, *ops: Operation) -> ScenarioRecord:
    """Add operations and number all anew."""
    return replace(record, history=numbered([*record.history, *ops]))


def edit_read(
    record: ScenarioRecord, change: Callable[[list[tuple[str, str]]], Sequence[tuple[str, str]]], **page: Any
) -> ScenarioRecord:
    """Change what the final read found; ``page`` as for pages()."""
    items = [item for op in record.history if op.f == "scan" for item in op.items]
    rest = [op for op in record.history if op.f != "scan"]
    return replace(record, history=numbered([*rest, *pages(list(change(items)), **page)]))


def lose(*keys: str) -> Callable[[ScenarioRecord], ScenarioRecord]:
    """The final read lacks these keys."""
    return lambda record: edit_read(record, lambda items: [i for i in items if i[0] not in keys])


def edit_events(record: ScenarioRecord, where: Where, **fields: Any) -> ScenarioRecord:
    """Replace fields of the events that ``where`` picks."""
    return replace(record, events=tuple(replace(e, **fields) if where(e) else e for e in record.events))


def drop_events(record: ScenarioRecord, where: Where) -> ScenarioRecord:
    """Leave out the events that ``where`` picks."""
    return replace(record, events=tuple(e for e in record.events if not where(e)))


def add_events(record: ScenarioRecord, *more: Event) -> ScenarioRecord:
    """Add events in time order."""
    return replace(record, events=tuple(sorted([*record.events, *more], key=lambda e: e.t)))


def fault(name: str, *states: str) -> Where:
    """Picks the events of a fault, in these states or in all."""
    return lambda e: e.kind == "fault" and e.name == name and (not states or e.state in states)


def edit_inventory(record: ScenarioRecord, name: str, change: Callable[[Inventory], Inventory]) -> ScenarioRecord:
    """Change one inventory."""
    return replace(record, inventories={**record.inventories, name: change(record.inventories[name])})


def edit_object(kind: str, label: str, /, **fields: Any) -> Callable[[Inventory], Inventory]:
    """Change the objects of one kind (an Inventory's field) with this label; values may be functions of the old
    one."""

    def change(inventory: Inventory) -> Inventory:
        def new(thing: Any) -> Any:
            if thing.label != label:
                return thing
            return replace(thing, **{k: v(getattr(thing, k)) if callable(v) else v for k, v in fields.items()})

        assert any(thing.label == label for thing in getattr(inventory, kind)), f"no {kind} {label}"
        return replace(inventory, **{kind: tuple(new(thing) for thing in getattr(inventory, kind))})

    return change


def drop_object(kind: str, label: str) -> Callable[[Inventory], Inventory]:
    """Leave out the objects of one kind with this label."""

    def change(inventory: Inventory) -> Inventory:
        kept = tuple(t for t in getattr(inventory, kind) if t.label != label)
        assert len(kept) < len(getattr(inventory, kind)), f"no {kind} {label}"
        return replace(inventory, **{kind: kept})

    return change


# -- as files -------------------------------------------------------------------------------------------------------


def write_folder(record: ScenarioRecord, folder: Path, expected: Mapping[str, Any]) -> None:
    """Write a record as a scenario's folder, with what is expected of it."""
    (folder / "inventory").mkdir(parents=True)
    _write(folder / "scenario.json", json.dumps(asdict(record.info), indent=1))
    lines: list[tuple[int, int, dict[str, Any]]] = []
    for op in record.history:
        answered = op.value if op.f == "get" else None
        asked = {"i": op.id, "p": op.process, "type": "invoke", "f": op.f, "key": op.key}
        asked["value"] = None if answered else op.value
        asked |= {"t": op.invoked, "site": op.site} | ({"final": True} if op.final else {})
        lines.append((op.invoked, 1, asked))
        if op.completed is not None:
            told = {"i": op.id, "p": op.process, "type": op.outcome.value, "t": op.completed, "error": op.error}
            if op.f == "scan" and op.outcome is Outcome.OK:
                told |= {"items": [list(item) for item in op.items], "complete": op.complete}
            if answered:
                told["value"] = answered
            lines.append((op.completed, 0, told))
    lines.sort(key=lambda line: line[:2])
    _lines(folder / "history.jsonl", (line for _, _, line in lines))
    _lines(folder / "probes.jsonl", (asdict(probe) for probe in record.probes))
    _lines(folder / "events.jsonl", (asdict(event) for event in record.events))
    for name, inventory in record.inventories.items():
        _write(folder / "inventory" / f"{name}.json", json.dumps(asdict(inventory), indent=1))
    for name, reachability in record.reachability.items():
        (folder / "reachability").mkdir(exist_ok=True)
        _write(folder / "reachability" / f"{name}.json", json.dumps(asdict(reachability), separators=(",", ":")))
    for name, plane in record.planes.items():
        (folder / "probes").mkdir(exist_ok=True)
        _lines(folder / "probes" / f"{name}.jsonl", (asdict(probe) for probe in plane))
    if record.holders:
        _lines(folder / "holders.jsonl", (asdict(holding) for holding in record.holders))
    if record.finished:
        _write(folder / "outcome.json", json.dumps({"error": None, "duration_s": 12.0}))
    _write(folder / "expected.json", json.dumps(expected, indent=1))


def _lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines), encoding="utf-8")


def _write(path: Path, text: str) -> None:
    path.write_text(f"{text}\n", encoding="utf-8")
