"""uvicorn's websocket protocol class, for audio: many frames at once, and no call lost to text.

It reads when a tick comes (ticks.py) and cuts what it reads into frames (frames.py). Runs of
plain binary frames go straight to the application where it asked for that; every other frame
goes, alone and in order, through the stock class, which knows the rest of RFC 6455. Leans on
uvicorn's internals, hence the pin.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State

from listen_server.server.frames import binary_run, frame_end
from listen_server.server.ticks import ticks_of

EXTENSION = "listen_server"

TakeBinary: TypeAlias = Callable[[bytes, int], bool]

_MOST_READ: Final = 2**16  # bytes at once; whoever has more is not made to rest


class ListenWebSocketProtocol(WebSocketsSansIOProtocol):
    """One websocket connection; for `uvicorn.Config(ws=ListenWebSocketProtocol)`.

    `scope["extensions"]` holds `"listen_server"`. An application that finds it may put
    `"listen_server": {...}` into its `websocket.accept`; without it or its keys the semantics
    are uvicorn's:

    - `"joined_binary": True`: binary is a stream. The payloads of frames that arrive together
      come as one `websocket.receive`, which tells how many they were under the key
      `"listen_server"`; their order with texts is kept.
    - `"take_binary": CALLABLE`, with both others: while `receive()` is waited for and there is
      nothing else in line, joined payloads and the number of their frames are offered to it
      first, without a change of tasks. If it returns False, `receive()` returns them.
    - `"read_every": SECONDS`: what arrives is read once in so many seconds, together.
    - `"lenient_text": True`: text that is not UTF-8 is decoded with U+FFFD. Elsewhere it
      closes with 1007.

    Unlike the stock class, for every application: frames before a bad one are delivered
    however the network cuts them; a close frame between two fragments is answered (RFC 6455,
    section 5.4); fragments and unread pongs are bounded in memory; a lost peer is reported
    as 1006; the server goes with 1001; a peer that reads nothing cannot hold a closed socket.
    """

    scope: Any  # a TypedDict above, which knows no extensions of ours

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._joined_binary = False
        self._lenient_text = False
        self._take_binary: TakeBinary | None = None
        self._app_waits = False
        self._ticks = ticks_of(self.loop)
        self._read_every = 0.0  # seconds
        self._heard = False  # since a ping, or since it was last asked
        self._read_is_due = False
        self._descriptor: int | None = None  # to be read past the transport
        self._app_closed = False
        self._held = bytearray()  # less than one frame, or what came before the accept
        self._fragments = bytearray()  # of one unfinished message
        self._abort_timer: asyncio.TimerHandle | None = None

    # What comes in

    def data_received(self, data: bytes) -> None:
        """Take bytes from the transport: first the request head, then frames."""
        if not self.handshake_initiated:
            super().data_received(data)
            if not self.handshake_initiated:
                self._refuse_request()
        elif self.handshake_complete:
            self._heard = True
            self._receive(data)
            if self._read_every and len(data) < _MOST_READ:
                self._rest()
        else:
            self._held += data
            self.transport.pause_reading()

    def _rest(self) -> None:
        """Read nothing until the next tick."""
        if not (self._read_is_due or self.close_sent or self.transport.is_closing()):
            self._read_is_due = True
            self._pause()
            self._ticks.call_in(self._read_every, self._read)

    def _read(self) -> None:
        """Read what has come since the last tick; where nothing has, wait for it."""
        self._read_is_due = False
        if not self.queue.empty() and not self.close_sent:
            return  # receive() reads on when the application has taken it all
        if data := self._read_past_transport():
            self.data_received(data)
        if not self._read_is_due:
            self._read_on()

    def _read_past_transport(self) -> bytes:
        """Read without asking the event loop first: that costs more than the read.

        Returns nothing where there is nothing, or the end: the transport is to find that.
        """
        if self._descriptor is None or self.transport.is_closing():
            return b""
        try:
            return os.read(self._descriptor, _MOST_READ)
        except OSError:
            return b""

    def _pause(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def _read_on(self) -> None:
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    async def receive(self) -> ASGIReceiveEvent:
        """Return the next message; when the last one is taken, reading goes on."""
        self._app_waits = True
        try:
            message = await self.queue.get()
        finally:
            self._app_waits = False
        if self.read_paused and self.queue.empty() and not self._read_is_due:
            self._read_on()
        return message

    def _refuse_request(self) -> None:
        """Answer a head that h11 let pass and websockets did not; stock leaves it waiting."""
        output = b"".join(self.conn.data_to_send())
        response = self.conn.reject(400, "not a websocket handshake\n")
        self.transport.write(output or response.serialize())
        self.transport.close()

    def _receive(self, data: bytes) -> None:
        if not self._held:
            self._held += data[self._take(data) :]
            return
        self._held += data
        del self._held[: self._take(self._held)]

    def _take(self, stream: bytes | bytearray) -> int:
        """Act on every whole frame; return how many bytes they were."""
        at, size = 0, len(stream)
        while not self.transport.is_closing():
            limit = self._limit()
            if self._joined_binary and self.conn.current_size is None:
                payloads, at = binary_run(stream, at, limit)
                if payloads:
                    self._deliver(b"".join(payloads), len(payloads))
                    if at == size:
                        break
            end = frame_end(stream, at, limit)
            if end is None:
                return at
            self._hand_over(bytes(stream[at:end]))
            at = end
        return size

    def _limit(self) -> float:
        most = self.conn.max_message_size
        return float("inf") if most is None else most - (self.conn.current_size or 0)

    def _hand_over(self, frame: bytes) -> None:
        if frame[0] & 0x0F == Opcode.CLOSE:
            self.conn.current_size = None  # else websockets calls a close between fragments a fault
        super().data_received(frame)

    def _deliver(self, data: bytes, frames: int) -> None:
        if self.close_sent:
            return  # as the stock class: what comes after our close is nobody's
        take = self._take_binary
        if take and self._app_waits and self.queue.empty() and take(data, frames):
            return
        self.queue.put_nowait({"type": "websocket.receive", "bytes": data, EXTENSION: frames})  # type: ignore[arg-type] # a key of ours
        self._pause()

    def handle_cont(self, event: Frame) -> None:
        """Join a fragment at once: an object per fragment costs far more than its bytes."""
        if self.frames:  # the first fragment, where the stock class keeps it
            self._fragments += self.frames.pop()
        self._fragments += event.data
        if event.fin:
            self.frames, self._fragments = [bytes(self._fragments)], bytearray()
            self.send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer, unless the peer leaves the answers before this one unread."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def send_receive_event_to_app(self) -> None:
        """Hand a message on, text as the route wants it."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                self.frames[0].decode()
            except UnicodeDecodeError:
                if not self._lenient_text:
                    self.frames = []
                    self._refuse_text()
                    return
                self.frames[0] = self.frames[0].decode(errors="replace").encode()
        super().send_receive_event_to_app()

    def _refuse_text(self) -> None:
        """Close with 1007; stock writes a traceback into the log for it."""
        self.logger.info("text that is not UTF-8 on a strict route: closing with 1007")
        self.conn.send_close(1007)
        self.handle_parser_exception()

    # What the application says

    def handle_connect(self, event: Request) -> None:
        """Offer our extension in the scope; the application runs after this returns."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = {}

    async def send(self, message: ASGISendEvent) -> None:
        """Send as uvicorn does, and learn from the accept what the route asked for."""
        if self.close_sent and not self._app_closed:
            raise ClientDisconnected  # stock: RuntimeError, as if the application were at fault
        self._app_closed |= message["type"] == "websocket.close"
        await super().send(message)
        if message["type"] == "websocket.accept":
            self._accepted(message)
        elif message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True  # else uvicorn logs every refusal as an error

    def _accepted(self, message: Mapping[str, Any]) -> None:
        wanted = message.get(EXTENSION) or {}
        self._joined_binary = bool(wanted.get("joined_binary"))
        self._lenient_text = bool(wanted.get("lenient_text"))
        self._take_binary = wanted.get("take_binary")
        self._read_every = float(wanted.get("read_every", 0.0))
        socket = self.transport.get_extra_info("socket")
        if self._read_every and socket and not self.transport.get_extra_info("ssl_object"):
            self._descriptor = socket.fileno()
        if self._held and self.handshake_complete:
            early, self._held = bytes(self._held), bytearray()
            self.transport.resume_reading()
            self._receive(early)

    # How it ends

    def send_keepalive_ping(self) -> None:
        """Ask whether the peer is there; whatever it says from now on tells."""
        self._heard = False
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """Tell the application why; stock waits for the transport to be gone.

        A peer that is heard is not lost: its pong may stand behind audio that is not read yet.
        """
        if self.ping_timeout and (self._heard or not self.queue.empty()):
            self._heard = False
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        self._disconnected(1006, "keepalive ping timeout")

    def shutdown(self) -> None:
        """Close with 1001 and give the peer time to answer; stock says 1012 and hangs up."""
        if not self.handshake_complete:
            super().shutdown()
        elif self.conn.state is not State.OPEN:
            self.transport.close()
        else:
            self.stop_keepalive()
            self._disconnected(1001, "the server is going away")
            self.conn.send_close(1001)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
            self._read_on()

    def _disconnected(self, code: int, reason: str) -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    async def run_asgi(self) -> None:
        """Run the application; what the peer has not read some time after it is thrown away."""
        await super().run_asgi()
        if not self.disconnected:
            delay = 2 * self.close_timeout
            self._abort_timer = self.loop.call_later(delay, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the transport is gone."""
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        super().connection_lost(exc)
