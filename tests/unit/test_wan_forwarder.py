"""The WAN forwarder's parts that need no network: what it does to frames, and what it refuses."""

from __future__ import annotations

import json
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netns_rig import INSIDE

sys.path.insert(0, str(INSIDE))

from netplane.wan.control import Control
from netplane.wan.frames import internet_checksum, is_link_scope, packet_length
from netplane.wan.impairments import NONE, BadRequest, Impairments, changed
from netplane.wan.legs import Leg
from netplane.wan.path import Path
from netplane.wan.too_big import Router, fragments, too_big_reply
from netplane.wan.wan import Wan

NAMES = st.sampled_from(["directions", "impairments", "seed", "a>b", "b>a", "loss", "up", "mtu", "delay_ms"])
NEAR, FAR = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"


def frame4(payload: bytes, dont_fragment: bool = False, protocol: int = 17, target: bytes = FAR) -> bytes:
    flags = 0x4000 if dont_fragment else 0
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, flags, 64, protocol, 0, b"\x0a\1\0\1", b"\x0a\2\0\1"
    )
    header = header[:10] + internet_checksum(header).to_bytes(2, "big") + header[12:]
    return target + NEAR + b"\x08\x00" + header + payload


def frame6(payload: bytes, next_header: int = 17, source: bytes = b"\xfd" + b"\0" * 14 + b"\1") -> bytes:
    head = struct.pack(">IHBB", 6 << 28, len(payload), next_header, 64) + source + b"\xfd" + b"\0" * 14 + b"\2"
    return FAR + NEAR + b"\x86\xdd" + head + payload


class Line:
    """A path whose far side is a list, and whose time is what the test says."""

    def __init__(self, seed: int = 1, **impairments: Any) -> None:
        self.delivered: list[bytes] = []
        self.answered: list[bytes] = []
        self.waiting: list[tuple[float, bytes]] = []
        self.path = Path("a>b", seed, self._put(self.delivered), self._put(self.answered), self._later, Router())
        self.path.change(changed(NONE, impairments, "a>b"), impairments, 0.0)

    def _put(self, where: list[bytes]) -> Callable[[Any], bool]:
        def put(frame: Any) -> bool:
            where.append(bytes(frame))
            return True

        return put

    def _later(self, due: float, path: Path, frame: bytes) -> None:
        self.waiting.append((due, frame))

    def run_out(self) -> None:
        """Deliver everything on its way, in time's order."""
        for due, frame in sorted(self.waiting, key=lambda entry: entry[0]):
            self.path.deliver(frame, due)
        self.waiting.clear()


def numbered(count: int) -> list[bytes]:
    return [frame4(struct.pack(">I", n) + b"x" * 60) for n in range(count)]


def survivors(line: Line, count: int = 400) -> list[int]:
    for frame in numbered(count):
        line.path.take(frame, 0.0)
    line.run_out()
    return [struct.unpack_from(">I", frame, 34)[0] for frame in line.delivered]


def test_the_same_seed_loses_the_same_packets_and_another_seed_others() -> None:
    first, second, other = (survivors(Line(seed, loss=0.2)) for seed in (5, 5, 6))
    assert first == second != other
    assert 260 < len(first) < 380


def test_other_impairments_do_not_change_which_packets_are_lost() -> None:
    alone = survivors(Line(loss=0.2))
    with_others = survivors(Line(loss=0.2, delay_ms=5, jitter_ms=3, duplicate=0.3, reorder=0.3))
    assert sorted(set(with_others)) == alone


def test_naming_the_loss_again_begins_the_draws_again() -> None:
    line = Line(loss=0.3)
    first = survivors(line)
    line.delivered.clear()
    line.path.change(line.path.impairments, ["loss"], 0.0)
    assert survivors(line) == first


def test_jitter_keeps_the_order_of_packets_and_reordering_breaks_it() -> None:
    assert survivors(Line(delay_ms=20, jitter_ms=15)) == list(range(400))
    mixed = survivors(Line(reorder=0.2, reorder_ms=5))
    assert mixed != list(range(400)) and sorted(mixed) == list(range(400))


def test_duplicates_come_after_their_original_and_are_counted() -> None:
    line = Line(duplicate=0.25)
    seen = survivors(line)
    assert sorted(seen) == seen and set(seen) == set(range(400))
    assert len(seen) - 400 == line.path.counters.duplicated > 50


def test_corruption_flips_exactly_one_bit_behind_the_ethernet_header() -> None:
    line = Line(corrupt=1.0)
    sent = numbered(100)
    for frame in sent:
        line.path.take(frame, 0.0)
    for before, after in zip(sent, line.delivered, strict=True):
        assert before[:14] == after[:14]
        assert sum((x ^ y).bit_count() for x, y in zip(before, after, strict=True)) == 1


def test_a_rate_spaces_packets_and_its_queue_overflows() -> None:
    line = Line(rate_bits=1_000_000, queue_ms=10)
    frame = frame4(b"x" * 1216)  # 1250 bytes: 10 ms each
    for _ in range(5):
        line.path.take(frame, 0.0)
    assert [round(due, 6) for due, _ in line.waiting] == [0.01, 0.02]
    assert line.path.counters.queue_full == 3


def test_a_cut_takes_along_what_is_on_its_way() -> None:
    line = Line(delay_ms=50)
    line.path.take(frame4(b"x"), 0.0)
    line.path.change(changed(line.path.impairments, {"up": False}, "a>b"), ["up"], 0.01)
    line.run_out()
    line.path.take(frame4(b"y"), 0.06)
    assert line.delivered == [] and line.path.counters.cut == 2


def test_a_flapping_direction_is_up_for_its_share_of_each_period() -> None:
    line = Line(flap_period_ms=100, flap_duty=0.3)
    assert [line.path.is_up(ms / 1e3) for ms in (0, 29, 31, 99, 101, 131)] == [True, True, False, False, True, False]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "loss": st.floats(0, 1), "duplicate": st.floats(0, 1), "reorder": st.floats(0, 1),
            "corrupt": st.floats(0, 1), "delay_ms": st.floats(0, 50), "jitter_ms": st.floats(0, 50),
            "rate_bits": st.integers(0, 10**7), "queue_ms": st.floats(0, 20), "mtu": st.sampled_from([0, 68, 300]),
            "up": st.booleans(), "flap_period_ms": st.floats(0, 50), "flap_duty": st.floats(0, 1),
        },
    ),
    st.lists(st.tuples(st.integers(1, 900), st.booleans()), max_size=40),
)  # fmt: skip
def test_every_packet_is_accounted_for(impairments: dict[str, Any], packets: list[tuple[int, bool]]) -> None:
    line = Line(**impairments)
    for n, (size, dont_fragment) in enumerate(packets):
        line.path.take(frame4(b"x" * size, dont_fragment), n / 1000)
    seen = line.path.counters
    ends = seen.delivered + seen.lost + seen.cut + seen.queue_full + seen.too_big + seen.not_sent
    assert seen.received + seen.duplicated + seen.fragments == ends + seen.in_flight
    line.run_out()
    assert line.path.counters.in_flight == 0 and line.path.counters.delivered == len(line.delivered)


@pytest.mark.parametrize(("size", "mtu"), [(1400, 576), (1400, 68), (577, 576), (4000, 1300)])
def test_fragments_are_whole_packets_within_the_mtu_that_make_up_the_original(size: int, mtu: int) -> None:
    payload = bytes(n % 251 for n in range(size))
    pieces = fragments(frame4(payload), mtu)
    assert len(pieces) > 1
    joined = bytearray(size)
    for n, piece in enumerate(pieces):
        assert packet_length(piece) == len(piece) - 14 <= mtu
        assert internet_checksum(piece[14:34]) == 0
        word = struct.unpack_from(">H", piece, 20)[0]
        at = (word & 0x1FFF) * 8
        joined[at : at + len(piece) - 34] = piece[34:]
        assert bool(word & 0x2000) == (n < len(pieces) - 1)
    assert bytes(joined) == payload


def test_a_packet_that_must_not_be_cut_is_answered_with_the_mtu_to_its_sender() -> None:
    sent = frame4(b"x" * 1400, dont_fragment=True)
    assert fragments(sent, 1300) == []
    reply = too_big_reply(sent, 1300, Router())
    assert reply is not None and reply[:6] == NEAR and reply[6:12] == FAR
    assert reply[34:36] == b"\x03\x04" and struct.unpack_from(">H", reply, 40)[0] == 1300
    assert internet_checksum(reply[14:34]) == internet_checksum(reply[34:]) == 0
    assert reply[26:34] == b"\xc0\0\0\x08" + b"\x0a\1\0\1" and len(reply) - 14 == packet_length(reply) <= 576
    assert reply[42 : 42 + 100] == sent[14:114]


def test_ipv6_is_always_answered_and_never_cut() -> None:
    sent = frame6(b"x" * 1400)
    assert fragments(sent, 1300) == []
    reply = too_big_reply(sent, 1300, Router())
    assert reply is not None and len(reply) - 14 == packet_length(reply) <= 1280
    assert reply[54] == 2 and struct.unpack_from(">I", reply, 58)[0] == 1300
    pseudo = reply[22:54] + struct.pack(">IxxxB", len(reply) - 54, 58)
    assert internet_checksum(pseudo + reply[54:]) == 0


def test_nobody_is_told_about_an_icmp_error_or_where_replies_are_switched_off() -> None:
    assert too_big_reply(frame4(b"\x03\x04" + b"x" * 1400, True, protocol=1), 1300, Router()) is None
    assert too_big_reply(frame6(b"\x01\x00" + b"x" * 1400, next_header=58), 1300, Router()) is None
    silent = Line(mtu=1300, mtu_replies=False)
    silent.path.take(frame4(b"x" * 1400, True), 0.0)
    assert silent.answered == [] and silent.path.counters.too_big == 1


def test_only_what_belongs_to_the_segment_is_link_scope() -> None:
    arp = b"\xff" * 6 + NEAR + b"\x08\x06" + b"\0" * 28
    link_local = b"\xfe\x80" + b"\0" * 13 + b"\1"
    assert is_link_scope(arp) and is_link_scope(frame6(b"x" * 8, source=link_local))
    assert is_link_scope(frame6(b"\x88" + b"\0" * 23, next_header=58))  # neighbour advertisement
    assert is_link_scope(frame4(b"x", target=b"\x01\x00\x5e\0\0\x05"))
    assert not is_link_scope(frame4(b"x")) and not is_link_scope(frame6(b"x" * 8))
    assert not is_link_scope(frame6(b"\x80" + b"\0" * 7, next_header=58))  # echo request


@given(st.sampled_from([b"\x08\x00", b"\x86\xdd", b"\x08\x06", b""]), st.binary(max_size=120), st.booleans())
def test_no_frame_of_any_shape_breaks_the_path(kind: bytes, garbage: bytes, icmp: bool) -> None:
    frame = (FAR + NEAR + kind + garbage) if kind else garbage
    if not is_link_scope(frame):
        line = Line(mtu=68, corrupt=0.5, mtu_replies=icmp)
        line.path.take(frame, 0.0)
        assert line.path.counters.received == 1


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"loss": 1.5}, "loss of a>b must be from 0 to 1, not 1.5"),
        ({"loss": float("nan")}, "from 0 to 1"),
        ({"delay_ms": "20"}, "must be a number, not '20'"),
        ({"delay_ms": -1}, "from 0 to 60000"),
        ({"up": 1}, "true or false"),
        ({"mtu": 60}, "at least 68"),
        ({"rate_bits": 1.5}, "whole number"),
        ({"rate_bits": float("inf")}, "whole number"),
        ({"jitter_distribution": "pareto"}, "one of uniform, normal"),
        ({"los": 0.1}, "Known: up, delay_ms"),
        ([], "must be an object"),
    ],
)
def test_wrong_impairments_are_refused_with_what_is_expected(given_: Any, said: str) -> None:
    with pytest.raises(BadRequest, match=said.replace("(", r"\(")):
        changed(Impairments(), given_, "a>b")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["get", "set", "reset", "capture-stop"]), st.dictionaries(NAMES, JSON, max_size=3))
def test_no_request_of_any_shape_breaks_the_control(op: str, request: dict[str, Any]) -> None:
    wan = Wan([(Leg("a", "x1"), Leg("b", "x2"))], Router(), seed=1)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as client:
        control = Control(f"{folder}/c", wan, lambda: None)
        client.connect(f"{folder}/c")
        client.sendall(json.dumps({"op": op, **request}).encode() + b"\n")
        for _ in ("the listener", "the client"):
            control.serve(control.descriptors()[-1])
        answer = json.loads(client.makefile().readline())
        assert isinstance(answer.get("error"), str) or "directions" in answer
        control.close()
