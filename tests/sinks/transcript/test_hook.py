"""The hook is jambonz's own: same payload, same signature, in order; and the call never waits."""

import asyncio
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import until
from transcript_script import Script, install, spoken, transcribing

from listen_sinks.api import Call, MetadataArrived, SinkError
from listen_sinks.testing import make_call, make_outcome, packets
from listen_sinks.transcript import hook as hook_module
from listen_sinks.transcript.api import Result
from listen_sinks.transcript.board import BOARD
from listen_sinks.transcript.config import TranscriptConfig
from listen_sinks.transcript.hook import Hook, described, signature

SECRET = "whsec"  # noqa: S105 - of this test alone
ATTRIBUTES = {
    "sampleRate": 8000,
    "mixType": "mono",
    "callSid": "7b0c7a52",
    "direction": "inbound",
    "from": "+15551230001",
    "to": "+15551230002",
    "callId": "8f3c0a11-call",
    "sbcCallid": "sbc-cid-1",
    "sipStatus": 200,
    "accountSid": "0c1d",
    "applicationSid": "9aa0",
    "fsSipAddress": "10.0.0.5:5070",
    "originatingSipTrunkName": "acme-sip",
    "customerData": {"ticket": 42},
    "topic": "voicemail",
}


@dataclass
class Application:
    """An application of jambonz, as a real HTTP server on this machine."""

    statuses: list[int] = field(default_factory=list)  # of the first requests; then 200
    hang: bool = False
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}/transcription?x=1"
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")[1:-2]
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((headers, body))
                if self.hang:
                    await asyncio.sleep(1000)
                status = self.statuses.pop(0) if self.statuses else 200
                location = "Location: http://127.0.0.1:1/\r\n" if status == 302 else ""
                answer = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{location}\r\n"
                writer.write(answer.encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        finally:
            writer.close()


async def place(plugin: Any, call: Call, seconds: float = 1.0) -> None:
    sink = plugin.sink(call)
    await sink.start(call)
    audio = spoken(call.format, 0, round(seconds * 10))
    for block in packets(audio, 800):
        await sink.audio(block)
        await asyncio.sleep(0)
    await sink.finish(make_outcome(call, audio.shape[1]))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_module, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(hook_module, "CLOSE_PATIENCE", 0.2)


async def test_an_application_cannot_tell_who_transcribed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Script())
    application = Application()
    async with (
        application.running() as url,
        transcribing(tmp_path, hook=url, hook_secret=SECRET, language="de-DE") as plugin,
    ):
        await place(plugin, make_call(8000, "stereo", attributes=ATTRIBUTES))
        await until(lambda: len(application.requests) == 4)

    first = next(p for p in application.payloads if p["speech"]["channel_tag"] == 1)
    assert first == {
        "call_sid": "7b0c7a52",
        "direction": "inbound",
        "from": "+15551230001",
        "to": "+15551230002",
        "call_id": "8f3c0a11-call",
        "sbc_callid": "sbc-cid-1",
        "sip_status": 200,
        "account_sid": "0c1d",
        "application_sid": "9aa0",
        "local_sip_address": "10.0.0.5:5070",
        "originating_sip_trunk_name": "acme-sip",
        "customer_data": {"ticket": 42},
        "speech": {
            "language_code": "de-DE",
            "channel_tag": 1,
            "is_final": True,
            "alternatives": [{"confidence": 0.9, "transcript": "0 1 2 3 4"}],
            "vendor": {"name": "scripted"},
        },
    }
    said = [p["speech"]["alternatives"][0]["transcript"] for p in application.payloads]
    assert sorted(said) == sorted(["0 1 2 3 4", "5 6 7 8 9"] * 2)
    for headers, body in application.requests:
        moment, _, digest = headers["jambonz-signature"].removeprefix("t=").partition(",v1=")
        signed = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256)
        assert digest == signed.hexdigest()
        assert b'": ' not in body  # as JSON.stringify writes it


def test_the_signature_is_that_of_jambonz() -> None:
    expected = hmac.new(b"s", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature("s", b'{"a":1}', 1700000000.9) == f"t=1700000000,v1={expected}"


async def test_results_come_in_order_although_the_application_stumbles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Script(every=0.2))
    application = Application(statuses=[500, 200, 503, 500])
    async with application.running() as url, transcribing(tmp_path, hook=url) as plugin:
        await place(plugin, make_call(), 2.0)
        await until(lambda: len(application.requests) == 13)
        assert plugin.hook is not None
        await until(lambda: not plugin.draining)

    said = [p["speech"]["alternatives"][0]["transcript"] for p in application.payloads]
    assert list(dict.fromkeys(said)) == [f"{n} {n + 1}" for n in range(0, 20, 2)]
    assert plugin.hook.lost == 0


@pytest.mark.parametrize(
    "broken", [lambda a: setattr(a, "hang", True), lambda a: a.statuses.extend([302] * 1000)]
)
async def test_an_application_that_hangs_or_redirects_costs_the_call_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Callable[[Application], None]
) -> None:
    install(monkeypatch, Script())
    application = Application()
    broken(application)
    call = make_call()
    async with (
        application.running() as url,
        transcribing(tmp_path, hook=url, hook_timeout=0.02) as plugin,
    ):
        async with asyncio.timeout(5):
            posting_found = plugin.sink(call)
            posting = BOARD.find(call.stream_id)
            assert posting is not None
            await posting_found.start(call)
            await posting_found.audio(spoken(call.format, 0, 20))
            await posting_found.finish(make_outcome(call, 16000))
            assert await posting.wait(5)
        assert posting.transcript.complete
        assert plugin.hook is not None
        await until(lambda: plugin.hook and plugin.hook.lost)


async def test_an_application_that_is_away_loses_old_results_and_memory_stays_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_module, "MOST_WAITING", 5)
    install(monkeypatch, Script(every=0.1))
    async with transcribing(tmp_path, hook="http://127.0.0.1:9/", hook_timeout=5) as plugin:
        await place(plugin, make_call(), 10.0)
        await until(lambda: not plugin.draining)
        assert plugin.hook is not None
        assert plugin.hook.lost >= 1


async def test_metadata_that_comes_late_is_in_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Script())
    application = Application()
    call = make_call(call_sid=None)
    async with application.running() as url, transcribing(tmp_path, hook=url) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.event(MetadataArrived(ATTRIBUTES, "exact"), 0.0)
        await sink.audio(spoken(call.format, 0, 5))
        await sink.finish(make_outcome(call, 4000))
        await until(lambda: application.requests)

    assert application.payloads[0]["call_sid"] == "7b0c7a52"


@pytest.mark.parametrize("interim", [False, True])
async def test_interim_results_are_sent_only_where_they_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, interim: bool
) -> None:
    install(monkeypatch, Script())
    application = Application()
    call = make_call()
    async with (
        application.running() as url,
        transcribing(tmp_path, hook=url, hook_interim=interim) as plugin,
    ):
        sink: Any = plugin.sink(call)
        await sink.start(call)
        sink._heard(Result("he", 0, 0.0, 0.3, is_final=False))
        sink._heard(Result("hello", 0, 0.0, 0.5, is_final=True))
        await sink.finish(make_outcome(call, 0))
        await until(lambda: application.payloads and application.payloads[-1]["speech"]["is_final"])

    finals = [payload["speech"]["is_final"] for payload in application.payloads]
    assert finals == ([False, True] if interim else [True])
    assert application.payloads[0]["speech"]["alternatives"][0]["confidence"] == 0.0


def test_odd_metadata_never_breaks_a_delivery() -> None:
    deep: Any = {}
    deep["self"] = deep
    odd = {"callSid": "\ud83d", "sipStatus": float("nan"), "customerData": deep, "from": None}
    assert described(odd) == {"call_sid": "\ud83d", "sip_status": None, "customer_data": None}


@asynccontextmanager
async def hook(url: str, **changes: Any) -> AsyncIterator[Hook]:
    made = Hook(await asyncio.to_thread(lambda: TranscriptConfig(hook=url, **changes)))
    await made.open()
    yield made
    await made.close()


async def test_while_no_name_is_resolved_nothing_but_the_hook_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, back = threading.Event(), threading.Event()

    def no_answer(*_: object, **__: object) -> list[Any]:
        asked.set()
        back.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    async with hook("https://application.example/text", hook_timeout=30) as one:
        monkeypatch.setattr(socket, "getaddrinfo", no_answer)
        posts = [asyncio.create_task(one.post({})) for _ in range(64)]
        await until(asked.is_set)

        try:
            async with asyncio.timeout(3):
                assert await asyncio.to_thread(str, "a file is read") == "a file is read"
        finally:
            back.set()
            said = await asyncio.gather(*posts)

    assert set(said) == {"its name has no address"}


async def test_the_name_of_the_application_is_looked_up_once_for_many_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, asked = socket.getaddrinfo, []

    def counted(host: str, port: int, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1", port, *rest, **more)

    application = Application()
    async with application.running() as url:
        named = url.replace("127.0.0.1", "application.example")
        async with hook(named) as one:
            monkeypatch.setattr(socket, "getaddrinfo", counted)
            assert await asyncio.gather(*(one.post({}) for _ in range(8))) == [None] * 8
            assert await one.post({}) is None

    assert asked == ["application.example"]
    assert {headers["host"] for headers, _ in application.requests} == {named.split("/")[2]}


async def test_an_application_that_has_moved_is_found_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, where = socket.getaddrinfo, ["127.0.0.2", "127.0.0.1"]

    def moving(_host: str, port: int, *rest: Any, **more: Any) -> Any:
        return real(where.pop(0), port, *rest, **more)

    async with (
        Application().running() as url,
        hook(url.replace("127.0.0.1", "application.example")) as one,
    ):
        monkeypatch.setattr(socket, "getaddrinfo", moving)
        said = [await one.post({}) for _ in range(2)]

    assert said == ["ConnectError", None]


async def test_a_hook_that_is_no_address_is_told_at_start() -> None:
    with pytest.raises(SinkError, match="hook: "):
        async with hook("http://application.example:port/"):
            pass
