"""What is played to callers, at addresses that expire: `PATH/audio/TOKEN.wav`. desk.py makes them.

    token -> the message as it is now -> a mono WAV with exactly its samples, or a range of it

jambonz shows no credential when it fetches: whoever has the address hears the message. So it lives
for minutes, nobody may keep it (`no-store`), and what is erased or deleted meanwhile is not there.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Final

import numpy as np
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from listen_codecs.formats import AudioBlock
from listen_codecs.wav import HEADER_BYTES, finished_header
from listen_server.voicemail.desk import AUDIO, MAILED, TO_CALLER, Desk
from listen_server.voicemail.ranges import asked
from listen_sinks.api import SinkError
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.index.errors import IndexAway, UnknownMessage, WrongState
from listen_sinks.voicemail.index.messages import get_message
from listen_sinks.voicemail.keys.provider import KeysAway
from listen_sinks.voicemail.playback import Playback

log = structlog.get_logger(__name__)

_STEP: Final = 2**19
"""Frames that are in memory at once."""
_HEADERS: Final = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_ACTORS: Final = {AUDIO: "phone", TO_CALLER: "caller", MAILED: "mail"}


class AudioDoor:
    """Answers GET and HEAD."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def endpoint(self, request: Request) -> Response:
        """Answer with audio; 404 for whatever is not there, old or altered."""
        try:
            playback = await self._open(request.path_params["token"])
            if playback is None:
                return PlainTextResponse("nothing is here\n", 404, _HEADERS)
            return await _answer(MonoWav(playback), request)
        except (IndexAway, KeysAway, ObjectsAway, SinkError) as error:
            log.warning("audio was asked for and is away", error=type(error).__name__)
            return PlainTextResponse("away\n", 503, {**_HEADERS, "retry-after": "2"})

    async def _open(self, token: str) -> Playback | None:
        purpose, told = self._told(token)
        if told is None:
            return None
        tenant, mailbox, message = told["t"], told["b"], told["m"]
        try:
            found = await get_message(self._desk.plugin.database, tenant, message)
            if found.mailbox != mailbox:
                return None
            store = await self._desk.store()
            actor = f"{_ACTORS[purpose]}:{mailbox}"
            playback = await store.open(tenant, message, actor=actor)
        except (UnknownMessage, WrongState):
            return None
        start = round(told.get("s", 0.0) * playback.sample_rate)
        return playback.view(start, playback.frames) if start else playback

    def _told(self, token: str) -> tuple[str, dict[str, Any] | None]:
        for purpose in _ACTORS:
            if (told := self._desk.tokens.open(purpose, token)) is not None:
                return purpose, told
        return AUDIO, None


class MonoWav:
    """A message as the WAV file that a telephone hears: both channels of a stereo call in one."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback
        self.size = HEADER_BYTES + 2 * playback.frames

    async def blocks(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Yield bytes of the file, as a slice has them."""
        playback = self._playback
        if start < HEADER_BYTES:
            header = finished_header(playback.sample_rate, 1, playback.frames)
            yield header[start:stop]
        first, last = max(start - HEADER_BYTES, 0), max(stop - HEADER_BYTES, 0)
        for at in range(first // 2, -(-last // 2), _STEP):
            samples = await playback.samples(at, min(at + _STEP, playback.frames))
            plain = await asyncio.to_thread(_mixed, samples)
            yield plain[max(first - 2 * at, 0) : last - 2 * at]


def _mixed(samples: AudioBlock) -> bytes:
    """Return s16le of what a telephone hears: shape (channels, frames), int16."""
    mixed = samples.sum(axis=0, dtype=np.int32) // len(samples)
    return bytes(mixed.astype("<i2").data)


async def _answer(wav: MonoWav, request: Request) -> Response:
    wanted = asked(request.headers.get("range"), wav.size)
    headers = {**_HEADERS, "accept-ranges": "bytes"}
    if wanted.start >= wanted.stop:
        headers["content-range"] = f"bytes */{wav.size}"
        return PlainTextResponse("there is no such range\n", 416, headers)
    if wanted.part:
        headers["content-range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{wav.size}"
    headers["content-length"] = str(wanted.stop - wanted.start)
    status = 206 if wanted.part else 200
    if request.method == "HEAD":
        return Response(None, status, headers, media_type="audio/wav")
    blocks = wav.blocks(wanted.start, wanted.stop)
    first = [block async for block in _first(blocks)]  # what is away is told before the headers
    return StreamingResponse(_rest(first, blocks), status, headers, media_type="audio/wav")


async def _first(blocks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Yield the first two blocks: the header, and audio."""
    for _ in range(2):
        try:
            yield await anext(blocks)
        except StopAsyncIteration:
            return


async def _rest(
    first: list[bytes], blocks: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    for block in first:
        yield block
    async for block in blocks:
        yield block
