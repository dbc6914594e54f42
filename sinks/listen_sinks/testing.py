"""Calls and audio for the tests of sinks. Needs no test framework; conformance.py builds on it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from ulid import ULID

from listen_codecs.formats import AudioBlock, AudioFormat, Mix
from listen_sinks.api import Call, Gap, Outcome


@dataclass(slots=True)
class FakeControl:
    """A `CallControl` that remembers what was asked of it, as (command, detail)."""

    commands: list[tuple[str, str]] = field(default_factory=list)

    async def disconnect(self) -> None:
        """Remember it."""
        self.commands.append(("disconnect", ""))

    async def play_audio(
        self, block: AudioBlock, sample_rate: int, *, playback_id: str, queue: bool = False
    ) -> None:
        """Remember the id; the samples, shape (1, frames), int16, are forgotten."""
        del block, sample_rate, queue
        self.commands.append(("play_audio", playback_id))

    async def kill_audio(self) -> None:
        """Remember it."""
        self.commands.append(("kill_audio", ""))

    async def mark(self, name: str) -> None:
        """Remember its name."""
        self.commands.append(("mark", name))

    async def clear_marks(self) -> None:
        """Remember it."""
        self.commands.append(("clear_marks", ""))


def make_call(sample_rate: int = 8000, mix: Mix = "mono", **changes: Any) -> Call:
    """Make the `Call` of a stream with a new id, as the server would describe it.

    `changes` are fields of `Call`; `call_sid=None` makes one of which nothing is known.
    """
    call_sid = changes.get("call_sid", "7b0c7a52-0d1f-4b36-9f5e-0a4f6f2b1c11")
    sent = {"sampleRate": sample_rate, "mixType": mix, "callSid": call_sid}
    known = call_sid is not None
    call = Call(
        stream_id=str(ULID()),
        tenant="example",
        route="/listen",
        path_params={},
        started_at=datetime.now(UTC),
        format=AudioFormat(sample_rate, mix),
        metadata_quality="exact" if known else "missing",
        control=FakeControl(),
        call_sid=call_sid,
        from_number="+15551230001" if known else None,
        to_number="+15551230002" if known else None,
        attributes=sent if known else {},
    )
    return replace(call, **changes)


def tone(call: Call, seconds: float = 1.0, *, hertz: float = 440.0) -> AudioBlock:
    """Make audio in the format of a call: read-only, shape (channels, frames), int16.

    Every channel has a pitch of its own (`hertz`, twice that), so that swapped ones are noticed.
    """
    rate = call.format.sample_rate
    time = np.arange(round(seconds * rate)) / rate
    pitches = hertz * np.arange(1, call.format.channels + 1)[:, np.newaxis]
    block: AudioBlock = np.round(16000 * np.sin(2 * np.pi * pitches * time)).astype(np.int16)
    block.flags.writeable = False
    return block


def packets(audio: AudioBlock, frames: int) -> list[AudioBlock]:
    """Cut audio, shape (channels, frames), into blocks of at most so many frames."""
    return [audio[:, at : at + frames] for at in range(0, audio.shape[1], frames)]


def make_outcome(
    call: Call,
    frames: int = 0,
    *,
    state: Literal["complete", "interrupted", "failed"] = "complete",
    reason: str = "closed by the peer",
    gaps: tuple[Gap, ...] = (),
    flags: tuple[str, ...] = (),
) -> Outcome:
    """Make the `Outcome` of a stream that amounted to so many frames."""
    seconds = call.format.seconds(frames)
    return Outcome(state, reason, datetime.now(UTC), frames, seconds, gaps, flags)
