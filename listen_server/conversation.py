"""One accepted connection: read once per tick into the protocol, and ended for its own reasons.

endpoint.py accepts it, stream.py takes what is understood. Whatever happens here, the stream gets
its one last word.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, MutableMapping
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import structlog

from listen_server.control import StreamControl
from listen_server.errors import PeerError
from listen_server.protocol import ListenProtocol
from listen_server.server.websocket import EXTENSION
from listen_server.settings import Settings
from listen_server.stream import Origin, Stream
from listen_server.telemetry import Telemetry
from listen_server.throttled import PacedReceive, ThrottledReceive

log = structlog.get_logger(__name__)

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

CLEAN: Final = 1000
"""RFC 6455 close code; jambonz sends no other, everything else is somebody vanishing."""
INTERNAL_ERROR: Final = 1011
_STOPPING: Final = (1001, 1012)  # what servers say of themselves at shutdown
_FAULTS: Final = {  # close codes of what jambonz does not do (RFC 6455, section 7.4.1)
    1002: "broken websocket frame",
    1007: "text that is not UTF-8",
    1008: "peer fault",
    1009: "message too large",
}
DISCONNECT_GRACE: Final = 5.0  # seconds for jambonz to close after we asked it to


class _Ending(NamedTuple):
    state: Literal["complete", "interrupted"]
    reason: str


class Conversation:
    """Reads until the connection ends in whatever way, and then ends its stream."""

    def __init__(
        self,
        origin: Origin,
        receive: Receive,
        send: Send,
        settings: Settings,
        telemetry: Telemetry,
        *,
        paced: bool,  # the server keeps the tick
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._settings = settings
        self._telemetry = telemetry
        self._receive: PacedReceive | ThrottledReceive = (
            PacedReceive(receive) if paced else ThrottledReceive(receive, settings.tick)
        )
        self._send = send
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []
        self._patience_began = False  # with a first text frame that does not come
        self._reader = asyncio.current_task()
        self._closed: str | None = None  # why we closed it
        self._protocol = ListenProtocol(
            origin.settings.default_format, max_message=settings.max_message
        )
        self._control = StreamControl(self._send_text)
        self._stream = Stream(
            origin,
            self._control,
            telemetry,
            silence_dbfs=settings.silence_dbfs,
            clock=self._loop.time,
            hang_up=self._hang_up,
        )
        self._max_duration = origin.settings.max_duration
        self._error: Exception | None = None  # met outside of `run`, which is to raise it

    async def run(self) -> None:
        """Read until the connection ends in whatever way, then give the final record."""
        ending = _Ending("interrupted", "server stopped")
        self._after(self._max_duration, self._close_for_length)
        try:
            ending = await self._read()
        except asyncio.CancelledError:
            if self._closed is None:  # not by us: the server wants this task to end now
                raise
            asyncio.current_task().uncancel()  # type: ignore[union-attr] # we are in it
            ending = _Ending("interrupted", self._closed)
        except PeerError as error:
            ending = _Ending("interrupted", _FAULTS.get(error.close_code, "peer fault"))
            await self._send_close(error.close_code, str(error))
        except Exception:
            ending = _Ending("interrupted", "internal error")
            log.exception("internal error", stream=self._stream.stream_id)
            await self._send_close(INTERNAL_ERROR, "internal error")
        finally:
            if ending.reason in _FAULTS.values():
                self._telemetry.peer_fault(self._stream.stream_id, ending.reason)
            self._receive.close()
            for timer in self._timers:
                timer.cancel()
            clean = ending.state == "complete"
            await self._stream.handle(self._protocol.disconnected(clean=clean))
            await asyncio.shield(self._stream.finish(ending.state, ending.reason))

    async def close(self, code: int, reason: str) -> None:
        """Close the connection from our side; whatever is still under way is given up."""
        if self._closed is None:
            self._closed = reason
            await self._send_close(code, reason)
            if self._reader is not None:
                self._reader.cancel()

    def take_binary(self, data: bytes, frames: int) -> bool:
        """Take audio at once, for server/websocket.py; False if it must go through `run`.

        Most of all audio comes this way: a change of tasks costs more than all that is done here.
        """
        if self._error or not self._protocol.is_streaming:
            return False
        if self._stream.should_rest(len(data)):
            return False
        try:
            block = self._protocol.receive_audio(data)
            if block.size:
                self._stream.audio(block)
        except Exception as error:  # noqa: BLE001 - raised by whoever reads the next message
            self._error = error
            return False
        self._telemetry.count(frames, len(data))
        return True

    async def _read(self) -> _Ending:
        while True:
            held: list[bytes] = []
            for message in await self._receive.batch():
                if self._error:
                    raise self._error
                if message["type"] == "websocket.disconnect":
                    await self._take(held)
                    return _ending(message.get("code"))
                if (data := message.get("bytes")) is not None:
                    self._telemetry.count(message.get(EXTENSION, 1), len(data))
                    held.append(data)
                else:
                    await self._take(held)
                    await self._stream.handle(self._protocol.receive_text(message["text"]))
            await self._take(held)

    async def _take(self, held: list[bytes]) -> None:
        """Hand on the audio of one read: frames that came together go on together."""
        for data in _joined(held, self._settings.max_message):
            while self._stream.should_rest(len(data)):  # noqa: ASYNC110 - it is the clock that ends it
                await asyncio.sleep(self._settings.tick)
            if events := self._protocol.receive_bytes(data):
                await self._stream.handle(events)
            elif self._protocol.waiting_for_metadata and not self._patience_began:
                self._patience_began = True
                self._after(self._settings.metadata_timeout, self._start_without_metadata)
        held.clear()

    async def _start_without_metadata(self) -> None:
        await self._stream.handle(self._protocol.start_without_metadata())

    async def _close_for_length(self) -> None:
        self._stream.end_reason = "max_duration"
        await self.close(CLEAN, "max_duration")

    async def _close_after_grace(self) -> None:
        await self.close(CLEAN, "disconnected")

    def _hang_up(self) -> None:
        """Ask jambonz to end the verb; if it does not, close."""
        self._spawn(self._control.disconnect())
        self._after(DISCONNECT_GRACE, self._close_after_grace)

    def _after(self, seconds: float, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._timers.append(self._loop.call_later(seconds, lambda: self._spawn(act())))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_text(self, text: str) -> None:
        if self._closed is None:
            await self._try_send({"type": "websocket.send", "text": text})

    async def _send_close(self, code: int, reason: str) -> None:
        await self._try_send({"type": "websocket.close", "code": code, "reason": reason[:60]})

    async def _try_send(self, message: Message) -> None:
        """Send, unless the peer has gone: jambonz does not wait for answers to its close."""
        with suppress(Exception):  # each server has an error of its own for that
            await self._send(message)


def _joined(parts: list[bytes], most: int) -> Iterator[bytes]:
    """Join neighbours, as long as they are no message that jambonz cannot have sent."""
    if sum(map(len, parts)) <= most:
        if parts:
            yield parts[0] if len(parts) == 1 else b"".join(parts)
        return
    yield from parts


def _ending(code: int | None) -> _Ending:
    if code == CLEAN:
        return _Ending("complete", "closed by jambonz")
    if code in _STOPPING:
        return _Ending("interrupted", "server stopped")
    return _Ending("interrupted", _FAULTS.get(code or 0, "connection lost"))
