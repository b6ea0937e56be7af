"""Puts the Python p2pclient, unmodified, through its paces against two control sockets.

The checks are those of ../go/driver under the same names, and so is the report: one JSON line a check, and a check that
fails does not keep the next from running. Where they differ, it is because this client waits for the answer to a
registration, so nothing here is tried twice.
"""

import argparse
import hashlib
import json
import os
import socket
import sys
import time
from contextlib import asynccontextmanager

import anyio
from multiaddr import Multiaddr, protocols

from p2pclient import Client, ControlFailure
from p2pclient.libp2p_stubs.peer.id import ID

# What one check may take, in seconds. The longest moves a few MiB over loopback, well under a second.
CHECK_DEADLINE = 30
# How long something that reaches the other end by itself (the end of a connection) may take, in seconds.
SETTLE = 5
# How long an end may go on writing to nobody, in seconds. GO says so at once; a daemon may linger for a reader's last bytes.
GONE = 15
# How many streams or handlers "many" are. go-libp2p's and js-libp2p's stock limits are above it.
MANY = 24
QUESTION, ANSWER = b"is anybody there?", b"yes, over here"


class Run:
    """One direction: who dials, who handles, and names of its own for protocols, so that runs do not meet."""

    def __init__(self, dialer, handler, directory, payload):
        self.dialer, self.handler, self.directory, self.payload = dialer, handler, directory, payload
        self.others = 0

    def protocol(self, name):
        return f"/interop/{os.getpid()}/{name}"

    async def connected(self):
        """Makes every check that needs a connection runnable by itself, whatever the ones before it did."""
        await self.dialer.connect(*await self.handler.identify())

    async def open(self, *names):
        peer, _ = await self.handler.identify()
        return await self.dialer.stream_open(peer, names)

    def another(self):
        """A second client of the handler's daemon, with a listener of its own."""
        self.others += 1
        control = self.handler.control.daemon_connector.control_maddr
        path = os.path.join(self.directory, f"another{self.others}.sock")
        return Client(control, listen_address(control, path))

    async def exchange(self, protocol, dial, handle):
        """Runs one stream to its end on both sides: what the handler's function raised counts too."""
        done, failures = anyio.Event(), []

        async def handled(_, stream):
            try:
                await handle(stream)
            except Exception as error:
                failures.append(error)
            finally:
                await stream.aclose()
                done.set()

        await self.handler.stream_handler(protocol, handled)
        _, stream = await self.open(protocol)
        try:
            await dial(stream)
        except Exception as error:
            raise AssertionError(f"the dialer's end: {explain(error)}") from error
        finally:
            await stream.aclose()
        await done.wait()
        if failures:
            raise AssertionError(f"the handler's end: {explain(failures[0])}") from failures[0]


def listen_address(control, path):
    """A daemon controlled over TCP calls its handlers over TCP too, as its clients expect of it.

    The path's first slash is escaped because this client's multiaddr library would leave it out of the bytes.
    """
    if any(p.code == protocols.P_UNIX for p in control.protocols()):
        return Multiaddr(f"/unix/%2F{path[1:]}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Multiaddr(f"/ip4/127.0.0.1/tcp/{probe.getsockname()[1]}")


def explain(error):
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or repr(error)


def same(got, want):
    assert len(got) == len(want), f"{len(got)} bytes instead of {len(want)}"
    g, w = hashlib.sha256(got).hexdigest(), hashlib.sha256(want).hexdigest()
    assert g == w, f"SHA-256 {g} instead of {w}"


async def expect(stream, want):
    got = bytearray()
    while len(got) < len(want):
        try:
            got += await stream.receive(len(want) - len(got))
        except anyio.EndOfStream:
            break
    same(got, want)


async def expect_all(stream, want):
    """Everything up to the end of the stream, which has to be a clean end and no reset."""
    got = bytearray()
    while True:
        try:
            got += await stream.receive(65536)
        except anyio.EndOfStream:
            return same(got, want)


@asynccontextmanager
async def must_fail(what):
    """An answer, not a broken connection: that would be the daemon hanging up."""
    try:
        yield
    except ControlFailure:
        return
    raise AssertionError(f"{what} was answered with OK")


async def eventually(attempt):
    deadline = time.monotonic() + SETTLE
    while True:
        try:
            return await attempt()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            await anyio.sleep(0.01)


def random_peer():
    # An identity multihash over an Ed25519 public key in its protobuf, as every such peer id is.
    return ID(b"\x00\x24\x08\x01\x12\x20" + os.urandom(32))


async def peers(client):
    """Each peer once: go-libp2p-daemon has a row for every connection."""
    return {row.peer_id for row in await client.list_peers()}


async def alone(client):
    found = await peers(client)
    assert not found, f"{len(found)} peers"


async def sees(client, other):
    peer, _ = await other.identify()

    async def attempt():
        found = await peers(client)
        assert found == {peer}, f"{len(found)} peers, the other end is one of them: {peer in found}"

    await eventually(attempt)


async def describes(info, other, protocol, listening):
    """A StreamInfo names the other end, and the dialer's also an address that end listens on, or is a neighbour at."""
    peer, addresses = await other.identify()
    assert info.peer_id == peer, f"peer {info.peer_id} instead of {peer}"
    assert info.proto == protocol, f"protocol {info.proto} instead of {protocol}"
    if listening:
        # By what they say: this library writes the path of a /unix without its first slash, and reads both.
        expected = [str(address) for address in addresses] if other.neighbour is None else [other.neighbour]
        assert str(info.addr) in expected, f"address {info.addr} is none of {expected}"


def says(word):
    """The handler that tells which client was called."""

    async def handler(_, stream):
        await stream.send(word)
        await drain(stream)
        await stream.aclose()

    return handler


async def drain(stream):
    try:
        while True:
            await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        pass


async def write_forever(stream):
    """Returns when nobody reads any more, which is no failure."""
    payload = os.urandom(1 << 20)
    try:
        while True:
            await stream.send(payload)
    except anyio.BrokenResourceError:
        pass


async def hears(run, protocol, word):
    _, stream = await run.open(protocol)
    try:
        await expect(stream, word)
    finally:
        await stream.aclose()


async def identify(run):
    ids = set()
    for client in (run.dialer, run.handler):
        peer, addresses = await client.identify()
        assert addresses, "no addresses"
        for address in addresses:
            assert "/p2p/" not in str(address), f"{address} ends in a peer id"
        again, _ = await client.identify()
        assert again == peer, f"first {peer}, then {again}"
        ids.add(peer)
    assert len(ids) == 2, f"both ends are {ids}"


async def list_peers_starts_empty(run):
    await alone(run.dialer)
    await alone(run.handler)


async def connect_without_address_is_an_error(run):
    async with must_fail("CONNECT without addresses"):
        await run.dialer.connect(random_peer(), [])


async def connect_to_the_wrong_peer_is_an_error(run):
    await wrong_peer(run, random_peer())


async def connect_to_the_wrong_hashed_peer_is_an_error(run):
    """A peer id that is a hash, as RSA keys have it, holds no key to compare with: it is its own case."""
    await wrong_peer(run, ID(b"\x12\x20" + os.urandom(32)))


async def wrong_peer(run, peer):
    _, addresses = await run.handler.identify()
    async with must_fail("CONNECT to another peer's address"):
        await run.dialer.connect(peer, addresses)
    await alone(run.dialer)


async def connect_refused_is_an_error(run):
    async with must_fail("CONNECT to a closed port"):
        await run.dialer.connect(random_peer(), [Multiaddr("/ip4/127.0.0.1/tcp/1")])


async def connect(run):
    await run.connected()


async def list_peers(run):
    await sees(run.dialer, run.handler)
    await sees(run.handler, run.dialer)


async def connect_again(run):
    await run.connected()
    await run.connected()


async def stream_to_an_unknown_peer_is_an_error(run):
    async with must_fail("STREAM_OPEN to a peer without addresses"):
        await run.dialer.stream_open(random_peer(), [run.protocol("any")])


async def stream_of_an_unknown_protocol_is_an_error(run):
    await run.connected()
    async with must_fail("STREAM_OPEN of a protocol without handler"):
        await run.open(run.protocol("nobody-handles-this"))


async def stream_reply(run):
    await run.connected()
    protocol, infos = run.protocol("reply"), []

    async def handler(info, stream):
        infos.append(info)
        await expect(stream, QUESTION)
        await stream.send(ANSWER)
        # GO drops what is on its way when an end closes first, so the handler waits for the dialer to.
        await drain(stream)
        await stream.aclose()

    await run.handler.stream_handler(protocol, handler)
    info, stream = await run.open(protocol)
    await stream.send(QUESTION)
    await expect(stream, ANSWER)
    await stream.aclose()
    await describes(info, run.handler, protocol, True)
    await describes(infos[0], run.dialer, protocol, False)


async def stream_handler_speaks_first(run):
    await run.connected()

    async def dial(stream):
        await expect(stream, ANSWER)
        await stream.send(QUESTION)

    async def handle(stream):
        await stream.send(ANSWER)
        await expect_all(stream, QUESTION)

    await run.exchange(run.protocol("speaks-first"), dial, handle)


async def stream_negotiates(run):
    await run.connected()
    protocol = run.protocol("negotiated")
    await run.handler.stream_handler(protocol, says(b""))
    info, stream = await run.open(run.protocol("not-this"), protocol, run.protocol("nor-this"))
    await stream.aclose()
    await describes(info, run.handler, protocol, True)


async def bulk_both_ways(run):
    await run.connected()
    up, down = os.urandom(run.payload), os.urandom(run.payload)

    async def both(stream, out, received):
        async with anyio.create_task_group() as ways:
            ways.start_soon(stream.send, out)
            await expect(stream, received)

    async def dial(stream):
        await both(stream, up, down)
        await expect(stream, ANSWER)

    async def handle(stream):
        await both(stream, down, up)
        # The handler says when it has everything, so that no end closes while the other still waits for bytes.
        await stream.send(ANSWER)
        await expect_all(stream, b"")

    await run.exchange(run.protocol("bulk"), dial, handle)


async def bytes_before_close_by_dialer(run):
    await run.connected()
    payload = os.urandom(run.payload)
    await run.exchange(
        run.protocol("close-by-dialer"), lambda s: s.send(payload), lambda s: expect_all(s, payload)
    )


async def bytes_before_close_by_handler(run):
    await run.connected()
    payload = os.urandom(run.payload)
    await run.exchange(
        run.protocol("close-by-handler"), lambda s: expect_all(s, payload), lambda s: s.send(payload)
    )


async def speak_then_listen(stream, out, received):
    """The classic request and reply: all of one, its end, then all of the other."""
    await stream.send(out)
    await stream.send_eof()
    await expect_all(stream, received)


async def listen_then_speak(stream, received, out):
    await expect_all(stream, received)
    await stream.send(out)


async def half_close_by_dialer(run):
    await run.connected()
    request, reply = os.urandom(run.payload), os.urandom(run.payload)
    await run.exchange(
        run.protocol("half-close-by-dialer"),
        lambda s: speak_then_listen(s, request, reply),
        lambda s: listen_then_speak(s, request, reply),
    )


async def half_close_by_handler(run):
    await run.connected()
    request, reply = os.urandom(run.payload), os.urandom(run.payload)
    await run.exchange(
        run.protocol("half-close-by-handler"),
        lambda s: listen_then_speak(s, request, reply),
        lambda s: speak_then_listen(s, request, reply),
    )


async def close_with_bytes_unread(run):
    """A dialer that loses interest: the handler's writes have to fail soon, not wait for a reader who is gone."""
    await run.connected()

    async def handle(stream):
        with anyio.fail_after(GONE):
            await write_forever(stream)

    await run.exchange(run.protocol("unread"), lambda s: s.receive(1024), handle)


async def streams_at_once(run):
    await run.connected()
    protocol = run.protocol("at-once")

    async def echo(_, stream):
        try:
            while True:
                await stream.send(await stream.receive())
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            await stream.aclose()

    async def one():
        payload = os.urandom(64 << 10)
        _, stream = await run.open(protocol)
        async with anyio.create_task_group() as ways:
            ways.start_soon(stream.send, payload)
            await expect(stream, payload)
        await stream.aclose()

    await run.handler.stream_handler(protocol, echo)
    async with anyio.create_task_group() as streams:
        for _ in range(MANY):
            streams.start_soon(one)


async def handlers_many(run):
    await run.connected()
    names = [run.protocol(f"many/{i}") for i in range(MANY)]
    for name in names:
        await run.handler.stream_handler(name, says(name.encode()))
    for name in names:
        await hears(run, name, name.encode())


async def handler_overwritten(run):
    await run.connected()
    protocol = run.protocol("overwritten")
    await run.handler.stream_handler(protocol, says(b"first"))
    await hears(run, protocol, b"first")
    async with run.another().listen() as second:
        await second.stream_handler(protocol, says(b"other"))
        await hears(run, protocol, b"other")


async def handler_gone_and_back(run):
    await run.connected()
    protocol = run.protocol("gone")
    async with run.another().listen() as first:
        await first.stream_handler(protocol, says(b"first"))
        await hears(run, protocol, b"first")
    # The registration stays, so the stream opens; nobody answers, so it ends, cleanly and with nothing in it.
    _, stream = await run.open(protocol)
    with anyio.fail_after(SETTLE):
        await expect_all(stream, b"")
    await stream.aclose()
    async with run.another().listen() as second:
        await second.stream_handler(protocol, says(b"again"))
        await hears(run, protocol, b"again")


async def handler_path_without_slash(run):
    """What this client really sends for Multiaddr("/unix/tmp/x.sock"): the bytes of tmp/x.sock, without the slash."""
    await run.connected()
    protocol = run.protocol("no-slash")
    control = run.handler.control.daemon_connector.control_maddr
    path = os.path.join(run.directory, "no-slash.sock")
    async with Client(control, Multiaddr(f"/unix{path}")).listen() as client:
        await client.stream_handler(protocol, says(b"hello"))
        await hears(run, protocol, b"hello")


async def disconnect_ends_streams(run):
    await run.connected()
    opened = anyio.Event()

    async def dial(stream):
        peer, _ = await run.handler.identify()
        await opened.wait()
        await run.dialer.disconnect(peer)
        with anyio.fail_after(SETTLE):
            await expect_all(stream, b"")

    async def handle(stream):
        opened.set()
        with anyio.fail_after(SETTLE):
            await expect_all(stream, b"")

    await run.exchange(run.protocol("ends"), dial, handle)


async def disconnect_with_bytes_unread(run):
    """The connection breaks under a stream that is stuck because its reader does not read. Either daemon has to survive it,
    and with it what it was told before: a daemon that fell and came back has no handlers."""
    alive, stuck = run.protocol("alive"), run.protocol("stuck")
    opened = None

    async def write(_, stream):
        opened.set()
        await write_forever(stream)
        await stream.aclose()

    await run.handler.stream_handler(alive, says(b"alive"))
    await run.handler.stream_handler(stuck, write)
    for one, other in ((run.dialer, run.handler), (run.handler, run.dialer)):
        opened = anyio.Event()
        await run.connected()
        peer, _ = await other.identify()
        _, stream = await run.open(stuck)
        await opened.wait()
        # For the buffers on the way to fill. Too short a time makes this a weaker check, not a wrong one.
        await anyio.sleep(0.3)
        await one.disconnect(peer)
        await run.connected()
        await hears(run, alive, b"alive")
        await stream.aclose()


async def disconnect(run):
    await run.connected()
    await sees(run.handler, run.dialer)
    peer, _ = await run.handler.identify()
    await run.dialer.disconnect(peer)
    await alone(run.dialer)
    await eventually(lambda: alone(run.handler))


async def disconnect_again(run):
    peer, _ = await run.handler.identify()
    await run.dialer.disconnect(peer)
    await run.dialer.disconnect(peer)
    await run.dialer.disconnect(random_peer())


async def stream_dials_by_itself(run):
    """The peer store remembers where the other end was, so a stream needs no CONNECT before it."""
    await run.connected()
    peer, _ = await run.handler.identify()
    await run.dialer.disconnect(peer)
    await eventually(lambda: alone(run.handler))
    protocol = run.protocol("dials")
    await run.handler.stream_handler(protocol, says(b"hello"))
    await hears(run, protocol, b"hello")
    # Leaves both ends as they were found, for whoever runs next.
    await run.dialer.disconnect(peer)
    await eventually(lambda: alone(run.handler))


# The order matters only for the first few, which want both ends unconnected, and for the ones about DISCONNECT.
CHECKS = [
    identify,
    list_peers_starts_empty,
    connect_without_address_is_an_error,
    connect_to_the_wrong_peer_is_an_error,
    connect_to_the_wrong_hashed_peer_is_an_error,
    connect_refused_is_an_error,
    connect,
    list_peers,
    connect_again,
    stream_to_an_unknown_peer_is_an_error,
    stream_of_an_unknown_protocol_is_an_error,
    stream_reply,
    stream_handler_speaks_first,
    stream_negotiates,
    bulk_both_ways,
    bytes_before_close_by_dialer,
    bytes_before_close_by_handler,
    half_close_by_dialer,
    half_close_by_handler,
    close_with_bytes_unread,
    streams_at_once,
    handlers_many,
    handler_overwritten,
    handler_gone_and_back,
    handler_path_without_slash,
    disconnect_ends_streams,
    disconnect_with_bytes_unread,
    disconnect,
    disconnect_again,
    stream_dials_by_itself,
]


def name_of(check):
    return check.__name__.replace("_", "-")


async def report(check, run):
    started, line = time.monotonic(), {"check": name_of(check), "ok": True}
    try:
        with anyio.fail_after(CHECK_DEADLINE):
            await check(run)
    except Exception as error:
        line |= {"ok": False, "error": explain(error)}
    line["ms"] = round((time.monotonic() - started) * 1000)
    print(json.dumps(line), flush=True)


async def main(arguments):
    def client(name):
        control = Multiaddr(getattr(arguments, name))
        return Client(control, listen_address(control, os.path.join(arguments.directory, f"{name}.sock")))

    async with client("dialer").listen() as dialer, client("handler").listen() as handler:
        handler.neighbour = arguments.neighbour
        run = Run(dialer, handler, arguments.directory, arguments.payload)
        for check in CHECKS:
            if arguments.only in (None, name_of(check)) and name_of(check) not in arguments.skip.split(","):
                await report(check, run)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialer", required=True, help="control address of the daemon that dials")
    parser.add_argument("--handler", required=True, help="control address of the daemon that handles streams")
    parser.add_argument("--neighbour", help="where the handler's daemon is found by the dialer's, when both are tenants of one machine")
    parser.add_argument("--directory", required=True, help="where the client's listening sockets go")
    parser.add_argument("--payload", type=int, default=4 << 20, help="bytes each way in the bulk checks")
    parser.add_argument("--only", help="the one check to run, when looking into a failure")
    parser.add_argument("--skip", default="", help="checks not to run, with commas between")
    sys.exit(anyio.run(main, parser.parse_args()))
