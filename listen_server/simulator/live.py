"""A simulated call as it happens: a script, played against a server in time. cli.py shows it."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from listen_server.simulator.client import Connection, End
from listen_server.simulator.errors import CallError
from listen_server.simulator.pipe import PACKET_SECONDS, AudioPipe
from listen_server.simulator.playback import BackChannel, Command
from listen_server.simulator.script import CallScript, Tick, tick_of
from listen_server.simulator.target import Target, connect

Ending: TypeAlias = (
    Literal[
        "completed",  # the script came to its end, and jambonz closed
        "disconnected",  # the server sent the command, and jambonz closed
        "hung up",  # someone ended the call early from our side
        "crashed",  # the server sent what kills a media server
        "not connected",
    ]
    | End
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What became of a call: what was really sent, in which order, and how it ended."""

    ended: Ending
    fault: str | None = None  # why it did not go as scripted; None: it did
    close_code: int | None = None  # that the server sent
    texts: int = 0
    frames: int = 0  # binary websocket frames
    bytes: int = 0  # of audio
    samples: int = 0  # per channel
    seconds: float = 0.0  # of audio sent
    sha256: str = ""  # of the audio sent
    overruns: int = 0
    lost_bytes: int = 0  # that jambonz would have lost, overruns and the backlog at the end
    commands: tuple[Command, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the result with nothing but what JSON has."""
        return asdict(self) | {"commands": [asdict(command) for command in self.commands]}


class SimulatedCall:
    """One call. `run` plays it once; `hang_up` ends it early; `at` says how far it is."""

    def __init__(self, target: Target, script: CallScript) -> None:
        self.at = 0.0  # seconds of the call's audio
        self._target = target
        self._script = script
        self._pipe = AudioPipe(
            script.format, seconds=script.buffer_seconds, resampled=script.resampled
        )
        self._back = BackChannel(script.streaming_rate)
        self.hung_up = False

    @property
    def seconds(self) -> float:
        """How long the call's audio lasts."""
        return self._script.seconds

    def hang_up(self) -> None:
        """End the call as jambonz does when a caller hangs up."""
        self.hung_up = True

    async def run(self) -> CallResult:
        """Play the call to its end. Never raises for what a server does: see `fault`."""
        if self.hung_up:
            return CallResult(ended="hung up")
        try:
            connection = await connect(self._target, self._pipe, self._take)
        except CallError as error:
            return CallResult(ended="not connected", fault=str(error))
        try:
            await self._play(connection)
        finally:
            connection.hang_up()  # does nothing if the script or the server came first
            await connection.ended
        return self._result(connection, connection.ended.result())

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self._back.receive_text(message, self.at)
        else:
            self._back.receive_bytes(message, self.at)

    async def _play(self, connection: Connection) -> None:
        script = self._script
        if script.opening is not None:
            connection.send_text(script.opening)
        abort_at = None if script.abort_at is None else tick_of(script.abort_at)
        pace = _Pace(connection, script)
        for number, tick in enumerate(script.ticks()):
            await pace.wait_for(tick)
            self.at = tick.at
            if number == abort_at or self._back.crashed:
                connection.abort(script.abort_by)
            if connection.over or self.hung_up or self._back.disconnected:
                return
            for text in self._back.advance(tick.at) + tick.texts:
                connection.send_text(text.encode(errors="replace"))
            more_of_the_burst = tick_of(tick.at + PACKET_SECONDS) < tick_of(script.burst)
            connection.send_audio(tick.audio, hold=more_of_the_burst)
        if script.speed == 0:
            await connection.delivered()

    def _result(self, connection: Connection, end: End) -> CallResult:
        sent = connection.sent
        samples = sent.bytes // self._script.format.frame_bytes
        ended = self._ending(end)
        return CallResult(
            ended=ended,
            fault=self._fault(ended, connection.close_code),
            close_code=connection.close_code,
            texts=sent.texts,
            frames=sent.frames,
            bytes=sent.bytes,
            samples=samples,
            seconds=self._script.format.seconds(samples),
            sha256=sent.sha256,
            overruns=self._pipe.overruns,
            lost_bytes=self._pipe.lost,
            commands=tuple(self._back.commands),
        )

    def _ending(self, end: End) -> Ending:
        if end == "aborted":
            return "crashed" if self._back.crashed else "aborted"
        if end != "closed":
            return end
        if self._back.disconnected:
            return "disconnected"
        return "hung up" if self.hung_up else "completed"

    def _fault(self, ended: Ending, close_code: int | None) -> str | None:
        where = f"{self.at:.1f} s into the call"
        match ended:
            case "closed by the server":
                return f"the server closed the connection {where}, with code {close_code}"
            case "dropped by the server":
                return f"the server dropped the connection {where}, without a word"
            case "crashed":
                return "the server sent playAudio without audioContentType; it crashes jambonz"
        if self._pipe.lost:
            lost = self._script.format.seconds(self._pipe.lost // self._script.format.frame_bytes)
            return f"the server read too slowly, and jambonz lost {lost:.1f} s of audio"
        return None


class _Pace:
    """When each packet goes out: by the clock and without drift, or when the socket is free."""

    def __init__(self, connection: Connection, script: CallScript) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._speed = script.speed
        self._burst = script.burst
        self._start = self._loop.time()

    async def wait_for(self, tick: Tick) -> None:
        if self._speed:
            due = self._start + (tick.at - self._burst) / self._speed
            await asyncio.sleep(max(0.0, due - self._loop.time()))
        elif tick.at >= self._burst:
            await asyncio.sleep(0)  # what the server says is heard at any speed
            await self._connection.writable()


async def place_call(target: Target, script: CallScript) -> CallResult:
    """Place one call and play it to its end."""
    return await SimulatedCall(target, script).run()
