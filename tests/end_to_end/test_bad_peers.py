"""What strangers and broken peers send: each gets its answer, its count and its line in the log."""

import base64
import json
import resource
import selectors
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from urllib.request import urlopen

import pytest
from process import COMMAND, ServerProcess, command, finished_calls, server_process
from server.wire import BINARY, CONT, PING, TEXT, frame

from listen_codecs.files import read_audio

QUICK = "ping_interval = 0.5\nping_timeout = 0.5\nhandshake_timeout = 1\n"
METADATA = b'{"sampleRate": 8000, "mixType": "mono", "callSid": "1"}'
IDLE = 10_000  # sockets


class Door:
    """A server with a credential, and a way to say any bytes to it."""

    def __init__(self, server: ServerProcess, data: Path, user: str, password: str) -> None:
        self.server, self.data = server, data
        self.right = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.seen = 0

    def head(self, *more: str, credential: str | None = "", subprotocol: str = "") -> bytes:
        """Return an upgrade request: with the right credential, another, or None."""
        given = credential or self.right
        lines = [
            *("GET /listen HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"),
            *("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"),
            f"Sec-WebSocket-Protocol: {subprotocol or 'audio.jambonz.org'}",
            *([] if credential is None else [f"Authorization: Basic {given}"]),
            *more,
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def connect(self) -> socket.socket:
        """Connect and say nothing."""
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=20)

    def say(self, *parts: bytes) -> bytes:
        """Say bytes, and return all that is answered until the server hangs up."""
        with self.connect() as peer:
            for part in parts:
                peer.sendall(part)
            return everything(peer)

    def call(self, *frames: bytes) -> bytes:
        """Have a call taken, say frames, and return what is answered until the server hangs up."""
        with self.connect() as peer:
            peer.sendall(self.head())
            head = b""
            while b"\r\n\r\n" not in head:
                head += peer.recv(4096)
            assert head.startswith(b"HTTP/1.1 101 ")
            for one in frames:
                peer.sendall(one)
            return everything(peer)

    def count(self, metric: str) -> float:
        """Return a metric, 0 if it never moved."""
        with urlopen(f"http://127.0.0.1:{self.server.admin_port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return next((float(one.split()[-1]) for one in lines if one.startswith(metric)), 0.0)

    def logged(self, **wanted: str) -> bool:
        """Wait for a line of the log."""
        for _ in range(300):
            if any(wanted.items() <= line.items() for line in self.server.log[self.seen :]):
                return True
            Event().wait(0.02)
        return False

    def recordings(self, state: str) -> list[Path]:
        """Wait for a recording to end so; return those."""
        for _ in range(300):
            files = self.data.glob("recordings/[0-9]*/**/*.json")
            if found := [one for one in files if json.loads(one.read_text())["state"] == state]:
                return found
            Event().wait(0.02)
        return []


def everything(peer: socket.socket) -> bytes:
    said = b""
    try:
        while more := peer.recv(65536):
            said += more
    except ConnectionResetError:
        pass
    return said


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    data = tmp_path_factory.mktemp("bad_peers")
    added = command("credentials", "add", "acme", "--data-dir", str(data))
    user, password = (line.partition(": ")[2] for line in added.stdout.splitlines())
    with server_process(data, "--admin-port", "0", toml=QUICK) as server:
        yield Door(server, data, user, password)
        assert server.stop() == 0
    assert not [line for line in server.log if line["level"] == "error" or "library" in line]
    let_in = [line for line in server.log if line["event"] in {"stream started", "stream ended"}]
    assert let_in
    assert "127.0.0.1" not in json.dumps(let_in), "who was let in is nobody's to read"


@pytest.fixture
def door(running: Door) -> Door:
    running.seen = len(running.server.log)
    return running


def refused(door: Door, request: bytes, status: int, reason: str) -> bool:
    """Tell whether a request gets its status, a count under its reason, and a log line."""
    metric = f'listen_refusals_total{{reason="{reason}"}}'
    before = door.count(metric)

    answer = door.say(request)

    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) if status else not answer
    assert door.count(metric) == before + 1
    return door.logged(event="refused", reason=reason)


def test_another_subprotocol_is_refused(door: Door) -> None:
    assert refused(door, door.head(subprotocol="chat"), 400, "subprotocol")
    assert door.count('listen_wrong_subprotocol_total{offered="other"}') == 1


def test_no_credential_is_refused(door: Door) -> None:
    assert refused(door, door.head(credential=None), 401, "no credential")


def test_a_wrong_credential_is_refused(door: Door) -> None:
    wrong = base64.b64encode(b"somebody:else").decode()

    assert refused(door, door.head(credential=wrong), 401, "wrong credential")


def test_a_credential_that_jambonz_garbled_for_its_length_is_refused(door: Door) -> None:
    garbled = base64.b64encode(b"u" * 45 + b":" + b"p" * 44).decode() + "?"

    assert refused(door, door.head(credential=garbled), 401, "unreadable credential")


def test_a_guesser_is_slowed_down(door: Door) -> None:
    guesses = [base64.b64encode(f"acme.guess:{n}".encode()).decode() for n in range(11)]
    for guess in guesses[:10]:
        door.say(door.head(credential=guess))

    assert refused(door, door.head(credential=guesses[10]), 429, "guessing")


def test_a_path_that_is_no_route_is_refused(door: Door) -> None:
    assert refused(door, door.head().replace(b"/listen", b"/nowhere"), 404, "no route")


@pytest.mark.parametrize("half", [b"", b"GET /lis", b"GET /listen HTTP/1.1\r\nHost: x\r\n"])
def test_half_a_handshake_and_silence_is_closed(door: Door, half: bytes) -> None:
    assert refused(door, half, 0, "handshake timeout")


def test_headers_that_drip_in_are_closed_too(door: Door) -> None:
    metric = 'listen_refusals_total{reason="handshake timeout"}'
    before, began = door.count(metric), time.monotonic()
    with door.connect() as peer, pytest.raises(ConnectionError):
        drip(peer, b"GET / HTTP/1.1\r\n" + b"X-Slow: 1\r\n" * 100)

    assert time.monotonic() < began + 10
    assert door.count(metric) == before + 1
    assert door.logged(event="refused", reason="handshake timeout")


def drip(peer: socket.socket, head: bytes) -> None:
    for one in head.splitlines(keepends=True):
        peer.sendall(one)
        Event().wait(0.1)


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_bytes_that_are_no_request_are_refused(door: Door, garbage: bytes) -> None:
    assert refused(door, garbage, 400, "not HTTP")


def test_an_upgrade_that_is_none_of_a_websocket_is_refused(door: Door) -> None:
    assert refused(door, door.head().replace(b"-Key:", b"-Lock:"), 400, "not a websocket")


def broken(door: Door, fault: str, code: int, *frames: bytes) -> bool:
    """Tell whether frames get a close code, a count and a log line; the recording is kept."""
    metric = f'listen_peer_errors_total{{fault="{fault}"}}'
    before = door.count(metric)

    answer = door.call(frame(TEXT, METADATA), frame(BINARY, bytes(320)), *frames)

    assert code.to_bytes(2, "big") in answer
    logged = door.logged(event="peer fault", fault=fault)
    assert door.count(metric) == before + 1
    assert door.recordings("interrupted")
    return logged


def test_a_message_of_2_mib_and_a_byte_ends_its_call(door: Door) -> None:
    huge = frame(BINARY, b"", announced=2 * 1024 * 1024 + 1)

    assert broken(door, "message too large", 1009, huge)


def test_a_compressed_frame_though_none_were_agreed_ends_its_call(door: Door) -> None:
    assert broken(door, "broken websocket frame", 1002, frame(BINARY, b"\x4a\x04", rsv=4))


def test_fragments_of_one_byte_are_one_message(door: Door) -> None:
    audio = bytes(range(1, 201)) * 16
    first, *between, last = [audio[i : i + 1] for i in range(len(audio))]
    frames = [
        frame(BINARY, first, fin=False),
        *(frame(CONT, one, fin=False) for one in between),
        frame(CONT, last),
    ]

    door.call(frame(TEXT, METADATA), b"".join(frames), frame(0x8, b"\x03\xe8"))

    (sidecar,) = door.recordings("complete")
    block, _ = read_audio(sidecar.with_suffix(".wav"))
    assert block[0].astype("<i2").tobytes() == audio


def test_text_that_is_not_utf_8_costs_no_call(door: Door) -> None:
    cut = METADATA[:-1] + b', "note": "\xc3'

    door.call(frame(TEXT, cut), frame(BINARY, bytes(320)), frame(0x8, b"\x03\xe8"))

    assert door.logged(event="stream started", metadata="lenient")
    assert door.logged(event="stream ended", outcome="complete")
    assert door.count('listen_metadata_total{quality="lenient"}') == 1


def test_a_peer_that_answers_no_ping_is_let_go(door: Door) -> None:
    began = time.monotonic()

    answer = door.call(frame(TEXT, METADATA), frame(BINARY, bytes(320)))

    assert bytes([0x80 | PING]) in answer
    assert time.monotonic() < began + 10
    assert door.logged(event="stream ended", outcome="interrupted", reason="connection lost")
    assert door.count('listen_streams_total{outcome="interrupted",route="/listen"}') >= 1


def test_ten_thousand_sockets_that_say_nothing_cost_no_call_and_little_memory(
    tmp_path: Path,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE + 1000:
        pytest.skip(f"the system allows no {IDLE} sockets")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with (
            server_process(
                tmp_path, "--open", "--admin-port", "0", toml="handshake_timeout = 8\n"
            ) as server,
            ExitStack() as stack,
        ):
            live = subprocess.Popen(
                [*COMMAND, "call", "--url", server.url(), "--seconds", "14"],
                stdout=subprocess.PIPE,
                text=True,
            )
            before = resident(server)
            peers = [
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                for _ in range(IDLE)
            ]
            grown = resident(server) - before
            hung_up(peers)
            out, _ = live.communicate(timeout=60)
            (told,) = finished_calls(tmp_path / "recordings")
            door = Door(server, tmp_path, "", "")
            count = door.count('listen_refusals_total{reason="handshake timeout"}')
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert json.loads(out)["fault"] is None
    assert (told["state"], told["frames"], told["gaps"]) == ("complete", 14 * 8000, [])
    assert count == IDLE
    assert len(server.log) < IDLE / 10
    assert grown < IDLE * 16 * 1024


def resident(server: ServerProcess) -> int:
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def hung_up(peers: list[socket.socket]) -> None:
    """Wait until the server has let go of every one."""
    with selectors.DefaultSelector() as waiting:
        for peer in peers:
            waiting.register(peer, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(60)
            assert ready, f"{len(waiting.get_map())} are still open"
            for key, _ in ready:
                waiting.unregister(key.fileobj)
