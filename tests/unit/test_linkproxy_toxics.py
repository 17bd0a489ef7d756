"""Each toxic on real sockets. Times have lower bounds only: a busy machine makes everything later, nothing earlier.

The event loop's timers may be early by its clock's resolution, a microsecond at most; EARLY allows for ten times that.
"""

from __future__ import annotations

import asyncio
import socket

import pytest
from linkproxy_rig import Rig, answering, rig, stays_silent, toxic, within

from conformance.linkproxy.address import AddressError
from conformance.linkproxy.proxy import Proxy, Settings

EARLY = 1e-5


def clock() -> float:
    return asyncio.get_running_loop().time()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes = b"k") -> bytes:
    writer.write(text)
    return bytes(await within(reader.readexactly(len(text))))  # type: ignore[call-overload]


def play(coroutine: object) -> None:
    asyncio.run(coroutine)  # type: ignore[arg-type]


# -- latency


def test_latency_delays_each_direction_by_itself() -> None:
    async def story() -> None:
        async with rig(answering) as running:
            running.proxy.add_toxic(toxic("latency", "upstream", latency=60))
            running.proxy.add_toxic(toxic("latency", "downstream", latency=90))
            reader, writer = await running.connect()
            asked = clock()
            await ask(reader, writer)
            assert clock() - asked >= 0.150 - EARLY

    play(story())


def test_latency_removed_releases_what_is_on_its_way() -> None:
    async def story() -> None:
        async with rig(answering) as running:
            held = toxic("latency", latency=3_600_000)
            running.proxy.add_toxic(held)
            reader, writer = await running.connect()
            writer.write(b"abc")
            assert await stays_silent(reader)
            running.proxy.remove_toxic(held)
            assert await within(reader.readexactly(3)) == b"abc"

    play(story())


def test_latency_shortened_acts_on_what_is_on_its_way() -> None:
    async def story() -> None:
        async with rig(answering) as running:
            running.proxy.add_toxic(toxic("latency", latency=3_600_000))
            reader, writer = await running.connect()
            writer.write(b"abc")
            assert await stays_silent(reader)
            running.proxy.update_toxic(toxic("latency", latency=1))
            assert await within(reader.readexactly(3)) == b"abc"

    play(story())


# -- bandwidth


def test_bandwidth_takes_the_time_that_the_bytes_need() -> None:
    async def story() -> None:
        async with rig() as running:
            running.proxy.add_toxic(toxic("bandwidth", "upstream", rate=20))
            _, writer = await running.connect()
            began = clock()
            writer.write(b"x" * 6000)
            await running.reaches(6000)
            assert clock() - began >= 0.300 - EARLY

    play(story())


def test_a_stalled_bandwidth_goes_on_at_its_new_rate() -> None:
    async def story() -> None:
        async with rig() as running:
            running.proxy.add_toxic(toxic("bandwidth", "upstream", rate=0))
            reader, writer = await running.connect()
            writer.write(b"x" * 500)
            assert await stays_silent(reader) and not running.received
            running.proxy.update_toxic(toxic("bandwidth", "upstream", rate=1000))
            await running.reaches(500)

    play(story())


# -- slow_close, timeout, limit_data, reset_peer


def test_slow_close_delays_only_the_end() -> None:
    async def bye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")

    async def story() -> None:
        async with rig(bye) as running:
            running.proxy.add_toxic(toxic("slow_close", delay=150))
            began = clock()
            reader, _ = await running.connect()
            assert await within(reader.readexactly(3)) == b"bye"
            assert await within(reader.read(1)) == b""
            assert clock() - began >= 0.150 - EARLY

    play(story())


def test_timeout_drops_data_and_closes_after_a_silence() -> None:
    async def story() -> None:
        async with rig() as running:
            running.proxy.add_toxic(toxic("timeout", "upstream", timeout=120))
            began = clock()
            reader, writer = await running.connect()
            writer.write(b"lost")
            assert await within(reader.read(1)) == b""
            assert clock() - began >= 0.120 - EARLY
            assert not running.received

    play(story())


def test_timeout_removed_closes_where_it_acted_and_nowhere_else() -> None:
    async def story() -> None:
        async with rig(answering) as running:
            everywhere = toxic("timeout", "upstream", timeout=0)
            running.proxy.add_toxic(everywhere)
            struck, struck_writer = await running.connect()
            struck_writer.write(b"lost")
            assert await stays_silent(struck)
            nowhere = toxic("timeout", "upstream", toxicity=0.0, timeout=0)
            running.proxy.update_toxic(nowhere)
            spared, writer = await running.connect()
            assert await ask(spared, writer) == b"k"
            assert await ask(struck, struck_writer) == b"k"
            running.proxy.remove_toxic(nowhere)
            assert await within(struck.read(1)) == b""
            assert await ask(spared, writer) == b"k"

    play(story())


def test_limit_data_passes_exactly_so_many_bytes_in_any_portions() -> None:
    async def story() -> None:
        async with rig() as running:
            running.proxy.add_toxic(toxic("limit_data", "upstream", bytes=7))
            reader, writer = await running.connect()
            for _ in range(4):
                writer.write(b"abc")
                await asyncio.sleep(0.01)
            assert await within(reader.read(1)) == b""
            assert await within(running.end) == "EOF"
            assert bytes(running.received) == b"abcabca"

    play(story())


@pytest.mark.parametrize("opened", ["before", "after"])
def test_reset_peer_resets_both_sides_of_old_and_new_connections(opened: str) -> None:
    async def story() -> None:
        async with rig() as running:
            if opened == "after":
                running.proxy.add_toxic(toxic("reset_peer", "upstream", timeout=20))
            reader, writer = await running.connect()
            if opened == "before":
                writer.write(b"k")
                await running.reaches(1)
                running.proxy.add_toxic(toxic("reset_peer", "upstream", timeout=20))
            began = clock()
            writer.write(b"k")
            with pytest.raises(ConnectionResetError):
                await within(reader.read(1))
            assert clock() - began >= 0.020 - EARLY
            assert await within(running.end) == "RST"

    play(story())


# -- blackhole


def test_a_blackhole_holds_open_and_new_connections_and_lets_everything_flow_on() -> None:
    async def story() -> None:
        async with rig(answering) as running:
            old, old_writer = await running.connect()
            assert await ask(old, old_writer, b"before") == b"before"
            holes = [toxic("blackhole", stream) for stream in ("upstream", "downstream")]
            for hole in holes:
                running.proxy.add_toxic(hole)
            new, new_writer = await running.connect()
            old_writer.write(b"old")
            new_writer.write(b"new")
            assert await stays_silent(old) and await stays_silent(new)
            for hole in holes:
                running.proxy.remove_toxic(hole)
            assert await within(old.readexactly(3)) == b"old"
            assert await within(new.readexactly(3)) == b"new"
            assert await ask(old, old_writer, b"after") == b"after"

    play(story())


def test_a_blackhole_holds_the_end_as_well() -> None:
    async def story() -> None:
        async with rig() as running:
            hole = toxic("blackhole", "upstream")
            running.proxy.add_toxic(hole)
            reader, writer = await running.connect()
            writer.write(b"last words")
            writer.write_eof()
            assert await stays_silent(reader) and not running.end.done()
            running.proxy.remove_toxic(hole)
            assert await within(running.end) == "EOF"
            assert bytes(running.received) == b"last words"

    play(story())


def test_a_blackhole_holds_the_end_of_an_idle_connection() -> None:
    async def story() -> None:
        async with rig() as running:
            hole = toxic("blackhole", "upstream")
            running.proxy.add_toxic(hole)
            reader, writer = await running.connect()
            writer.write_eof()
            assert await stays_silent(reader) and not running.end.done()
            running.proxy.remove_toxic(hole)
            assert await within(running.end) == "EOF"

    play(story())


def test_a_blackhole_of_one_direction_lets_the_other_pass() -> None:
    async def story() -> None:
        async with rig(answering) as running:
            running.proxy.add_toxic(toxic("blackhole", "downstream"))
            reader, writer = await running.connect()
            writer.write(b"abc")
            async with asyncio.timeout(10):
                while running.proxy.counted().downstream.received < 3:
                    await asyncio.sleep(0.01)
            assert await stays_silent(reader)
            counted = running.proxy.counted()
            assert (counted.upstream.forwarded, counted.downstream.forwarded) == (3, 0)

    play(story())


def test_a_blackhole_makes_the_sender_wait_and_keeps_memory_bounded() -> None:
    async def story() -> None:
        async with rig() as running:
            hole = toxic("blackhole", "upstream")
            running.proxy.add_toxic(hole)
            _, writer = await running.connect()
            total = 40_000_000
            writer.write(b"x" * total)
            previous = -1
            while (taken := running.proxy.counted().upstream.received) != previous or not taken:
                previous = taken
                await asyncio.sleep(0.05)
            assert taken <= 64 * 1024 + 256 * 1024
            running.proxy.remove_toxic(hole)
            await running.reaches(total)

    play(story())


def test_removing_a_full_stage_wakes_the_one_before_it() -> None:
    async def story() -> None:
        async with rig() as running:
            hole = toxic("blackhole", "upstream")
            running.proxy.add_toxic(toxic("noop", "upstream"))
            running.proxy.add_toxic(hole)
            _, writer = await running.connect()
            total = 3_000_000
            writer.write(b"x" * total)
            while running.proxy.counted().upstream.received < 128 * 1024:
                await asyncio.sleep(0.002)
            await asyncio.sleep(0.05)
            running.proxy.remove_toxic(hole)
            await running.reaches(total)

    play(story())


@pytest.mark.parametrize("kind", ["noop", "latency", "slow_close"])
def test_more_than_a_stage_holds_passes_through_it(kind: str) -> None:
    async def story() -> None:
        async with rig() as running:
            running.proxy.add_toxic(toxic(kind, "upstream"))
            _, writer = await running.connect()
            total = 40_000_000 if kind == "latency" else 3_000_000
            writer.write(b"x" * total)
            await running.reaches(total)

    play(story())


def test_much_held_data_and_its_end_reach_a_slow_reader() -> None:
    total = 20_000_000

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * total)
        writer.write_eof()
        await reader.read()

    async def story() -> None:
        async with rig(pour) as running:
            held = toxic("latency", latency=3_600_000)
            running.proxy.add_toxic(held)
            reader, _ = await running.connect()
            while running.proxy.counted().downstream.received < total:
                await asyncio.sleep(0.002)
            await asyncio.sleep(0.02)
            running.proxy.remove_toxic(held)
            assert running.proxy.counted().downstream.forwarded < total
            assert len(await within(reader.read())) == total  # type: ignore[arg-type]
            assert running.proxy.counted().downstream.forwarded == total

    play(story())


# -- chance


def seen_pattern(seed: int) -> list[bool]:
    pattern: list[bool] = []

    async def story() -> None:
        async with rig(answering, seed=seed) as running:
            running.proxy.add_toxic(toxic("limit_data", toxicity=0.5, bytes=0))
            for _ in range(24):
                reader, writer = await running.connect()
                writer.write(b"k")
                pattern.append(await within(reader.read(1)) == b"k")
                writer.close()

    play(story())
    return pattern


def test_the_seed_repeats_the_draws_and_another_seed_does_not() -> None:
    first = seen_pattern(7)
    assert set(first) == {True, False}
    assert seen_pattern(7) == first
    assert seen_pattern(8) != first


# -- connections


def test_half_closing_lets_the_answer_come_back() -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(str(len(await reader.read())).encode())

    async def story() -> None:
        async with rig(count) as running:
            reader, writer = await running.connect()
            writer.write(b"12345")
            writer.write_eof()
            assert await within(reader.read()) == b"5"
            while running.proxy.open_connections:
                await asyncio.sleep(0.002)

    play(story())


def abort(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()


def test_a_reset_of_the_client_reaches_the_upstream_and_leaves_nothing_behind() -> None:
    async def story() -> None:
        async with rig() as running:
            _, writer = await running.connect()
            writer.write(b"k")
            await running.reaches(1)
            abort(writer)
            assert await within(running.end) == "RST"
            while running.proxy.open_connections:
                await asyncio.sleep(0.002)

    play(story())


def test_a_reset_after_the_clients_end_still_reaches_the_upstream() -> None:
    async def keep_talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        while True:
            writer.write(b"x" * 1000)
            await writer.drain()
            await asyncio.sleep(0.002)

    async def story() -> None:
        async with rig(keep_talking) as running:
            _, writer = await running.connect()
            writer.write_eof()
            await asyncio.sleep(0.05)
            abort(writer)
            assert await within(running.end) == "RST"

    play(story())


def test_a_reset_behind_a_held_end_reaches_the_upstream_when_released() -> None:
    async def keep_talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 1000)
            await writer.drain()
            await asyncio.sleep(0.002)

    async def story() -> None:
        async with rig(keep_talking) as running:
            hole = toxic("blackhole", "upstream")
            running.proxy.add_toxic(hole)
            reader, writer = await running.connect()
            await within(reader.readexactly(1000))
            writer.write_eof()
            await asyncio.sleep(0.05)
            abort(writer)
            await asyncio.sleep(0.05)
            assert not running.end.done()
            running.proxy.remove_toxic(hole)
            assert await within(running.end) == "RST"

    play(story())


def test_an_answer_that_finds_its_client_gone_is_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.write(b"too late")

    async def story() -> None:
        async with rig(answer_late) as running:
            holes = [toxic("blackhole", stream) for stream in ("upstream", "downstream")]
            for hole in holes:
                running.proxy.add_toxic(hole)
            _, writer = await running.connect()
            writer.write(b"question")
            writer.close()
            await writer.wait_closed()
            running.proxy.remove_toxic(holes[0])
            await within(running.end)
            while running.proxy.counted().downstream.received < len(b"too late"):
                await asyncio.sleep(0.002)
            await asyncio.sleep(0.02)
            running.proxy.remove_toxic(holes[1])
            while running.proxy.open_connections:
                await asyncio.sleep(0.002)

    play(story())
    assert caplog.records == []


def test_an_upstream_that_refuses_closes_the_client_and_is_counted() -> None:
    async def story() -> None:
        async with rig() as running:
            running.proxy.upstream = "127.0.0.1:1"
            reader, _ = await running.connect()
            assert await within(reader.read(1)) == b""
            assert running.proxy.counted().dial_failures == 1
            while running.proxy.open_connections:
                await asyncio.sleep(0.002)

    play(story())


async def hanging_port(running: Rig) -> list[socket.socket]:
    """Point the proxy at a port whose queue is full; returns the sockets that keep it so."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    running.proxy.upstream = f"127.0.0.1:{listener.getsockname()[1]}"
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    return [listener, *fillers]


def test_an_upstream_that_hangs_blocks_nobody_and_is_given_up_on() -> None:
    async def story() -> None:
        async with rig(answering, dial_timeout=0.5) as running:
            good = running.proxy.upstream
            sockets = await hanging_port(running)
            began = clock()
            stuck, _ = await running.connect()
            while not running.proxy.counted().connections:
                await asyncio.sleep(0.002)
            await asyncio.sleep(0.02)
            running.proxy.upstream = good
            assert await ask(*await running.connect()) == b"k"
            assert await within(stuck.read(1)) == b""
            assert clock() - began >= 0.5 - EARLY
            for sock in sockets:
                sock.close()

    play(story())


def test_stopping_while_dialling_closes_the_client_at_once() -> None:
    async def story() -> None:
        async with rig() as running:
            sockets = await hanging_port(running)
            reader, _ = await running.connect()
            while not running.proxy.counted().connections:
                await asyncio.sleep(0.002)
            running.proxy.stop()
            assert await within(reader.read(1)) == b""
            assert running.proxy.open_connections == 0
            for sock in sockets:
                sock.close()

    play(story())


def test_a_client_that_arrives_while_the_proxy_stops_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    class StopsOnAccept(Proxy):
        def _accept(self, client: socket.socket) -> None:
            super()._accept(client)
            asyncio.get_running_loop().call_soon(self.stop)  # before the socket has come to its side

    async def story() -> None:
        proxy = StopsOnAccept(Settings(seed=1), "p", "127.0.0.1:0", "127.0.0.1:1")
        await proxy.start()
        host, _, port = proxy.listen.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"k")
        try:
            assert await within(reader.read(1)) == b""
        except ConnectionResetError:
            pass  # what the client had sent was not read: the kernel says so with a reset
        assert (proxy.open_connections, proxy.counted().dial_failures) == (0, 0)

    play(story())
    assert caplog.records == []


def test_data_sent_before_the_upstream_is_there_is_not_lost() -> None:
    async def story() -> None:
        async with rig() as running:
            _, writer = await running.connect()
            writer.write(b"early" * 10_000)
            writer.write_eof()
            assert await within(running.end) == "EOF"
            assert bytes(running.received) == b"early" * 10_000

    play(story())


def test_a_taken_address_is_an_error_and_the_proxy_stays_stopped() -> None:
    async def story() -> None:
        async with rig() as running:
            taken = running.proxy.listen
            async with rig() as other:
                with pytest.raises(AddressError, match="already in use"):
                    await other.proxy.update(listen=taken, upstream=other.proxy.upstream, enabled=True)
                assert not other.proxy.enabled

    play(story())
