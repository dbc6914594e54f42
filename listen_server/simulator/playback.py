"""The way back: what a server asks of jambonz, and how jambonz answers. live.py carries it.

No clock here: `at` is the position in the call's audio, in seconds, so that playing takes its
time at every speed. Sources: `TaskListen` in jambonz/jambonz-feature-server (lib/tasks/listen.js)
for audio files; marks.py has those for streamed audio.
"""

import base64
import io
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from listen_codecs.files import UnreadableAudio, audio_info
from listen_codecs.formats import SAMPLE_RATES
from listen_server.simulator.marks import MarkedAudio

MAX_QUEUED: Final = 11  # MAX_PLAY_AUDIO_QUEUE_SIZE is 10, compared with <=
_RAW_RATE: Final = 16000  # Hz: what raw audio is taken for if its rate is none of the known


@dataclass(frozen=True, slots=True)
class Command:
    """What the server sent: its kind, when it came, and what it was about; never audio."""

    type: str
    at: float  # seconds into the call's audio
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Playing:
    data: Mapping[str, Any]
    seconds: float
    since: float


class BackChannel:
    """The media server's end of the way back, for one stream.

    `streaming_rate` (Hz) is `bidirectionalAudio.sampleRate` where the verb says streaming:
    then binary frames and marks mean something, and playAudio means nothing.
    """

    def __init__(self, streaming_rate: int | None = None) -> None:
        self.commands: list[Command] = []
        self.disconnected = False  # the server asked for the end
        self.crashed = False  # the server sent what kills a media server
        self._stream = MarkedAudio(streaming_rate) if streaming_rate else None
        self._playing: _Playing | None = None
        self._queue: deque[Mapping[str, Any]] = deque()
        self._out: list[str] = []

    def receive_text(self, text: str, at: float) -> None:
        """Take one text message; what cannot be read is noted and dropped."""
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self.commands.append(Command("unreadable", at))
            return
        kind = str(message.get("type", "json"))
        data = message.get("data")
        data = data if isinstance(data, dict) else {}
        about = {key: data[key] for key in ("id", "name", "queuePlay") if key in data}
        self.commands.append(Command(kind, at, about))
        self._obey(kind, data, at)

    def receive_bytes(self, data: bytes, at: float) -> None:
        """Take one binary message: audio to play, if the verb allows streaming."""
        self.commands.append(Command("audio", at, {"bytes": len(data)}))
        if self._stream is not None:
            self._stream.append(data, at)

    def advance(self, at: float) -> list[str]:
        """Let the call's audio go on to `at`; return the texts that fall due."""
        if self._stream is not None:
            self._out += self._stream.advance(at)
        while self._playing and (end := self._playing.since + self._playing.seconds) <= at:
            self._stop(end)
        if not self._out:
            return []
        out, self._out = self._out, []
        return out

    def _obey(self, kind: str, data: Mapping[str, Any], at: float) -> None:
        match kind:
            case "disconnect":
                self.disconnected = True
            case "playAudio" if self._stream is None:
                self._play(data, at)
            case "killAudio":
                # The handler breaks what is playing; the queue is not emptied and goes on.
                self._stop(at)
                if self._stream is not None:
                    self._out += self._stream.clear(at, audio=True)
            case "mark" if self._stream is not None and isinstance(data.get("name"), str):
                self._stream.mark(data["name"])
            case "clearMarks" if self._stream is not None:
                self._out += self._stream.clear(at, audio=False)

    def _play(self, data: Mapping[str, Any], at: float) -> None:
        if "audioContentType" not in data:
            self.crashed = True  # strcmp with a null pointer in processIncomingMessage
        elif not data.get("queuePlay"):
            self._queue.clear()
            self._stop(at)
            self._start(data, at)
        elif self._playing is None:
            self._start(data, at)
        elif len(self._queue) < MAX_QUEUED:
            self._queue.append(data)

    def _start(self, data: Mapping[str, Any], at: float) -> bool:
        seconds = playing_seconds(data)
        if seconds is None:
            return False
        self._playing = _Playing(data, seconds, at)
        return True

    def _stop(self, at: float) -> None:
        """End what plays, if anything, and go on with the queue."""
        if self._playing is None:
            return
        played = min(self._playing.seconds, at - self._playing.since)
        self._out.append(_play_done(self._playing.data, played))
        self._playing = None
        while self._queue:
            if self._start(self._queue.popleft(), at):
                return


def playing_seconds(data: Mapping[str, Any]) -> float | None:
    """Return how long the audio of a playAudio takes, None if jambonz does not play it."""
    try:
        audio = base64.b64decode(data.get("audioContent", ""))
        if data["audioContentType"] == "raw":
            rate = data.get("sampleRate")
            return len(audio) / 2 / (rate if rate in SAMPLE_RATES else _RAW_RATE)
        if data["audioContentType"] in {"wav", "wave"}:
            return audio_info(io.BytesIO(audio)).seconds
    except (TypeError, ValueError, UnreadableAudio):  # of letters that no base64 has, too
        return None
    return None


def _play_done(data: Mapping[str, Any], seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    identity = {"id": data["id"]} if "id" in data else {}
    result = {
        "playbackSeconds": str(milliseconds // 1000),
        "playbackMilliseconds": str(milliseconds),
        "playbackLastOffsetPos": str(milliseconds * 8),  # samples at 8 kHz
    }
    return json.dumps({"type": "playDone", "data": identity | result}, separators=(",", ":"))
