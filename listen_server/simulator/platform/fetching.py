"""The files that play names, fetched over HTTP and decoded; verbs/prompts.py plays them.

The media server fetches them, with GET, following redirects, without the credentials of the
application. What cannot be fetched or read is `File Not Found` to the verb (lib/tasks/play.js of
jambonz-feature-server 0.9.8).
"""

import asyncio
import io
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx2

from listen_codecs.files import UnreadableAudio, read_audio
from listen_codecs.formats import AudioBlock
from listen_server.simulator.platform.clients import HttpClient
from listen_server.simulator.platform.heard import NOTHING

_LARGEST: Final = 64 * 2**20  # bytes
_SILENCE: Final = re.compile(r"silence_stream://(\d+)")  # milliseconds
_UNKNOWN: Final = 5.0  # seconds that a sound of the media server's own lasts
_RATE: Final = 8000  # Hz


class NotPlayable(Exception):  # noqa: N818 - reads as the finding it is
    """There is no audio at an address; the words say why."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What an address has."""

    pcm: AudioBlock
    sample_rate: int  # Hz
    seconds: float


async def fetch(client: HttpClient, url: str) -> Clip:
    """Fetch and decode a file. Raises NotPlayable.

    What is no http address but has a scheme is a sound of the media server: it takes its time, and
    has no samples.
    """
    if silence := _SILENCE.match(url):
        return Clip(NOTHING, _RATE, int(silence[1]) / 1000)
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise NotPlayable("it has no scheme, and the media server has no such file")
    if scheme not in ("http", "https"):
        return Clip(NOTHING, _RATE, _UNKNOWN)
    data = await _fetched(client, url)
    try:
        pcm, rate = await asyncio.to_thread(read_audio, io.BytesIO(data))
    except UnreadableAudio:
        raise NotPlayable("it is no audio") from None
    return Clip(pcm, rate, pcm.shape[1] / rate)


async def _fetched(client: HttpClient, url: str) -> bytes:
    data = bytearray()
    try:
        made = await client.made()
        async with made.stream("GET", url, follow_redirects=True) as response:
            if response.status_code != HTTPStatus.OK:
                raise NotPlayable(f"it was answered with {response.status_code}")
            async for piece in response.aiter_bytes():
                data += piece
                if len(data) > _LARGEST:
                    raise NotPlayable("it is too large")
    except (httpx2.HTTPError, httpx2.InvalidURL):
        raise NotPlayable("it cannot be fetched") from None
    return bytes(data)
