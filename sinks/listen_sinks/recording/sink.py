"""One stream that becomes ordinary files. README.md says which, where and when.

    audio -> Tape -> GroupWriter (a thread) -> Track (WAV)
    finish -> Encoder (a process) -> plugin.py: its place

What blocks runs in threads; here is only the order of things.
"""

import contextlib
from typing import TYPE_CHECKING, Final

from listen_codecs.files import SUFFIXES
from listen_codecs.formats import AudioBlock
from listen_sinks import description
from listen_sinks.api import (
    Call,
    DtmfPressed,
    Gap,
    MetadataArrived,
    Outcome,
    Sink,
    SinkError,
    StreamEvent,
)
from listen_sinks.faults import explain
from listen_sinks.group_writer import Tape
from listen_sinks.recording import sidecar
from listen_sinks.recording.encoder import EncodingFailed
from listen_sinks.recording.open_recording import OpenRecording

if TYPE_CHECKING:
    from listen_sinks.recording.plugin import Recording

MIN_PENDING: Final = 2**16  # bytes of a recording that may always wait for the next round


class RecordingSink(Sink):
    """Records one stream."""

    def __init__(self, plugin: "Recording", recording: OpenRecording) -> None:
        self._plugin = plugin
        self._recording = recording
        self._tape = Tape(recording.write)
        self._told = False  # the server knows why this recording ends

    async def start(self, call: Call) -> None:
        """Write the first sidecar: from here on, a killed server leaves a recording."""
        rate = call.format.sample_rate * call.format.frame_bytes
        self._most_pending = max(MIN_PENDING, round(2 * rate * self._plugin.config.write_interval))
        await self._plugin.in_thread(self._recording.begin)

    async def audio(self, block: AudioBlock) -> None:
        """Have a block written soon, shape (channels, frames), int16; wait for a slow disk."""
        self._raise(self._tape.error)
        self._plugin.writer.put(self._tape, block)
        if self._tape.pending > self._most_pending:
            await self._plugin.writer.drain(self._tape)
            self._raise(self._tape.error)

    async def event(self, event: StreamEvent, at: float) -> None:
        """Note an event in the sidecar."""
        document = self._recording.document
        if isinstance(event, Gap):
            description.add_gap(document, event)
        elif isinstance(event, MetadataArrived):
            description.add_metadata(document, event)
            await self._plugin.in_thread(self._recording.begin)
        elif not isinstance(event, DtmfPressed) or self._plugin.config.dtmf:
            description.add_event(document, event, at)

    async def finish(self, outcome: Outcome) -> None:
        """Write the last samples, encode, and bring the recording to its place."""
        await self._plugin.writer.drain(self._tape)
        problem = await self._plugin.in_thread(self._recording.close)
        failure = self._tape.error or problem
        sentence = explain(failure, self._plugin.directory) if failure else None
        sidecar.end(self._recording.document, outcome, sentence)
        await self._plugin.in_thread(self._recording.save)
        if outcome.state != "failed" and not failure:
            await self._encode()
        await self._plugin.bring(self._recording)
        self._raise(failure)

    async def _encode(self) -> None:
        encoding = self._plugin.config.format
        if encoding == "wav" or not self._recording.parts:
            return
        try:
            encoded = []
            for part in self._recording.parts:
                target = part.path.with_suffix(SUFFIXES[encoding])
                await self._plugin.encoder.encode(part.path, target, encoding)
                encoded.append(target)
            await self._plugin.in_thread(lambda: self._recording.replace(encoded, encoding))
        except (EncodingFailed, SinkError) as error:
            self._recording.document["notes"].append(str(error))
            with contextlib.suppress(SinkError):  # the sidecar is right without the note
                await self._plugin.in_thread(self._recording.save)

    def _raise(self, failure: Exception | None) -> None:
        """Tell the server what went wrong, once."""
        if failure and not self._told:
            self._told = True
            raise SinkError(explain(failure, self._plugin.directory)) from failure
