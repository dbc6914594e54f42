"""One stream to Google, which lasts five minutes at most. engine.py makes one after the other."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Final

from listen_sinks.transcript.api import Result, Word
from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.config import GoogleConfig
from listen_sinks.transcript.google.dialect import Heard
from listen_sinks.transcript.google.faults import Fault
from listen_sinks.transcript.google.held import HeldAudio
from listen_sinks.transcript.google.segments import Segments

if TYPE_CHECKING:
    from listen_sinks.transcript.google.service import GoogleStream, Service

PACE: Final = 3.0
"""Times real time at which audio that had to wait is sent; Google ends faster streams."""
BURST: Final = 5.0
"""Seconds of audio that may be sent at once before that."""
PAUSE: Final = 0.2
"""Seconds of silence in which a stream can be replaced without cutting a word."""
LATE: Final = 1.15
"""Times the limits after which a stream is replaced even while somebody speaks."""


class Stream:
    """Sends what is held, and gives what Google makes of it."""

    def __init__(
        self,
        config: GoogleConfig,
        clock: Clock,
        held: HeldAudio,
        wake: asyncio.Event,
        room: asyncio.Event,
    ) -> None:
        """Take what says that there is audio, and what is to be told that some was sent."""
        self._config = config
        self._clock = clock
        self._held = held
        self._wake = wake
        self._room = room
        self._segments = Segments()
        self._began = clock.now()
        self._waiting_since: float | None = self._began  # for Google to take or to end something
        self._finished = False
        self._half_closed = False
        self._google: GoogleStream | None = None
        self._sender: asyncio.Task[None] | None = None

    async def begin(self, service: "Service", opening: bytes) -> None:
        """Open it. Raises Fault, EngineRefused."""
        self._dialect = service.dialect
        self._google = await service.open()
        self._began = self._waiting_since = self._clock.now()
        await self._google.write(opening)
        self._waiting_since = None

    async def results(self, call_is_over: Callable[[], bool]) -> AsyncGenerator[Result, None]:
        """Send, and give results, until the last. Raises Fault if it ends otherwise."""
        google = self._opened()
        self._sender = asyncio.create_task(self._send(google, call_is_over))
        while (answer := await google.read()) is not None:
            if self._half_closed:
                self._waiting_since = self._clock.now()
            for heard in self._dialect.heard(answer):
                result = self._result(heard)
                if heard.is_final:
                    self._held.heard(result.channel, round(result.end * self._held.sample_rate))
                if result.text:
                    yield result
        if not self._half_closed:
            raise Fault("OK", "Google ended the stream before its audio")

    def finish(self) -> None:
        """Send what is held and nothing more: nobody speaks, or there is no audio."""
        self._finished = True
        self._wake.set()

    def go_on(self) -> None:
        """Take back `finish`, if there still is time: there is audio again."""
        self._finished = False

    def look(self, now: float) -> None:
        """Abandon it if Google takes too long; let it end if it gets too old."""
        since = self._waiting_since
        if since is not None and now - since > self._config.answer_timeout:
            if self._google is not None:
                self._google.abandon(Fault("DEADLINE_EXCEEDED", "no answer in time"))
        elif now - self._began > self._config.stream_seconds:
            self._wake.set()

    async def close(self) -> None:
        """Let go of it, at any moment."""
        if self._google is not None:
            self._google.abandon()
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    def _opened(self) -> "GoogleStream":
        if self._google is None:
            raise Fault("CANCELLED", "the stream was not opened")
        return self._google

    async def _send(self, google: "GoogleStream", call_is_over: Callable[[], bool]) -> None:
        """Send until it is time to end, and say so; faults are seen by who reads."""
        try:
            while not self._is_time(call_is_over):
                if self._held.waiting:
                    await self._send_next(google)
                else:
                    self._wake.clear()
                    await self._wake.wait()
            self._half_closed = True
            self._waiting_since = self._clock.now()
            await google.done_writing()
        except Fault:
            return

    async def _send_next(self, google: "GoogleStream") -> None:
        ahead = self._segments.frames / self._held.sample_rate - BURST
        late = ahead / PACE - (self._clock.now() - self._began)
        if late > 0:
            await self._clock.sleep(late)
            return
        chunk = self._held.next()
        self._room.set()
        self._segments.sent(chunk.start, chunk.frames)
        self._waiting_since = self._clock.now()
        await google.write(self._dialect.request(chunk.data))
        self._waiting_since = None

    def _is_time(self, call_is_over: Callable[[], bool]) -> bool:
        held, config = self._held, self._config
        if self._finished or call_is_over():
            return not held.waiting
        if config.voice_activity and held.silence >= config.silence:
            return True
        age = (
            max(self._clock.now() - self._began, self._segments.frames / held.sample_rate)
            / config.stream_seconds
        )
        full = max(age, held.unanswered / config.held_seconds)
        return full >= LATE or (full >= 1 and held.silence >= PAUSE)

    def _result(self, heard: Heard) -> Result:
        words = tuple(
            Word(word.text, self._at(word.start), self._at(word.end, is_end=True), word.confidence)
            for word in heard.words
        )
        channel = min(heard.channel, len(self._held.covered) - 1)
        begun = self._held.covered[channel] / self._held.sample_rate
        end = self._at(heard.end, is_end=True)
        return Result(
            text=heard.text,
            channel=channel,
            start=words[0].start if words else min(begun, end),
            end=end,
            is_final=heard.is_final,
            confidence=heard.confidence,
            words=words,
            language=heard.language,
        )

    def _at(self, seconds: float, *, is_end: bool = False) -> float:
        """Return seconds of the call for seconds of this stream."""
        rate = self._held.sample_rate
        return self._segments.in_call(round(seconds * rate), is_end=is_end) / rate
