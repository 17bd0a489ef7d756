"""A volume that the storage replicates: written to block by block, and taken over at the other site."""

from __future__ import annotations

import shutil
import time
import zlib
from contextlib import ExitStack
from typing import Any

from conformance.block_writes import BLOCK_WRITES_FILE, BlockWriteRecorder
from conformance.dataplane import WanLink
from conformance.errors import HarnessError
from conformance.faults.base import NotPossibleHere, Undo
from conformance.links import NBD, Link
from conformance.model import Observation
from conformance.paths import state_dir
from conformance.play.stage import Stage
from conformance.sites import dialled_from, storage_listener
from conformance.sites.marks import TAG_KEY, run_prefix, run_tag
from conformance.storage import (
    BlockWriter,
    Mode,
    NotApplicable,
    Replica,
    StorageError,
    StorageReplication,
    StorageVolume,
    adopt,
    program,
    read_image,
    volume_file,
)
from conformance.store import write_volume_image
from conformance.waiting import wait_until

VOLUME = "journal"
_GIB = 1 << 30
_SIZE_GIB = 1
_WRITES_PER_S = 200.0
OBSERVATION = "storage-replication"


class MirroredVolume:
    """The volume under test. Where the storage below the sites cannot be got at, nothing is done and the record says
    why: what needs it is not applicable then."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._tag = stage.tag()
        self._home = state_dir() / "storage" / self._tag
        self._sweeps: dict[str, int] = {}
        self._link: Link | None = None
        self._volume: StorageVolume | None = None
        self._replica: Replica | None = None
        self._replication: StorageReplication | None = None
        self._writer: BlockWriter | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is a volume that is replicated."""
        return self._replication is not None

    @property
    def replication(self) -> StorageReplication | None:
        """What copies it, once that does."""
        return self._replication

    @property
    def the_link(self) -> Link:
        """The path of the copy. HarnessError when there is none."""
        if self._link is None:
            raise NotPossibleHere("No volume is replicated here, so there is no link to disturb.")
        return self._link

    @property
    def the_wan(self) -> WanLink:
        """What all packets between the sites pass. NotPossibleHere where nothing can be done to them."""
        return self._stage.wan

    def link_in_use(self) -> Observation:
        """The mirror keeps its connection for as long as it lives, and copies what is written."""
        written = self._writer.written if self._writer else 0
        return Observation(written > 0, f"{written} writes had to pass it before.", {"written": written})

    def set_up(self) -> None:
        """Make a volume at the first site and have the storage copy it to the second, until it is in sync."""
        stage, first, second = self._stage, self._stage.first, self._stage.second
        mode = Mode(stage.profile.storage_mode)
        with stage.phase("protect", f"replicating a volume by the storage, {mode.value}"):
            try:
                program()
                for site in (first, second):
                    undo = {"sites": str(stage.session.sites.path), "site": site.name, "run_id": self._tag}
                    self._sweeps[site.name] = stage.journal.record(Undo("sweep", undo))
                path = volume_file(first, self._create())
            except NotApplicable as error:
                stage.observe(OBSERVATION, first.name, Observation(False, str(error), {"available": False}))
                stage.say(f"    {error}")
                return
            volume = StorageVolume(first.name, VOLUME, path)
            self._home.mkdir(parents=True, exist_ok=True)
            write_volume_image(stage.folder, "first-before", read_image(path, site=first.name, volume=VOLUME))
            self._volume = StorageVolume(second.name, VOLUME, self._home / "replica.raw")
            listening = storage_listener(second)
            self._replica = Replica(
                self._volume, size=_SIZE_GIB * _GIB, listening=listening, home=self._home / "second"
            )
            self._link = Link.open(
                stage.proxy,
                name=f"storage-{self._tag}",
                from_site=first.name,
                to_site=second.name,
                listen_host=str(first.spec.link_address),
                upstream=self._replica.address,
                dial_from=dialled_from(first) if stage.proxy.is_embedded else None,
                dialect=NBD,
            )
            self._replication = StorageReplication.start(volume, self._link, mode, home=self._home / "first")
            self._replication.await_in_sync()

    def start_writing(self) -> None:
        """Somebody writes to the volume, and goes on while everything else happens."""
        if self._replication is None:
            return
        seed = self._stage.session.request.seed ^ zlib.crc32(self._stage.info.name.encode())
        recorder = BlockWriteRecorder(self._stage.folder / BLOCK_WRITES_FILE)
        writer = BlockWriter(self._replication.socket, VOLUME, recorder, rate=_WRITES_PER_S, seed=seed)
        self._writer = writer
        with self._stage.phase("load", "somebody writes to the volume"):
            writer.start()
            wait_until(lambda: writer.written > 20 or not writer.alive(), timeout=30, what="writes to the volume")
            if not writer.alive():
                raise HarnessError(f"Nobody could write to the volume: {writer.ended_by}.")

    def watch(self, seconds: float) -> None:
        """Let the writing go on for a while; a write that hangs is part of what is watched."""
        until = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= until, timeout=seconds + 60, what="the time of observation to be over")

    def lost(self) -> None:
        """The first site is gone, with what replicated the volume there."""
        if self._replication is not None:
            self._replication.kill()
        if self._writer is not None:
            self._writer.stop()

    def take_over(self) -> None:
        """Close the copy, look at it, and have the second site's Cinder make it a volume of its own."""
        if self._replica is None or self._volume is None:
            return
        stage, second = self._stage, self._stage.second
        with stage.phase("failover", f"taking the volume over at {second.name}"):
            self._replica.stop()
            image = read_image(self._volume.path, site=second.name, volume=VOLUME)
            write_volume_image(stage.folder, "second-after", image)
            about: dict[str, Any] = {"name": f"{run_prefix(self._tag)}{VOLUME}", "metadata": {TAG_KEY: self._tag}}
            try:
                adopted = adopt(second, {"source-name": str(self._volume.path)}, **about)
                seen = Observation(adopted.status == "available", f"Cinder of {second.name} has adopted the copy.")
            except StorageError as error:
                seen = Observation(False, str(error))
            stage.observe("volume-adopted", second.name, seen)
            if not seen.ok:
                # A copy that the second site's cloud cannot go on with is not taken over, however good it is.
                raise HarnessError(f"The volume was not taken over at {second.name}: {seen.detail}")

    def remove(self) -> None:
        """End the writing and the replication, and remove what was created."""
        with ExitStack() as steps:  # what one of them fails at keeps none of the others from being taken
            steps.callback(self._stage.sweep, self._sweeps, self._tag)
            steps.callback(shutil.rmtree, self._home, ignore_errors=True)
            if self._volume is not None:
                steps.callback(self._volume.path.unlink, missing_ok=True)
            if self._link is not None:
                steps.callback(self._link.close)
            if self._replica is not None:
                steps.callback(self._replica.stop)
            steps.callback(self.lost)

    def _create(self) -> str:
        first = self._stage.first
        with first.asking("create a volume") as cloud:
            created = cloud.block_storage.create_volume(
                name=f"{run_prefix(self._tag)}{VOLUME}",
                description=run_tag(self._tag),
                size=_SIZE_GIB,
                volume_type=first.spec.volume_type,
                metadata={TAG_KEY: self._tag},
            )
            cloud.block_storage.wait_for_status(created, "available", interval=0.1, wait=60)
        return str(created.id)
