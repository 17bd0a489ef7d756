"""A volume mirrored by the real qemu-storage-daemon through a real link: what each mode keeps when its site is lost."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from builders import A, B, events, info

from conformance.block_writes import BLOCK_WRITES_FILE, BlockWriteRecorder, read_block_writes
from conformance.checkers.registry import judge
from conformance.faults.base import Fault
from conformance.faults.link_bandwidth import LinkBandwidth
from conformance.faults.link_cut import LinkCut
from conformance.faults.link_delay import LinkDelay
from conformance.faults.link_flapping import LinkFlapping
from conformance.faults.link_jitter import LinkJitter
from conformance.faults.link_reset import LinkReset
from conformance.faults.link_silence import LinkHalfOpen, LinkOneWayCut, LinkStall
from conformance.faults.link_slow_close import LinkSlowClose
from conformance.faults.volume_slow import VolumeSlow
from conformance.links import NBD, EmbeddedProxy, Link, ProxyServer, Toxic
from conformance.model import Event, ScenarioRecord, Status, Verdict, VolumeImage
from conformance.storage import (
    BlockWriter,
    Mode,
    NotApplicable,
    Replica,
    StorageError,
    StorageReplication,
    StorageVolume,
    program,
    read_image,
)
from conformance.storage.daemon import PROGRAM
from conformance.waiting import wait_until

SIZE = 16 << 20
MISSING = "" if shutil.which(PROGRAM) else f"{PROGRAM} is not on this machine: install qemu-system-common"
needs_daemon = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def server() -> Iterator[ProxyServer]:
    with EmbeddedProxy(seed=1) as embedded:
        yield embedded.server


@dataclass
class Pair:
    """A volume at A with something in it, its replica at B, the link between them, and what is recorded."""

    folder: Path
    server: ProxyServer
    mode: Mode
    over_file: bool
    stack: ExitStack
    images: dict[str, VolumeImage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.volume = StorageVolume(A, "journal", self.folder / "a" / "volume")
        self.copy = StorageVolume(B, "journal", self.folder / "b" / "volume")
        self.volume.path.parent.mkdir()
        with self.volume.path.open("wb") as file:
            file.truncate(SIZE)
            file.seek(SIZE // 2)
            file.write(os.urandom(1 << 20))
        self.look("first-before", self.volume)
        self.replica = Replica(
            self.copy, size=SIZE, listening=socket.create_server(("127.0.0.1", 0)), home=self.folder / "home-b"
        )
        self.stack.callback(self.replica.stop)
        self.link = Link.open(
            self.server, name=self.folder.name, from_site=A, to_site=B, listen_host="127.0.0.1",
            upstream=self.replica.address, dialect=NBD,
        )  # fmt: skip
        self.stack.callback(self.link.close)
        self.replication = StorageReplication.start(
            self.volume, self.link, self.mode, home=self.folder / "home-a", over_file=self.over_file
        )
        self.stack.callback(self.replication.kill)
        self.recorder = BlockWriteRecorder(self.folder / BLOCK_WRITES_FILE)

    def writer(self, **more: float) -> BlockWriter:
        made = BlockWriter(self.replication.socket, "journal", self.recorder, seed=3, **more)  # type: ignore[arg-type]
        self.stack.callback(made.stop)
        made.start()
        return made

    def look(self, stage: str, volume: StorageVolume) -> VolumeImage:
        self.images[stage] = read_image(volume.path, site=volume.site, volume=volume.name)
        return self.images[stage]

    def stall(self) -> None:
        for stream in ("upstream", "downstream"):
            self.link.server.add_toxic(self.link.name, Toxic(f"stall-{stream}", "blackhole", stream))

    def lose_first_site(self) -> tuple[Event, ...]:
        """Kill the storage of A, end the link, and say so as the fault does."""
        began = time.monotonic_ns()
        self.replication.kill()
        done = time.monotonic_ns()
        self.link.close()
        self.replica.stop()
        made = [
            replace(e, t={"injecting": began, "injected": done}.get(e.state, time.monotonic_ns()))
            for e in events() if e.name == "site-loss"
        ]  # fmt: skip
        self.look("second-after", self.copy)
        self.look("first-after", self.volume)
        return tuple(sorted(made, key=lambda e: e.t))

    def record(self, lost: tuple[Event, ...]) -> ScenarioRecord:
        done, problems = read_block_writes(self.folder / BLOCK_WRITES_FILE)
        return ScenarioRecord(
            info(faults_planned=("site-loss",)), events=lost, volumes=self.images, block_writes=done, problems=problems
        )


@pytest.fixture
def pairs(tmp_path: Path, server: ProxyServer) -> Iterator[Pairs]:
    made = Pairs(tmp_path, server)
    yield made
    made.stack.close()


@dataclass
class Pairs:
    folder: Path
    server: ProxyServer
    stack: ExitStack = field(default_factory=ExitStack)

    def make(self, mode: Mode, over_file: bool = False) -> Pair:
        return Pair(self.folder, self.server, mode, over_file, self.stack)


def judged(record: ScenarioRecord) -> tuple[Verdict, Verdict]:
    return judge("volume-copy", record), judge("volume-order", record)


def written(writer: BlockWriter, more: int) -> None:
    goal = writer.written + more
    wait_until(lambda: writer.written >= goal, timeout=30, what=f"{more} writes", interval=0.01)


@needs_daemon
def test_a_synchronous_mirror_has_every_acknowledged_write_when_its_site_is_killed(pairs: Pairs) -> None:
    pair = pairs.make(Mode.SYNCHRONOUS)
    pair.replication.await_in_sync()
    writer = pair.writer()
    written(writer, 200)
    record = pair.record(pair.lose_first_site())
    for verdict in judged(record):
        assert verdict.status is Status.PASS, verdict.reason
    assert int(verdict.figures["acknowledged"] or 0) >= 200
    wait_until(lambda: not writer.alive(), timeout=5, what="the writer to notice")
    assert writer.ended_by


@needs_daemon
def test_a_synchronous_mirror_acknowledges_nothing_while_its_link_is_stalled(pairs: Pairs) -> None:
    pair = pairs.make(Mode.SYNCHRONOUS)
    pair.replication.await_in_sync()
    writer = pair.writer()
    written(writer, 50)
    pair.stall()
    counted = pair.link.server.counters(pair.link.name)
    assert counted is not None and counted.to_upstream > 50 * 4096
    wait_until(lambda: pair.replication.status().remaining_bytes > 0, timeout=10, what="a write to wait")
    before = writer.written
    record = pair.record(pair.lose_first_site())
    assert writer.written == before
    assert judged(record)[0].status is Status.PASS, judged(record)[0].reason
    assert judged(record)[0].figures["unknown"] == 1


@needs_daemon
def test_slow_storage_is_measured_to_be_slow_and_to_be_well_again(pairs: Pairs) -> None:
    pair = pairs.make(Mode.SYNCHRONOUS)
    pair.replication.await_in_sync()
    writer = pair.writer()
    written(writer, 20)
    fault = VolumeSlow(A, pair.replication)
    fault.inject()
    slow = fault.verify()
    assert slow.ok, slow.detail
    written(writer, 3)
    fault.heal()
    well = fault.verify_healed()
    assert well.ok, well.detail
    assert slow.observed["now_s"] > well.observed["now_s"]
    fault.heal()
    written(writer, 50)


@needs_daemon
def test_what_slow_storage_acknowledged_is_at_the_other_site_when_it_is_killed(pairs: Pairs) -> None:
    pair = pairs.make(Mode.SYNCHRONOUS)
    pair.replication.await_in_sync()
    writer = pair.writer()
    fault = VolumeSlow(A, pair.replication)
    fault.inject()
    assert fault.verify().ok
    written(writer, 5)
    record = pair.record(pair.lose_first_site())
    for verdict in judged(record):
        assert verdict.status is Status.PASS, verdict.reason
    fault.heal()
    assert fault.verify_healed().ok


@needs_daemon
def test_a_background_mirror_lacks_what_was_acknowledged_while_its_link_was_stalled(pairs: Pairs) -> None:
    pair = pairs.make(Mode.ASYNCHRONOUS)
    pair.replication.await_in_sync()
    writer = pair.writer()
    written(writer, 50)
    wait_until(lambda: pair.replication.status().remaining_bytes == 0, timeout=10, what="the replica to catch up")
    pair.stall()
    written(writer, 100)
    assert pair.replication.status().remaining_bytes > 0
    record = pair.record(pair.lose_first_site())
    everything, _ = judged(record)
    assert everything.status is Status.FAIL
    lost = int(everything.figures["rpo_operations"] or 0)
    # What the copy lacks is counted exactly: by comparing it with what the writer remembers of each block.
    assert lost >= 90 and lost == len(_gone(record)), everything.reason
    assert everything.figures["unexplained_blocks"] == 0
    assert float(everything.figures["rpo_s"] or 0) > 0
    assert int(everything.figures["differing_extents"] or 0) > 0


def _gone(record: ScenarioRecord) -> set[int]:
    """Acknowledged writes of which the copy holds an older state of some block, by the plain reading of each block."""
    copy, before = record.volumes["second-after"], record.volumes["first-before"]
    newest: dict[int, int] = {}
    by_block: dict[int, list[tuple[int, str]]] = {}
    for w in record.block_writes:
        for n in range(len(w.digests) // 16):
            by_block.setdefault(w.offset // 4096 + n, []).append((w.seq, w.digests[16 * n : 16 * n + 16]))
    gone: set[int] = set()
    for block, states in by_block.items():
        content = copy.digest(block)
        newest[block] = next((seq for seq, digest in reversed(states) if digest == content), 0)
        assert newest[block] or content == before.digest(block)
        gone |= {seq for seq, _ in states if seq > newest[block]}
    return gone & {w.seq for w in record.block_writes if w.acknowledged}


@needs_daemon
@pytest.mark.parametrize("mode", Mode)
def test_a_mirror_catches_up_when_a_cut_link_heals(pairs: Pairs, mode: Mode) -> None:
    pair = pairs.make(mode)
    pair.replication.await_in_sync()
    writer = pair.writer(rate=100)
    written(writer, 20)
    pair.link.server.set_enabled(pair.link.name, False)
    if mode is Mode.ASYNCHRONOUS:
        written(writer, 20)
    else:
        wait_until(lambda: pair.replication.status().remaining_bytes > 0, timeout=10, what="a write to wait")
    pair.link.server.set_enabled(pair.link.name, True)
    written(writer, 20)
    writer.stop()
    assert not writer.ended_by and pair.replication.finish()
    record = pair.record(pair.lose_first_site())
    assert record.volumes["second-after"].digests == record.volumes["first-after"].digests
    assert judged(record)[0].status is Status.PASS, judged(record)[0].reason


FAULTS: dict[str, Callable[[Link], Fault]] = {
    "delay": lambda link: LinkDelay(link, 60),
    "jitter": lambda link: LinkJitter(link, 60),
    "bandwidth": lambda link: LinkBandwidth(link, 20),
    "cut": LinkCut,
    "stall": LinkStall,
    "one-way": lambda link: LinkOneWayCut(link, ("downstream",)),
    "half-open": LinkHalfOpen,
    "reset": LinkReset,
    "slow-close": lambda link: LinkSlowClose(link, 300),
    "flapping": lambda link: LinkFlapping(link, 0.6),
}


@needs_daemon
@pytest.mark.parametrize("name", FAULTS)
def test_a_synchronous_mirror_outlives_every_fault_of_its_link_and_loses_nothing(name: str, pairs: Pairs) -> None:
    pair = pairs.make(Mode.SYNCHRONOUS)
    pair.replication.await_in_sync()
    writer = pair.writer(rate=100)
    written(writer, 10)
    fault = FAULTS[name](pair.link)
    fault.inject()
    try:
        bitten = fault.verify()
        assert bitten.ok, bitten
    finally:
        fault.heal()
    assert fault.verify_healed().ok
    written(writer, 20)
    writer.stop()
    assert not writer.ended_by and pair.replication.finish()
    record = pair.record(pair.lose_first_site())
    assert record.volumes["second-after"].digests == record.volumes["first-after"].digests
    assert judged(record)[0].status is Status.PASS, judged(record)[0].reason


@needs_daemon
def test_a_guest_that_opens_the_volumes_file_goes_through_the_mirror(pairs: Pairs) -> None:
    try:
        pair = pairs.make(Mode.SYNCHRONOUS, over_file=True)
    except NotApplicable as error:
        pytest.skip(str(error))
    pair.replication.await_in_sync()
    fd = os.open(pair.volume.path, os.O_WRONLY | os.O_DSYNC)
    os.pwrite(fd, b"guest" * 1000, 8192)
    os.close(fd)
    pair.replication.kill()
    pair.replica.stop()
    assert pair.copy.path.read_bytes()[8192:13192] == b"guest" * 1000
    assert pair.volume.path.read_bytes()[8192:13192] == b"guest" * 1000


@needs_daemon
def test_status_tells_a_daemon_that_is_gone_and_stopping_twice_is_no_trouble(pairs: Pairs) -> None:
    pair = pairs.make(Mode.ASYNCHRONOUS)
    assert pair.replication.await_in_sync().in_sync
    pid = pair.replication.daemon.pid
    pair.replication.stop()
    pair.replication.stop()
    now = pair.replication.status()
    assert now.state == "gone" and not now.in_sync and "site-a" in now.error
    assert not Path(f"/proc/{pid}").exists()


@needs_daemon
def test_a_replica_of_another_size_is_refused_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "replica"
    path.write_bytes(b"x" * 1000)
    with pytest.raises(StorageError, match="should have 1048576 bytes"):
        Replica(
            StorageVolume(B, "journal", path),
            size=1 << 20,
            listening=socket.create_server(("127.0.0.1", 0)),
            home=tmp_path / "home",
        )


@needs_daemon
def test_a_link_that_leads_nowhere_is_a_clear_error_and_leaves_nothing_running(
    tmp_path: Path, server: ProxyServer
) -> None:
    path = tmp_path / "volume"
    path.write_bytes(bytes(1 << 20))
    link = Link.open(
        server, name="nowhere", from_site=A, to_site=B, listen_host="127.0.0.1", upstream="127.0.0.1:1"
    )  # fmt: skip
    try:
        with pytest.raises(StorageError, match="journal of site-a cannot be replicated to 127.0.0.1"):
            StorageReplication.start(StorageVolume(A, "journal", path), link, Mode.SYNCHRONOUS, home=tmp_path / "home")
    finally:
        link.close()
    assert not [p for p in Path("/proc").glob("[0-9]*/cwd") if _leads_to(p, tmp_path / "home")]


def _leads_to(link: Path, place: Path) -> bool:
    try:
        return link.resolve() == place
    except OSError:
        return False


def test_without_the_daemon_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotApplicable, match="Install it .*qemu-system-common"):
        program()
