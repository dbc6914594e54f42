"""One call at Google: as many streams as it takes, each word once. held.py keeps the audio.

    CLOSED --somebody speaks--> OPEN --silence, age, hang-up--> HALF-CLOSED --last words--> CLOSED
    a fault, at any moment --> CLOSED, and then again all that no final result covers

stream.py is one of those streams.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_sinks.transcript.api import Engine, EngineAway, EngineRefused, Result
from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.config import GoogleConfig
from listen_sinks.transcript.google.dialect import Asked
from listen_sinks.transcript.google.faults import Fault
from listen_sinks.transcript.google.held import HeldAudio
from listen_sinks.transcript.google.intake import Intake
from listen_sinks.transcript.google.patience import Patience
from listen_sinks.transcript.google.results import Results
from listen_sinks.transcript.google.stream import Stream

if TYPE_CHECKING:
    from listen_sinks.transcript.google.service import Service

ROOM: Final = 5.0
"""Seconds of audio that may wait to be sent; more is better kept where it comes from."""


class GoogleEngine(Engine):
    """Understands one call."""

    def __init__(
        self,
        config: GoogleConfig,
        service: "Service",
        clock: Clock,
        gone: Callable[["GoogleEngine"], None],
    ) -> None:
        self._config = config
        self._service = service
        self._clock = clock
        self._gone = gone
        self._patience = Patience(config.patience)
        self._results = Results()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._last_audio = clock.now()
        self._taking = False
        self._ending = False
        self._doubted = False
        self._failure: EngineAway | EngineRefused | None = None
        self._stream: Stream | None = None
        self._work: asyncio.Task[None] | None = None

    async def open(self, audio_format: AudioFormat, language: str) -> None:
        """Get ready; the first stream begins when somebody speaks."""
        config, credential = self._config, self._service.credential
        largest = self._service.dialect.largest
        self._intake = Intake(audio_format, largest, voice_activity=config.voice_activity)
        self._held = HeldAudio(self._intake.sample_rate, self._intake.channels)
        project = credential.project if credential else None
        asked = Asked(self._intake.sample_rate, self._intake.channels, language, project)
        self._opening = self._service.dialect.opening(config, asked)
        self._last_audio = self._clock.now()
        self._work = asyncio.create_task(self._run())

    async def audio(self, block: AudioBlock) -> None:
        """Take samples; wait while too much has not been sent."""
        self._raise_failure()
        for piece, spoken in self._intake.feed(block):
            self._held.add(piece, spoken)
        if self._stream is not None:
            self._stream.go_on()
        self._wake.set()
        self._taking = True
        while self._held.unsent > ROOM and self._failure is None:
            self._room.clear()
            await self._room.wait()
        self._taking = False
        self._last_audio = self._clock.now()
        self._raise_failure()

    async def results(self) -> AsyncIterator[Result]:
        """Give results as they come."""
        async for result in self._results:
            yield result
        self._raise_failure()

    async def drain(self) -> None:
        """Send what is left and wait for the last words."""
        if self._work is None:
            return
        for piece, spoken in self._intake.flush(end=True):
            self._held.add(piece, spoken)
        self._ending = True
        self._wake.set()
        await asyncio.shield(self._work)
        self._raise_failure()

    async def close(self) -> None:
        """Let go of the stream."""
        self._gone(self)
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._results.end()

    def look(self, now: float) -> None:
        """See whether something takes too long; called a few times in a second."""
        if self._stream is None:
            return
        paused = now - self._last_audio > self._config.silence and not self._taking
        if paused and not self._ending:
            for piece, spoken in self._intake.flush(end=False):
                self._held.add(piece, spoken)
            self._stream.finish()
        self._stream.look(now)

    async def _run(self) -> None:
        try:
            while await self._something_to_hear():
                try:
                    await self._listen()
                except Fault as fault:
                    await self._after(fault)
        except (EngineAway, EngineRefused) as failure:
            self._failure = self._told_apart(failure)
        except Exception as error:  # noqa: BLE001 - a fault of this code costs one engine its stream
            away = EngineAway(f"the engine broke off: {type(error).__name__}")
            away.__cause__ = error
            self._failure = self._told_apart(away)
        finally:
            self._results.end()
            self._room.set()

    async def _something_to_hear(self) -> bool:
        """Wait for somebody to speak; return False once the call is over and all is heard."""
        while not self._held.speech:
            if self._ending:
                return False
            self._wake.clear()
            await self._wake.wait()
        return True

    async def _listen(self) -> None:
        """Send one stream to its end. Raises Fault."""
        self._held.rewind()
        stream = Stream(self._config, self._clock, self._held, self._wake, self._room)
        try:
            self._stream = stream
            await stream.begin(self._service, self._opening)
            async with aclosing(stream.results(lambda: self._ending)) as results:
                async for result in results:
                    self._patience.forget()
                    self._doubted = False
                    self._room.set()
                    await self._results.put(result)
        finally:
            self._stream = None
            await stream.close()
        self._held.heard_all()
        self._room.set()
        self._patience.forget()

    async def _after(self, fault: Fault) -> None:
        if fault.code == "UNAUTHENTICATED" and self._service.credential and not self._doubted:
            self._doubted = True  # tokens can be withdrawn before they expire
            self._service.credential.doubt()
            return
        await self._clock.sleep(self._patience.after(fault, self._clock.now()))

    def _told_apart(self, failure: EngineAway | EngineRefused) -> EngineAway | EngineRefused:
        """Say from when on the next engine must hear it all again."""
        if isinstance(failure, EngineAway):
            failure.covered = self._held.covered_seconds
        return failure

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
