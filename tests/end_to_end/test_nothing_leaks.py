"""A canary in everything that a caller or an operator keeps secret, and a search for it after."""

import asyncio
import base64
import json
import signal
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from plugin_package import install_plugin
from process import ServerProcess, command, finished_calls, server_process

from listen_codecs.formats import AudioFormat
from listen_server.simulator.address import parse_address
from listen_server.simulator.handshake import Credential
from listen_server.simulator.live import CallResult, place_call
from listen_server.simulator.script import CallScript, Key
from listen_server.simulator.target import Target

FIELDS = [
    *("callSid", "from", "to", "callId", "sbcCallid", "sipReason", "callStatus", "callerId"),
    *("accountSid", "traceId", "applicationSid", "fsSipAddress", "parentCallSid", "callerName"),
    *("originatingSipIp", "originatingSipTrunkName", "direction", "note"),
]
LEAKY_SINK = """
from listen_sinks.api import Sink, SinkPlugin


class LeakySink(Sink):
    async def start(self, call):
        self.call = call

    async def finish(self, outcome):
        raise RuntimeError(f"cannot store {self.call.attributes}")


class Leaky(SinkPlugin):
    def sink(self, call):
        return LeakySink()
"""


def canary(name: str) -> str:
    return f"canary-{name}-9f1c"


def spellings(name: str) -> set[str]:
    word = canary(name)
    return {
        word,
        quote(word, safe=""),
        word.encode().hex(),
        *(base64.b64encode(b"x" * shift + word.encode()).decode()[4:-4] for shift in range(3)),
    }


def secrets() -> list[str]:
    names = [*FIELDS, "nested", "key", "path", "query", "user", "password", "summary", "junk"]
    return [spelling for name in names for spelling in spellings(name)]


def call_of(server: ServerProcess, auth: Credential | None) -> CallResult:
    metadata = {"sampleRate": 8000, "mixType": "mono"}
    metadata |= {field: canary(field) for field in FIELDS}
    metadata |= {"customerData": {"nested": canary("nested")}, canary("key"): 1}
    script = CallScript(
        format=AudioFormat(8000, "mono"),
        pcm=bytes(16000),
        opening=json.dumps(metadata).encode(),
        keys=(Key("7", 0.2),),
        speed=0,
    )
    path = f"/listen/{canary('path')}?token={canary('query')}"
    target = Target(address=parse_address(server.url(path)), credential=auth)
    return asyncio.run(place_call(target, script))


@pytest.fixture
def leaky_package(tmp_path: Path) -> Path:
    return install_plugin(tmp_path / "site", "leaky", LEAKY_SINK, "Leaky")


def test_no_canary_is_in_anything_that_is_written_but_the_sidecar(
    tmp_path: Path, leaky_package: Path
) -> None:
    data = tmp_path / "data"
    added = command("credentials", "add", "acme", "--data-dir", str(data))
    user, password = (line.partition(": ")[2] for line in added.stdout.splitlines())
    toml = '[routes."/listen"]\nsinks = ["recording", "leaky"]\n'
    toml = f'log_level = "debug"\n{toml}'
    site = str(leaky_package)

    with server_process(data, "--admin-port", "0", toml=toml, PYTHONPATH=site) as server:
        right = call_of(server, Credential(user, password))
        wrong = call_of(server, Credential(canary("user"), canary("password")))
        (told,) = finished_calls(data / "recordings")
        with urlopen(f"http://127.0.0.1:{server.admin_port}/metrics") as answer:
            metrics = answer.read().decode()
        status = server.stop()

    sidecar = told.pop("path").with_suffix(".json")
    names = " ".join(str(file) for file in data.rglob("*"))
    others = b"".join(
        file.read_bytes() for file in data.rglob("*") if file.is_file() and file != sidecar
    )
    written = "".join(server.raw) + metrics + names + others.decode("latin-1")
    assert right.fault is None
    assert wrong.ended == "not connected"
    assert status == 0
    assert any(line["event"] == "sink failed" for line in server.log)
    assert canary("note") in sidecar.read_text(), "the search would find what is there"
    assert not [secret for secret in secrets() if secret in written]
    assert password not in written
    assert '"digit": "7"' not in sidecar.read_text()


def test_a_crash_writes_no_canary(tmp_path: Path) -> None:
    with server_process(tmp_path, "--open") as server:
        call_of(server, None)
        server.process.send_signal(signal.SIGABRT)
        server.process.wait(20)

    assert not [secret for secret in secrets() if secret in "".join(server.raw)]


def test_a_refusal_tells_the_peer_what_to_do(tmp_path: Path) -> None:
    command("credentials", "add", "acme", "--data-dir", str(tmp_path))

    with server_process(tmp_path) as server:
        result = call_of(server, None)

    assert isinstance(result.fault, str)
    assert "401" in result.fault
    assert "wsAuth" in result.fault
