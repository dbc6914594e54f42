"""Calls of a few lines, and a bare server to place them to."""

from typing import Any

from simulator.bare_server import BareServer, bare_server

from listen_codecs.formats import AudioFormat
from listen_server.simulator.address import parse_address
from listen_server.simulator.live import CallResult, place_call
from listen_server.simulator.script import CallScript
from listen_server.simulator.target import Target

MONO = AudioFormat(8000, "mono")


def script(seconds: float = 1.0, **options: Any) -> CallScript:
    pcm = bytes(index % 251 for index in range(round(seconds * 8000) * 2))
    usual: dict[str, Any] = {"format": MONO, "pcm": pcm, "opening": b"{}", "speed": 0.0}
    return CallScript(**(usual | options))


def target_of(server: BareServer) -> Target:
    return Target(address=parse_address(server.url))


async def played(call: CallScript) -> tuple[CallResult, BareServer]:
    async with bare_server() as server:
        result = await place_call(target_of(server), call)
        await server.gone.wait()
        return result, server
