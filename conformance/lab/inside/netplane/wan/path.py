"""One direction between two sites: what becomes of each frame, and the counters that say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from random import Random

from netplane.wan.capture import Capture
from netplane.wan.frames import ETHERNET, IPV4, Frame, ethertype, packet_length
from netplane.wan.impairments import NONE, Impairments
from netplane.wan.too_big import Router, fragments, too_big_reply

_DRAWS = ("loss", "duplicate", "reorder", "corrupt", "jitter_ms")

Send = Callable[[Frame], bool]
Later = Callable[[float, "Path", bytes], None]


@dataclass
class Counters:
    """Packets since the forwarder started, and bytes of Ethernet frames where it says so.

    received + duplicated + fragments = delivered + lost + cut + queue_full + too_big + not_sent + in_flight;
    a packet that is cut into fragments counts in too_big. ``link_scope`` frames are none of these."""

    received: int = 0
    received_bytes: int = 0
    delivered: int = 0
    delivered_bytes: int = 0
    lost: int = 0
    cut: int = 0
    queue_full: int = 0
    too_big: int = 0
    too_big_replies: int = 0
    fragments: int = 0
    duplicated: int = 0
    reordered: int = 0
    corrupted: int = 0
    not_sent: int = 0
    in_flight: int = 0
    link_scope: int = 0

    def shown(self) -> dict[str, int]:
        """As plain values."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass
class Path:
    """Frames from one site's leg to another's. ``send`` puts a frame on the far leg, ``answer`` one on the near leg;
    ``later`` keeps a frame until a time and then calls ``deliver``. Times are seconds of CLOCK_MONOTONIC."""

    name: str
    seed: int
    send: Send
    answer: Send
    later: Later
    router: Router
    impairments: Impairments = NONE
    counters: Counters = field(default_factory=Counters)
    capture: Capture | None = None
    _draw: dict[str, Random] = field(default_factory=dict)
    _flaps_since: float = 0.0
    _free_at: float = 0.0
    _latest_due: float = 0.0
    _plain: bool = True

    def __post_init__(self) -> None:
        self.change(NONE, _DRAWS, 0.0)

    def change(self, impairments: Impairments, named: Iterable[str], now: float) -> None:
        """Act on this from the next frame on. The draws of the impairments named begin again, so that the same seed
        loses the same packets, counted from here; so does the period of flapping."""
        names = set(named)
        for kind in names.intersection(_DRAWS):
            self._draw[kind] = Random(f"{self.seed}/{self.name}/{kind}")
        if names & {"flap_period_ms", "flap_duty"}:
            self._flaps_since = now
        self.impairments = impairments
        self._free_at = self._latest_due = now
        self._plain = impairments == NONE and self.capture is None

    def record(self, capture: Capture | None) -> None:
        """Write what happens to packets into ``capture``, or no longer."""
        self.capture = capture
        self._plain = self.impairments == NONE and capture is None

    def reseed(self, seed: int, now: float) -> None:
        """Begin all draws again from another seed."""
        self.seed = seed
        self.change(self.impairments, _DRAWS, now)

    def is_up(self, now: float) -> bool:
        """Whether frames pass at this moment."""
        wanted = self.impairments
        if not wanted.up or not wanted.flap_period_ms:
            return wanted.up
        phase = (now - self._flaps_since) * 1e3 % wanted.flap_period_ms
        return phase < wanted.flap_duty * wanted.flap_period_ms

    def take(self, frame: Frame, now: float) -> None:
        """A frame from the near edge, to be passed on, kept or dropped."""
        counters = self.counters
        counters.received += 1
        counters.received_bytes += len(frame)
        if self._plain:
            self._send(frame, now)
            return
        self._note("sent by the near side", frame)
        if not self.is_up(now):
            counters.cut += 1
            self._note("dropped: cut", frame)
            return
        wanted = self.impairments
        if wanted.mtu and packet_length(frame) > wanted.mtu:
            self._too_big(frame, wanted, now)
        else:
            self._disturb(frame, wanted, now)

    def deliver(self, frame: bytes, now: float) -> None:
        """A frame whose time has come. A cut takes along what is on its way."""
        self.counters.in_flight -= 1
        if self.is_up(now):
            self._send(frame, now)
        else:
            self.counters.cut += 1
            self._note("dropped on its way: cut", frame)

    def _too_big(self, frame: Frame, wanted: Impairments, now: float) -> None:
        self.counters.too_big += 1
        pieces = fragments(frame, wanted.mtu)
        for piece in pieces:
            self.counters.fragments += 1
            self._disturb(piece, wanted, now)
        if pieces:
            return
        self._note(f"dropped: longer than {wanted.mtu}", frame)
        reply = too_big_reply(frame, wanted.mtu, self.router) if wanted.mtu_replies else None
        if reply is not None and self.answer(reply):
            self.counters.too_big_replies += 1
            self._note("answered to the near side", reply)

    def _disturb(self, frame: Frame, wanted: Impairments, now: float) -> None:
        counters = self.counters
        if self._drawn("loss", wanted.loss):
            counters.lost += 1
            self._note("dropped: loss", frame)
            return
        if self._drawn("corrupt", wanted.corrupt):
            counters.corrupted += 1
            frame = self._with_one_bit_flipped(frame)
        starts = now
        if wanted.rate_bits:
            starts = max(now, self._free_at)
            if (starts - now) * 1e3 > wanted.queue_ms:
                counters.queue_full += 1
                self._note("dropped: queue full", frame)
                return
            starts = self._free_at = starts + len(frame) * 8 / wanted.rate_bits
        due = self._latest_due = max(starts + self._delay(wanted), self._latest_due)
        if self._drawn("reorder", wanted.reorder):
            counters.reordered += 1
            due += wanted.reorder_ms / 1e3
        copies = 1
        if self._drawn("duplicate", wanted.duplicate):
            counters.duplicated += 1
            copies = 2
        for _ in range(copies):
            if due <= now:
                self._send(frame, now)
            else:
                counters.in_flight += 1
                self.later(due, self, bytes(frame))

    def _delay(self, wanted: Impairments) -> float:
        if not wanted.jitter_ms:
            return wanted.delay_ms / 1e3
        draw = self._draw["jitter_ms"]
        if wanted.jitter_distribution == "normal":
            off = draw.gauss(0.0, wanted.jitter_ms)
        else:
            off = draw.uniform(-wanted.jitter_ms, wanted.jitter_ms)
        return max(0.0, wanted.delay_ms + off) / 1e3

    def _drawn(self, kind: str, share: float) -> bool:
        """Draws only while the impairment is on: then the n-th packet's fate depends on the seed and n alone."""
        return share > 0 and self._draw[kind].random() < share

    def _with_one_bit_flipped(self, frame: Frame) -> bytes:
        """Behind the Ethernet header: another cloud's switch is no place for the WAN to send frames to."""
        broken = bytearray(frame)
        end = min(len(broken), ETHERNET + packet_length(frame)) if ethertype(frame) == IPV4 else len(broken)
        bit = self._draw["corrupt"].randrange(ETHERNET * 8, max(end, ETHERNET + 1) * 8)
        broken[bit // 8] ^= 1 << bit % 8
        return bytes(broken)

    def _send(self, frame: Frame, now: float) -> None:
        if self.send(frame):
            self.counters.delivered += 1
            self.counters.delivered_bytes += len(frame)
            self._note("delivered to the far side", frame)
        else:
            self.counters.not_sent += 1
            self._note("dropped: the far side's device did not take it", frame)

    def _note(self, what: str, frame: Frame) -> None:
        if self.capture is not None:
            self.capture.write(self.name, what, frame)
