"""A guest's stand-in: writes blocks to a volume through its storage daemon, and records what it is told."""

from __future__ import annotations

import random
import struct
import threading
import time
from pathlib import Path

from conformance.block_writes import BlockWriteRecorder
from conformance.storage.errors import StorageError
from conformance.storage.imaging import BLOCK_SIZE, digest_of
from conformance.storage.nbd import NbdClient
from conformance.storage.replication import EXPORT

_NUMBERS = struct.Struct(">QQ")
_ENDS_WITHIN_S = 5.0


class BlockWriter:
    """Writes whole blocks at random places, one write at a time, each on stable storage before the next (O_DSYNC).

    At most ``rate`` writes per second, every fourth of them of several blocks. No two blocks
    that it writes are alike. It ends by itself when a write fails or the storage daemon is gone: whoever
    does not know what became of a write must not go on. ``written`` is how many were acknowledged.
    """

    def __init__(
        self, path: Path, volume: str, recorder: BlockWriteRecorder, *, rate: float = 500.0, seed: int = 0
    ) -> None:
        self.written = 0
        self.ended_by = ""
        """Why it ended by itself, as a clause; empty while it works or when it was stopped."""
        self._volume = volume
        self._recorder = recorder
        self._period = 1 / rate
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._client = NbdClient(path, EXPORT)
        self._thread = threading.Thread(target=self._run, name=f"writer of {volume}", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """End after the write under way; one that hangs for 5 s more is given up and stays unknown. Safe to repeat."""
        self._stop.set()
        self._thread.join(_ENDS_WITHIN_S)
        if self._thread.is_alive():
            self._client.abort()
            self._thread.join(_ENDS_WITHIN_S)
        if self._thread.is_alive():
            raise StorageError(
                f"The writer of {self._volume} should have ended; it hangs though its connection is broken."
            )
        self._client.close()

    def alive(self) -> bool:
        """Whether it is still writing."""
        return self._thread.is_alive()

    def _run(self) -> None:
        due = time.monotonic()
        blocks = self._client.size // BLOCK_SIZE
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._period, time.monotonic())
            n = self._random.randint(2, 4) if self._random.random() < 0.25 and blocks > 4 else 1
            try:
                self._write(self._random.randrange(blocks - n + 1), n)
            except OSError as error:
                self.ended_by = "" if self._stop.is_set() else error.strerror or str(error)
                return

    def _write(self, first: int, blocks: int) -> None:
        noise = self._random.randbytes(16)
        content = [(_NUMBERS.pack(time.monotonic_ns(), first + n) + noise) * (BLOCK_SIZE // 32) for n in range(blocks)]
        offset, length = first * BLOCK_SIZE, blocks * BLOCK_SIZE
        seq = self._recorder.invoke(self._volume, offset, length, "".join(map(digest_of, content)))
        try:
            self._client.write(offset, b"".join(content))
        except ConnectionError:
            raise  # nobody knows what became of it
        except OSError:
            self._recorder.complete(seq, acknowledged=False)
            raise
        self._recorder.complete(seq, acknowledged=True)
        self.written += 1
