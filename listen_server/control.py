"""The way back to jambonz: commands as the text frames that its media server understands.

Source: mod_audio_fork (lws_glue.cpp) and feature-server listen.js; each limit below is theirs.
"""

import base64
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from listen_codecs.formats import SAMPLE_RATES, AudioBlock
from listen_codecs.pcm import interleave
from listen_sinks.api import ControlError, MarkReached, PlaybackDone

MAX_PENDING: Final = 10  # playbacks that wait; a twelfth is dropped silently
MAX_MARKS: Final = 30  # outstanding
MAX_AUDIO_SECONDS: Final = 120.0
_NAME = re.compile(r"[\w.:-]{1,64}", re.ASCII)  # the module copies names into JSON unescaped

SendText = Callable[[str], Awaitable[None]]


class StreamControl:
    """`listen_sinks.api.CallControl` for one websocket.

    `send` delivers one text frame and forgets it when the peer has gone.
    """

    def __init__(self, send: SendText) -> None:
        self._send = send
        self._playing: list[str] = []  # ids of what was sent and not yet reported as done
        self._marks: list[str] = []  # names, the same one as often as it is outstanding
        self.disconnected = False

    async def disconnect(self) -> None:
        """End the listen verb, once."""
        if not self.disconnected:
            self.disconnected = True
            await self._command("disconnect")

    async def play_audio(
        self, block: AudioBlock, sample_rate: int, *, playback_id: str, queue: bool = False
    ) -> None:
        """Play samples of shape (1, frames), int16. Raises ControlError, see CallControl."""
        _check_audio(block, sample_rate)
        _check_name(playback_id)
        if queue and len(self._playing) > MAX_PENDING:
            raise ControlError(f"{MAX_PENDING} playbacks are waiting: jambonz would drop this one")
        self._playing = [*self._playing, playback_id] if queue else [playback_id]
        await self._command(
            "playAudio",
            {
                "audioContent": base64.b64encode(interleave(block)).decode("ascii"),
                "audioContentType": "raw",  # without it the media server crashes
                "sampleRate": sample_rate,
                "id": playback_id,
                "queuePlay": queue,
            },
        )

    async def kill_audio(self) -> None:
        """Stop what is playing; jambonz reports it as done and goes on with what is queued."""
        await self._command("killAudio")

    async def mark(self, name: str) -> None:
        """Set a mark behind the audio sent so far. Raises ControlError, see CallControl."""
        _check_name(name)
        if len(self._marks) >= MAX_MARKS:
            raise ControlError(f"{MAX_MARKS} marks are outstanding: jambonz takes no more")
        self._marks.append(name)
        await self._command("mark", {"name": name})

    async def clear_marks(self) -> None:
        """Forget all marks, whether jambonz reports them as cleared or not."""
        self._marks.clear()
        await self._command("clearMarks")

    def heard(self, event: PlaybackDone | MarkReached) -> None:
        """Take what jambonz says about earlier commands."""
        if isinstance(event, MarkReached):
            _forget(self._marks, event.name)
        elif event.playback_id is None:
            del self._playing[:1]
        else:
            _forget(self._playing, event.playback_id)

    async def _command(self, kind: str, data: dict[str, Any] | None = None) -> None:
        message = {"type": kind} if data is None else {"type": kind, "data": data}
        await self._send(json.dumps(message))


def _check_audio(block: AudioBlock, sample_rate: int) -> None:
    if sample_rate not in SAMPLE_RATES:
        raise ControlError(
            f"jambonz plays raw audio at one of {SAMPLE_RATES} Hz, not {sample_rate}"
        )
    if block.ndim != 2 or block.shape[0] != 1 or block.dtype.str[1:] != "i2":  # noqa: PLR2004 - (1, frames)
        raise ControlError("audio to play has shape (1, frames) and dtype int16")
    if not block.shape[1]:
        raise ControlError("there is no audio to play")
    if block.shape[1] > MAX_AUDIO_SECONDS * sample_rate:
        raise ControlError(f"at most {MAX_AUDIO_SECONDS:.0f} s are played at once: split the audio")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ControlError("a mark or playback id is 1 to 64 letters, digits or any of _ . : -")


def _forget(names: list[str], name: str) -> None:
    """Take a name out, unless it is there no more: what was replaced or killed is reported too."""
    if name in names:
        names.remove(name)
