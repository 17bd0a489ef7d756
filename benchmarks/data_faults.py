"""What faults do to data: records that a bad update ruins, and blocks that slow storage reads."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from site_bench import RUN, Bench, Round, await_answers, bystanders, changed

from conformance.faults.bad_update import BadUpdate
from conformance.faults.base import NotPossibleHere, Observation
from conformance.links import NBD, EmbeddedProxy, Link
from conformance.site_phrases import Struck, site_fault
from conformance.storage import Mode, NotApplicable, Replica, StorageReplication, StorageVolume, program
from conformance.storage.imaging import BLOCK_SIZE
from conformance.storage.nbd import NbdClient
from conformance.storage.replication import EXPORT
from conformance.vnf import Deployment
from conformance.waiting import wait_until

RECORDS = 500


def ruin(bench: Bench, _sentence: str) -> Round:
    """Write records, ruin them, and read all of them back at both sites."""
    with requests.Session() as session:
        session.trust_env = False
        url = bench.vnf.service_urls[0]
        token = session.post(f"{url}/sessions", json={"subscriber": RUN}).json()["session"]
        for _ in range(RECORDS):
            key = os.urandom(8).hex()
            session.put(f"{url}/records/{key}", data=b"value", headers={"X-Session": token}).raise_for_status()

        def records(vnf: Deployment) -> dict[str, str]:
            found, after = {}, 0
            while after is not None:
                page = session.get(f"{vnf.service_urls[0]}/records?after={after}&limit=5000").json()
                found |= {key: value for _, key, value in page["items"]}
                after = page["next"]
            return found

        before = records(bench.vnf)
        wait_until(lambda: records(bench.standby) == before, timeout=60, what="the standby to have every record")
        processes = bench.processes()
        wanted = {key: hashlib.md5(value.encode()).hexdigest() for key, value in before.items()}
        fault = BadUpdate(bench.vnf, bench.standby)
        ordered = time.monotonic()
        bench.watch.forget(ordered)
        fault.inject()
        wait_until(lambda: records(bench.standby) != before, timeout=60, what="the update to arrive", interval=0.01)
        arrived = time.monotonic() - ordered
        bitten, healed = fault.verify(), fault.verify_healed()
        ruined = [
            sum(there.get(key) == value for key, value in wanted.items())
            for there in map(records, (bench.vnf, bench.standby))
        ]
        healing = time.monotonic()
        await_answers(bench, healing)
    right = ruined == [len(wanted)] * 2 and changed(processes, bench.processes()) == 0
    share = f"{min(ruined) / len(wanted):.0%} of all records ruined at either site"
    return Round(
        share,
        bitten if right or not bitten.ok else Observation(False, f"verify says yes, but {share}"),
        healed,
        bystanders(bench.watch.since(ordered), bench.names, ordered, healing),
        {"at the other site": (arrived, "s")},
    )


def slow_down(bench: Bench, sentence: str) -> Round:
    """Read blocks of a volume that the storage replicates, and of another one beside it."""
    with ExitStack() as stack:
        slow, beside = (stack.enter_context(replicated(bench.first.name, bench.second.name)) for _ in range(2))
        clients = [NbdClient(one.socket, EXPORT) for one in (slow, beside)]
        for client in clients:
            stack.callback(client.close)
        fault = site_fault(sentence).make(Struck(bench.first, bench.sites_file, lambda: bench.vnf, slow))
        before, _ = (read_s(client) for client in clients)
        ordered = time.monotonic()
        fault.inject()
        bitten = fault.verify()
        under, other = (read_s(client) for client in clients)
        healing = time.monotonic()
        fault.heal()
        healed = fault.verify_healed()
        after = read_s(clients[0])
    seen = bystanders(bench.watch.since(ordered), bench.names, ordered, healing)
    calm = Observation(
        seen.ok and other < 0.05, f"a volume beside it: {other * 1e3:.1f} ms; {seen.detail}", seen.observed
    )
    right = 0.3 < under < 0.7
    return Round(
        "reads of 4 KiB",
        bitten if right or not bitten.ok else Observation(False, f"verify says yes, but a read takes {under:.2f} s"),
        healed if after < 0.05 or not healed.ok else Observation(False, f"a read takes {after:.2f} s after healing"),
        calm,
        {"before": (before * 1e3, "ms"), "under it": (under * 1e3, "ms"), "after": (after * 1e3, "ms")},
    )


def read_s(client: NbdClient, reads: int = 6) -> float:
    """Seconds for each of a few reads, one after the other."""
    client.read(0, BLOCK_SIZE)
    began = time.monotonic()
    for number in range(reads):
        client.read(number * BLOCK_SIZE, BLOCK_SIZE)
    return (time.monotonic() - began) / reads


@contextmanager
def replicated(here: str, there: str, size: int = 16 << 20) -> Iterator[StorageReplication]:
    """A volume that the storage replicates."""
    try:
        program()
    except NotApplicable as error:
        raise NotPossibleHere(str(error)) from None
    with tempfile.TemporaryDirectory() as folder, EmbeddedProxy(seed=1) as proxy:
        volume, copy = (StorageVolume(site, "bench", Path(folder) / site / "volume") for site in (here, there))
        volume.path.parent.mkdir()
        volume.path.write_bytes(os.urandom(size))
        listening = socket.create_server(("127.0.0.1", 0))
        with Replica(copy, size=size, listening=listening, home=Path(folder) / "to") as replica:
            link = Link.open(
                proxy.server, name="bench", from_site=here, to_site=there, listen_host="127.0.0.1",
                upstream=replica.address, dialect=NBD,
            )  # fmt: skip
            with StorageReplication.start(volume, link, Mode.SYNCHRONOUS, home=Path(folder) / "from") as replication:
                replication.await_in_sync()
                yield replication
