"""The table of our own checks: by name, with the Then sentence that asks for each and the requirements it judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from conformance.checkers import (
    acknowledged_writes,
    catch_up,
    clean_state,
    guarantees,
    linearizability,
    members,
    network,
    no_stop,
    one_cloud,
    order,
    outage,
    session_guarantees,
    sessions,
    single_holder,
    stateless,
    vim_independence,
    vm_count,
    volume_copy,
)
from conformance.model import ScenarioRecord, Verdict


@dataclass(frozen=True)
class Check:
    """``phrase`` is the Then sentence that asks for it; ``function`` must be pure and may raise: that
    becomes an error."""

    name: str
    phrase: str
    requirements: tuple[str, ...]
    function: Callable[[ScenarioRecord], Verdict]
    title: str


def deferred(module: str) -> Callable[[ScenarioRecord], Verdict]:
    """The function ``check`` of a module of this package that is imported when it is first asked to judge: numpy and
    scipy take a second, which no other command should wait for."""

    def check(record: ScenarioRecord) -> Verdict:
        verdict: Verdict = import_module(f"{__package__}.{module}").check(record)
        return verdict

    return check


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        check.name: check
        for check in (
            Check(
                name="vim-independence",
                phrase="the second site's VIM works on its own",
                requirements=("MS-GR-01",),
                function=vim_independence.check,
                title="The surviving site's VIM does not need the lost one",
            ),
            Check(
                name="outage",
                phrase="the service is back at the second site within the recovery time objective",
                requirements=("MS-GR-02",),
                function=outage.check,
                title="Recovery time after the loss of a site",
            ),
            Check(
                name="sessions",
                phrase="every session survives",
                requirements=("MS-GR-03",),
                function=sessions.check,
                title="Sessions and state survive",
            ),
            Check(
                name="acknowledged-writes",
                phrase="no acknowledged write is lost",
                requirements=("MS-GR-05",),
                function=acknowledged_writes.check,
                title="Acknowledged writes survive",
            ),
            Check(
                name="network",
                phrase="the network functions are connected the same way as before",
                requirements=("MS-GR-06",),
                function=network.check,
                title="Network equivalence of both sites",
            ),
            Check(
                name="vm-count",
                phrase="the same virtual machines are running in the same roles",
                requirements=("MS-GR-07",),
                function=vm_count.check,
                title="Sameness of virtual machines at both sites",
            ),
            Check(
                name="volume-copy",
                phrase="the copy of the volume is the volume, with every acknowledged write",
                requirements=("MS-GR-11",),
                function=volume_copy.check,
                title="A volume's copy holds every acknowledged write",
            ),
            Check(
                name="volume-order",
                phrase="the copy of the volume is what the volume was at one instant",
                requirements=("MS-GR-11",),
                function=volume_copy.check_order,
                title="A volume's copy keeps the order of writing",
            ),
            Check(
                name="single-holder",
                phrase="never do two sites hold the same identity at once",
                requirements=("MS-GR-13",),
                function=single_holder.check,
                title="No split brain",
            ),
            Check(
                name="healed-acknowledged-writes",
                phrase="no acknowledged write is lost when the link heals",
                requirements=("MS-GR-13",),
                function=guarantees.healed_link,
                title="Acknowledged writes survive the healing of the link",
            ),
            Check(
                name="clean-state",
                phrase="a clean state is regained at the second site, and what was given up for it is stated",
                requirements=("MS-GR-09",),
                function=clean_state.check,
                title="A software fault does not spread for good",
            ),
            Check(
                name="catch-up",
                phrase="replication catches up when the link heals, and nothing is lost or doubled",
                requirements=("MS-GR-14",),
                function=catch_up.check,
                title="Replication outlives a fault of the link",
            ),
            Check(
                name="stateless",
                phrase="the virtual machines start at the second site in their initial state",
                requirements=("MS-GR-04",),
                function=stateless.check,
                title="Stateless failover from the initial state",
            ),
            Check(
                name="return-order",
                phrase="the return to the repaired site keeps the same order",
                requirements=("MS-GR-15",),
                function=order.way_back,
                title="Failback: replicated, then serving, then stopped",
            ),
            Check(
                name="return-acknowledged-writes",
                phrase="the return to the repaired site loses no acknowledged write",
                requirements=("MS-GR-15",),
                function=guarantees.way_back,
                title="Acknowledged writes survive failback",
            ),
            Check(
                name="return-sessions",
                phrase="every session survives the return to the repaired site",
                requirements=("MS-GR-15",),
                function=guarantees.returned_sessions,
                title="Sessions and state survive failback",
            ),
            Check(
                name="return-network",
                phrase="after the return to the repaired site the network functions are connected the same way",
                requirements=("MS-GR-15",),
                function=guarantees.returned_network,
                title="Network equivalence after failback",
            ),
            Check(
                name="return-vm-count",
                phrase="after the return to the repaired site the same virtual machines are running",
                requirements=("MS-GR-15",),
                function=guarantees.returned_machines,
                title="Sameness of virtual machines after failback",
            ),
            Check(
                name="move-replicated-first",
                phrase="the service is replicated to the other site before it is stopped at the first",
                requirements=("MS-MT-01",),
                function=order.replicated_first,
                title="A move replicates before it stops",
            ),
            Check(
                name="move-acknowledged-writes",
                phrase="the move loses no acknowledged write",
                requirements=("MS-MT-03",),
                function=guarantees.moved,
                title="Acknowledged writes survive a move",
            ),
            Check(
                name="move-serving-first",
                phrase="the second site serves before the first is stopped",
                requirements=("MS-MT-04",),
                function=order.serving_first,
                title="A move serves before it stops",
            ),
            Check(
                name="move-network",
                phrase="after the move the network functions are connected the same way",
                requirements=("MS-MT-05",),
                function=guarantees.moved_network,
                title="Network equivalence after a move",
            ),
            Check(
                name="move-vm-count",
                phrase="after the move the same virtual machines are running",
                requirements=("MS-MT-05",),
                function=guarantees.moved_machines,
                title="Sameness of virtual machines after a move",
            ),
            Check(
                name="no-stop-without-copy",
                phrase="the first site is not stopped without a copy",
                requirements=("MS-MT-06",),
                function=no_stop.check,
                title="No stop where replication cannot complete",
            ),
            Check(
                name="way-back-order",
                phrase="the way back keeps the same order",
                requirements=("MS-MT-07",),
                function=order.way_back,
                title="The way back: replicated, then serving, then stopped",
            ),
            Check(
                name="way-back-acknowledged-writes",
                phrase="the way back loses no acknowledged write",
                requirements=("MS-MT-07",),
                function=guarantees.way_back,
                title="Acknowledged writes survive the way back",
            ),
            Check(
                name="way-back-sessions",
                phrase="every session survives the way back",
                requirements=("MS-MT-07",),
                function=guarantees.returned_sessions,
                title="Sessions and state survive the way back",
            ),
            Check(
                name="way-back-network",
                phrase="after the way back the network functions are connected the same way",
                requirements=("MS-MT-07",),
                function=guarantees.returned_network,
                title="Network equivalence after the way back",
            ),
            Check(
                name="way-back-vm-count",
                phrase="after the way back the same virtual machines are running",
                requirements=("MS-MT-07",),
                function=guarantees.returned_machines,
                title="Sameness of virtual machines after the way back",
            ),
            Check(
                name="one-vnf",
                phrase="one VNF has members in two or more clouds",
                requirements=("MS-DC-01",),
                function=members.one_vnf,
                title="One VNF across clouds",
            ),
            Check(
                name="one-cloud-reach",
                phrase="members in different clouds reach exactly whom they would reach in one cloud",
                requirements=("MS-DC-02",),
                function=one_cloud.check,
                title="Connected as if in one cloud",
            ),
            Check(
                name="overflow",
                phrase="the VNF reaches its full number of machines though the first cloud is full",
                requirements=("MS-DC-03",),
                function=members.overflow,
                title="Growth beyond one cloud",
            ),
            Check(
                name="surviving-members",
                phrase="the members in the other clouds keep serving",
                requirements=("MS-DC-04",),
                function=members.survivors,
                title="Loss of one cloud of several",
            ),
            Check(
                name="degradation",
                phrase="replication does not slow the service beyond the margin",
                requirements=("MS-GR-08",),
                function=deferred("degradation"),
                title="Replication does not slow the service",
            ),
            Check(
                name="disturbance",
                phrase="the move does not disturb the service beyond the margin",
                requirements=("MS-MT-02",),
                function=deferred("disturbance"),
                title="A planned move does not disturb the service",
            ),
            Check(
                name="linearizability",
                phrase="every register reads as if there were one copy",
                requirements=("MS-GR-13",),
                function=linearizability.check,
                title="Registers behave as one copy",
            ),
            Check(
                name="session-guarantees",
                phrase="every client finds what it has written and read",
                requirements=("MS-GR-03",),
                function=session_guarantees.check,
                title="Clients keep what they have written and read",
            ),
        )
    }
)
