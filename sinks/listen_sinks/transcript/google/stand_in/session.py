"""One stream at the stand-in: requests in, results out, and every limit of the real one."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import grpc
import grpc.aio

from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.stand_in import limits
from listen_sinks.transcript.google.stand_in.faults import Faults
from listen_sinks.transcript.google.stand_in.hearing import Hearing, Utterance
from listen_sinks.transcript.google.stand_in.limits import Ended, Limits
from listen_sinks.transcript.google.stand_in.wire import Wanted, Wire

_TWICE: Final = (
    "Malordered data received. Expected audio after the streaming config: send exactly one config, "
    "followed by audio data."
)
_NONE: Final = (
    "Malordered data received. Expected a streaming config: send exactly one config, followed by "
    "audio data."
)


class Session:
    """Serves one stream; `serve` returns how it ended, or None for OK."""

    def __init__(
        self, wire: Wire, context: Any, *, limits: Limits, faults: Faults, clock: Clock
    ) -> None:
        self._wire = wire
        self._context = context
        self._limits = limits
        self._faults = faults
        self._clock = clock
        self._began = clock.now()
        self._deaf = faults.deaf
        self._wanted: Wanted | None = None
        self._hearing: Hearing | None = None
        self.seconds = 0.0  # of audio

    async def serve(self) -> Ended | None:
        """Take requests until the client has no more."""
        while True:
            request = await self._read()
            if isinstance(request, Ended):
                return request
            if request is None:
                break
            ended = self._faults.at_request() or await self._take(request)
            if ended is not None:
                return ended
        if self._wanted is None:
            return limits.invalid(_NONE)
        await self._finish()
        return None

    async def _read(self) -> bytes | Ended | None:
        """Return a request, None after the last, or why the stream ends without one."""
        left = self._limits.stream - (self._clock.now() - self._began)
        reading = asyncio.ensure_future(self._context.read())
        patience = self._clock.real(min(left, self._limits.no_audio))
        try:
            await asyncio.wait([reading], timeout=max(0.0, patience))
        finally:
            reading.cancel()  # of no effect on what is done
            reading.add_done_callback(_seen)
        if not reading.done():
            old = left <= self._limits.no_audio
            return limits.too_old(self._wire.api) if old else limits.no_audio(self._wire.api)
        request = reading.result()
        if self._faults.hang:
            await asyncio.Event().wait()
        return None if request is grpc.aio.EOF else bytes(request)

    async def _take(self, request: bytes) -> Ended | None:
        what = self._wire.read(request)
        if isinstance(what, Ended):
            return what
        if isinstance(what, Wanted):
            return self._begin(what)
        if self._wanted is None or self._hearing is None:
            return limits.invalid(_NONE)
        if len(what) > self._limits.bytes[self._wire.api]:
            most = self._limits.bytes[self._wire.api]
            return limits.invalid(f"Request audio can be a maximum of {most} bytes.")
        ended = self._hear(what)
        if ended is None:
            await self._tell(self._hearing.hear(what))
        return ended

    def _begin(self, wanted: Wanted) -> Ended | None:
        if self._wanted is not None:
            return limits.invalid(_TWICE)
        self._wanted = wanted
        fault = wanted.fault()
        if fault is None:
            self._hearing = Hearing(wanted.sample_rate, wanted.channels)
        return fault

    def _hear(self, audio: bytes) -> Ended | None:
        """Count audio, and see whether it is too much."""
        wanted = self._wanted
        if wanted is None:
            return limits.invalid(_NONE)
        self.seconds += len(audio) / (2 * wanted.channels * wanted.sample_rate)
        passed = self._clock.now() - self._began
        if max(passed, self.seconds) > self._limits.stream:
            return limits.too_old(self._wire.api)
        if self.seconds > self._limits.ahead + self._limits.pace * passed:
            return limits.too_fast()
        return None

    async def _finish(self) -> None:
        if self._deaf:
            await asyncio.Event().wait()
        if self._faults.late:
            await self._clock.sleep(self._faults.late)
        if self._hearing is not None:
            await self._tell(self._hearing.end())

    async def _tell(self, utterances: Iterable[tuple[int, Utterance]]) -> None:
        wanted = self._wanted
        for channel, utterance in utterances:
            told = wanted is not None and (utterance.is_final or wanted.interim)
            if wanted is not None and told and not self._deaf:
                await self._context.write(self._wire.answer(utterance, channel, wanted))


def _seen(reading: "asyncio.Future[Any]") -> None:
    """Look at how reading ended: gRPC raises in it when its stream or its server is gone."""
    if not reading.cancelled():
        reading.exception()
