"""A websocket client that sounds like jambonz's media server. live.py tells it what to say.

What it does with a socket was observed with jambonz's AudioPipe (jambonz/freeswitch-modules,
mod_audio_fork) on libwebsockets 4.1.6: texts go before audio, what cannot go out gathers into
one frame, pings are answered and never sent, and after Close 1000 with no reason the socket is
closed at once, whatever the server still has to say.
"""

import asyncio
import fcntl
import hashlib
import socket
import struct
import sys
import termios
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from listen_server.simulator.address import Address
from listen_server.simulator.errors import CallError, CallRefused
from listen_server.simulator.handshake import Credential, upgrade_request
from listen_server.simulator.pipe import AudioPipe
from listen_server.simulator.refusals import HEAD, first_line, no_answer

End: TypeAlias = Literal["closed", "aborted", "closed by the server", "dropped by the server"]
MessageTaker: TypeAlias = Callable[[str | bytes], None]

_MAX_MESSAGE: Final = 64 * 2**20  # bytes; jambonz has no limit for a message in one frame
_LOOK: Final = 0.05  # seconds between two looks at what the kernel still holds
_FLUSH_SECONDS: Final = 5.0  # that a server may take to read what comes before the Close


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out so far, apart from control frames."""

    texts: int
    frames: int  # binary
    bytes: int  # of audio
    sha256: str  # of the audio, in the order of sending


class Connection(asyncio.Protocol):
    """One connection, from the upgrade request to the last byte. Made by `connect`."""

    def __init__(
        self, address: Address, subprotocol: str, pipe: AudioPipe, on_message: MessageTaker
    ) -> None:
        loop = asyncio.get_running_loop()
        self.answered: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[End] = loop.create_future()
        self._writable = asyncio.Event()
        self._writable.set()
        self._address = address
        self._subprotocol = subprotocol
        self._ws = ClientProtocol(
            WebSocketURI(address.secure, address.host, address.port, address.path, ""),
            subprotocols=[Subprotocol(subprotocol)],
            max_size=_MAX_MESSAGE,
        )
        self._pipe = pipe
        self._on_message = on_message
        self._message = bytearray()  # a fragmented message so far
        self._message_is_text = False
        self._head = bytearray()  # of the answer to the upgrade
        self._credential_sent = False
        self._texts: deque[bytes] = deque()
        self._end: End | None = None
        self._impatience: asyncio.TimerHandle | None = None
        self._texts_sent = self._frames_sent = self._bytes_sent = 0
        self._digest = hashlib.sha256()
        self._pinged = 0
        self._pings: deque[tuple[bytes, asyncio.Future[None]]] = deque()

    # What live.py does ---------------------------------------------------------------------

    def request(self, credential: Credential | None) -> None:
        """Ask for the websocket; `answered` says what came of it."""
        self._credential_sent = credential is not None and credential.header() is not None
        self._transport.write(
            upgrade_request(self._address, self._ws.key, self._subprotocol, credential)
        )

    def send_text(self, text: bytes) -> None:
        """Send a text frame as soon as the socket takes it, before any audio."""
        self._texts.append(text)
        self._flush()

    def send_audio(self, packet: memoryview, *, hold: bool = False) -> None:
        """Send a packet, or let it gather with its neighbours while the socket takes nothing.

        `hold` lets it gather anyway.
        """
        self._pipe.write(packet)
        if not hold:
            self._flush()

    def ping(self) -> "asyncio.Future[None]":
        """Ask for a pong, behind all that was written; the future is done with it, or at the end.

        jambonz never does: this is for who sends faster than real time, and must not outrun the
        server.
        """
        ponged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.over:
            ponged.set_result(None)
            return ponged
        self._pinged += 1
        payload = self._pinged.to_bytes(8, "big")
        self._pings.append((payload, ponged))
        self._ws.send_ping(payload)
        self._write_out()
        return ponged

    def hang_up(self) -> None:
        """End as jambonz ends: pending texts, Close 1000, and no wait for an answer."""
        if self.over:
            return
        self._end = "closed"
        while self._texts:  # writing one may let the socket ask for more of them
            self._write_text(self._texts.popleft())
        self._pipe.discard()
        self._ws.send_close(CloseCode.NORMAL_CLOSURE)
        self._write_out()
        self._close()

    def abort(self, by: Literal["fin", "reset"]) -> None:
        """Vanish without a word: as a process that dies, or as a machine that does."""
        if self._transport.is_closing():
            return
        self._end = "aborted"
        if by == "fin":
            self._close()
            return
        sock: socket.socket = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def writable(self) -> None:
        """Wait until the socket takes more."""
        await self._writable.wait()

    async def delivered(self) -> None:
        """Wait until the server's machine has every byte, however slowly it reads.

        For what is sent faster than real time: a live call never has so much under way that
        its close, to which nobody listens, could cost any of it.
        """
        await self.writable()
        sock: socket.socket = self._transport.get_extra_info("socket")
        while sock.fileno() >= 0 and (  # noqa: ASYNC110  # the kernel does not tell
            self._transport.get_write_buffer_size() or _unsent(sock)
        ):
            await asyncio.sleep(_LOOK)

    @property
    def over(self) -> bool:
        """Nothing more goes out."""
        return self._ws.state is not State.OPEN or self._transport.is_closing()

    @property
    def close_code(self) -> int | None:
        """The server's close code, where it said one."""
        return self._ws.close_rcvd.code if self._ws.close_rcvd else None

    @property
    def sent(self) -> Sent:
        """What went out so far."""
        return Sent(self._texts_sent, self._frames_sent, self._bytes_sent, self._digest.hexdigest())

    # What asyncio does ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; it counts as unwritable as soon as one byte has to wait."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._transport.set_write_buffer_limits(high=1, low=0)  # 0 stops asyncio's TLS for good

    def data_received(self, data: bytes) -> None:
        """Read the answer to the upgrade, then frames; pings are answered here."""
        if not self.answered.done():
            self._head += data[: HEAD - len(self._head)]
        self._ws.receive_data(data)
        self._receive()

    def eof_received(self) -> None:
        """Take note that the server says no more, and close."""
        self._ws.receive_eof()
        self._receive()

    def pause_writing(self) -> None:
        """Let packets gather."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Send what has gathered."""
        self._writable.set()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        del exc  # how it ended is known better than what the last system call said
        if not self.answered.done():
            self.answered.set_exception(self._no_answer())
        if self._impatience is not None:
            self._impatience.cancel()
        self._writable.set()
        while self._pings:
            self._pong()
        server: End = "dropped by the server"
        if self.close_code is not None:
            server = "closed by the server"
        if not self.ended.done():  # cancelled with the task that waited
            self.ended.set_result(self._end or server)

    # What both need ------------------------------------------------------------------------

    def _receive(self) -> None:
        for event in self._ws.events_received():
            if isinstance(event, Response):
                self._answer(event)
            elif isinstance(event, Frame) and self._end is None:
                self._take(event)
        self._write_out()
        if self._ws.handshake_exc and not self.answered.done():
            self.answered.set_exception(self._no_answer())
        if self._ws.close_expected():
            self._close()

    def _answer(self, response: Response) -> None:
        error = self._ws.handshake_exc
        if self.answered.done():
            return  # too late: nobody waits any more
        if error is None:
            self.answered.set_result(None)
        elif response.status_code == 101:  # noqa: PLR2004  # switching protocols, RFC 9110
            hint = "jambonz drops such a connection"
            self.answered.set_exception(CallError(f"the server's upgrade is wrong: {error}", hint))
        else:
            status, phrase = response.status_code, response.reason_phrase
            said, sent = first_line(response.body), self._credential_sent
            self.answered.set_exception(CallRefused(status, phrase, said, credential=sent))

    def _no_answer(self) -> CallError:
        return no_answer(self._head, credential=self._credential_sent)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG and any(frame.data == sent for sent, _ in self._pings):
            while self._pong() != frame.data:
                pass  # one pong may stand for all before it (RFC 6455, section 5.5.3)
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._message_is_text = frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            return
        self._message += frame.data
        if frame.fin:
            message, self._message = bytes(self._message), bytearray()
            self._on_message(message.decode(errors="replace") if self._message_is_text else message)

    def _pong(self) -> bytes:
        payload, ponged = self._pings.popleft()
        if not ponged.done():
            ponged.set_result(None)
        return payload

    def _flush(self) -> None:
        while self._texts and self._writable.is_set() and not self.over:
            self._write_text(self._texts.popleft())
        if self._writable.is_set() and not self.over and (audio := self._pipe.take()):
            self._ws.send_binary(audio)
            self._frames_sent += 1
            self._bytes_sent += len(audio)
            self._digest.update(audio)
            self._write_out()

    def _write_text(self, text: bytes) -> None:
        self._ws.send_text(text)
        self._texts_sent += 1
        self._write_out()

    def _close(self) -> None:
        """Close the socket once it has taken what was written, or after some patience."""
        self._transport.close()
        if self._impatience is None:
            loop = asyncio.get_running_loop()
            self._impatience = loop.call_later(_FLUSH_SECONDS, self._transport.abort)

    def _write_out(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)


def _unsent(sock: socket.socket) -> int:
    """Return the bytes that the kernel holds and the peer has not acknowledged (tcp(7))."""
    count = bytearray(4)
    fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, count)
    return int.from_bytes(count, sys.byteorder)
