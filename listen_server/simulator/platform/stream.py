"""A listen verb's stream at the clock of the call: real audio over a real websocket.

It uses the media server's client of this package (client.py, pipe.py, playback.py); the verb
waits for `ended`.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.pcm import deinterleave, interleave
from listen_server.jambonz.verbs import Listen
from listen_server.simulator.address import parse_address
from listen_server.simulator.attributes import opening_text
from listen_server.simulator.audio import call_pcm, load_sides, mix_sides
from listen_server.simulator.handshake import Credential
from listen_server.simulator.pipe import PACKET_SECONDS, AudioPipe
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.transport import path_in
from listen_server.simulator.playback import BackChannel
from listen_server.simulator.script import Key
from listen_server.simulator.target import Target, connect, tls_context

_HALF: Final = 0.5  # seconds of audio: half of what may be ahead of the server
_PATIENCE: Final = 3.0  # seconds of real time for a server that does not read on


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """What went over one stream."""

    path: str
    """The path of its address, which has no secret in it."""
    at: float
    """Seconds since the call began."""
    format: AudioFormat
    pcm: AudioBlock
    """Shape (channels, frames), int16: every sample that was sent, in order."""

    @property
    def seconds(self) -> float:
        """How much audio it was: less than the stream lasted, if it was paused."""
        return self.format.seconds(self.pcm.shape[1])


class Stream:
    """One stream. `load` and `open` it; then its audio follows the clock until `close`."""

    def __init__(self, clock: Clock, verb: Listen, *, base: str, audio: Path | None) -> None:
        """Stream `audio`, again and again; None is silence, but for what the caller speaks."""
        self.ended: Final[asyncio.Future[str]] = asyncio.get_running_loop().create_future()
        self.paused = False
        self.muted = False
        self.seconds = 0.0
        """Seconds of the call since it began, paused or not."""
        self.began = 0.0
        self._clock = clock
        self._verb = verb
        self._base = base
        self._file = audio
        self._format = AudioFormat(verb.sample_rate, verb.mix_type)
        self._step = round(verb.sample_rate * PACKET_SECONDS) * self._format.frame_bytes
        self._pipe = AudioPipe(self._format, seconds=3)
        back = verb.bidirectional_audio
        streaming = back.sample_rate if back is not None and back.streaming else None
        self._back = BackChannel(streaming)
        self._pcm = bytes(self._step)
        self._speech = memoryview(b"")
        self._sent = bytearray()
        self._pings: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._pinged = 0.0
        self._deaf = False
        self._tick = 0

    @property
    def path(self) -> str:
        """The path of its address, which has no secret in it."""
        return path_in(self._url)

    @property
    def sent(self) -> Streamed:
        """What has been sent so far."""
        written = bytes(self._sent[: self._connection.sent.bytes])
        audio = deinterleave(written, self._format.channels)
        return Streamed(self.path, self.began, self._format, audio)

    @property
    def _url(self) -> str:
        return f"{self._base}{self._verb.url}" if self._verb.url.startswith("/") else self._verb.url

    async def load(self) -> None:
        """Read the audio, before `open`. Raises CallError: what is wrong with it is ours."""
        if self._file is not None:
            pcm = await asyncio.to_thread(call_pcm, self._file, self._format)
            self._pcm = pcm + bytes(-len(pcm) % self._step)

    async def open(self, told: dict[str, Any], basic: Credential | None) -> None:
        """Connect and say whose call it is. Raises CallError."""
        address = parse_address(self._url)
        credential = basic if self._verb.url.startswith("/") else None
        if credential is None and (auth := self._verb.ws_auth) is not None:
            credential = Credential(auth.username, auth.password)
        tls = await asyncio.to_thread(tls_context) if address.secure else None
        target = Target(address=address, credential=credential, tls=tls)
        self._connection = await connect(target, self._pipe, self._take)
        head = {"sampleRate": self._format.sample_rate, "mixType": self._format.mix}
        if (text := opening_text(head | told, self._verb.metadata or {})) is not None:
            self._connection.send_text(text)
        self.began = self._clock.now
        self._clock.watch(self._advance)

    async def speak(self, file: Path) -> None:
        """Let the caller speak a file from the next packet on. Raises CallError."""
        self._speech = memoryview(await asyncio.to_thread(_spoken, file, self._format))

    def press(self, key: str) -> None:
        """Tell the server of a key, if the verb wants that."""
        if self._verb.pass_dtmf:
            self._connection.send_text(Key(key, 0.0).text().encode())

    async def close(self) -> None:
        """End it as jambonz does."""
        self._clock.unwatch(self._advance)
        with self._clock.held():
            if not self._connection.over:
                await self._connection.delivered()
            self._connection.hang_up()
            await self._connection.ended
        self._finish("closed by jambonz")

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self._back.receive_text(message, self.seconds)
        else:
            self._back.receive_bytes(message, self.seconds)
        self._over()

    def _finish(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_result(why)

    async def _advance(self, now: float) -> None:
        """Send the packets up to now."""
        self.seconds = now - self.began
        for number in range(self._tick, round(self.seconds / PACKET_SECONDS)):
            if self._over():
                return
            self._tick = number + 1
            for text in self._back.advance(number * PACKET_SECONDS):
                self._connection.send_text(text.encode(errors="replace"))
            packet = self._packet(number)
            if not self.paused:
                self._sent += packet
                self._connection.send_audio(memoryview(packet))
                await self._connection.writable()
        if not self._clock.is_real:
            await self._wait_for_server()
        await asyncio.sleep(0)
        self._over()

    async def _wait_for_server(self) -> None:
        """Let the server read what was sent half a second of audio ago, or longer.

        So a server that ends the stream for what it hears is outrun by a second and a half at most.
        """
        if self._deaf:
            return
        if self.seconds - self._pinged >= _HALF:
            self._pinged = self.seconds
            self._pings.append((self.seconds, self._connection.ping()))
        while self._pings and self.seconds - self._pings[0][0] >= _HALF:
            _, ponged = self._pings.popleft()
            await asyncio.wait({ponged}, timeout=_PATIENCE)
            self._deaf = not ponged.done()

    def _over(self) -> bool:
        if self._back.disconnected:
            self._finish("the server asked for its end")
        elif self._connection.over:
            self._finish("the server closed it")
        return self.ended.done()

    def _packet(self, number: int) -> bytes:
        speech, self._speech = self._speech[: self._step], self._speech[self._step :]
        if self.muted:
            return bytes(self._step)
        if speech:
            return bytes(speech).ljust(self._step, b"\0")
        at = number * self._step % len(self._pcm)
        return self._pcm[at : at + self._step]


def _spoken(file: Path, audio_format: AudioFormat) -> bytes:
    """Return what is forked of somebody who speaks a file: its first channel."""
    return interleave(mix_sides(load_sides(file, audio_format)[:1], audio_format))
