"""One message while its call is on: samples become ciphertext here, and ciphertext files.

Every method runs in the writer's thread. group_commit.py says when what was written lasts,
stored.py is what is left when the call is over.
"""

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from listen_codecs.formats import AudioBlock
from listen_codecs.pcm import interleave
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.lsv1 import BodyReader, BodyWriter, split_tails
from listen_sinks.voicemail.outline import outline_of
from listen_sinks.voicemail.sealed import Label, seal
from listen_sinks.voicemail.spool.cut import cut, cut_by_reading
from listen_sinks.voicemail.spool.disk import Disk
from listen_sinks.voicemail.spool.names import Files
from listen_sinks.voicemail.spool.note import End, Note, encode_values
from listen_sinks.voicemail.spool.segments import Segments
from listen_sinks.voicemail.spool.space import Space
from listen_sinks.voicemail.spool.stored import Stored, frames_on_disk
from listen_sinks.voicemail.spool.tail_slots import TailSlots
from listen_sinks.voicemail.spool.words import Words
from listen_sinks.voicemail.spool.written import Written

Plain: TypeAlias = Callable[[], bytes]
"""Makes a value to be sealed: JSON of much metadata takes its time."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a message begins with."""

    note: Note
    body: BodyWriter
    message_key: bytes = field(repr=False)


class OpenMessage:
    """The files of one message that grow."""

    def __init__(self, disk: Disk, space: Space, stem: Path, beginning: Beginning) -> None:
        self.note = beginning.note
        self.frames = 0  # taken
        self.problem: OSError | None = None
        """Set from outside: nothing more is written."""
        self._space = space
        self._stem = stem
        self._body = beginning.body
        self._message_key = beginning.message_key
        self._words = Words(disk, space, stem)
        self._segments = Segments(disk, space, stem)
        self._tails = TailSlots(disk, space, stem)
        self._late: dict[str, bytes] = {}

    @property
    def files(self) -> Files:
        """What there is of it on disk."""
        return Files(self._stem, set(self._words.saved), self._segments.files, self._tails.files)

    def begin(self) -> None:
        """Write envelope, format and header. Raises OSError; then nothing was begun."""
        self._words.save("note", self.note.encode())
        self._segments.append(self._body.prefix)

    def write(self, blocks: Sequence[AudioBlock]) -> None:
        """Append samples of shape (channels, frames), int16. Raises OSError.

        What a full disk still took is kept: it is raised when that is written.
        """
        if self.problem:
            raise self.problem
        for block in blocks:  # one by one: what waits in memory for its chunk to be whole is short
            self.frames += block.shape[1]
            if sealed := self._body.update(interleave(block)):
                self._segments.append(sealed)
        self._write_tail()
        if self._space.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def written(self) -> Written:
        """Return what can be read back of it, now."""
        chunk, begun = self._body.begun
        return Written(
            self.note,
            tuple(self._segments.files),
            self._segments.written,
            chunk,
            begun,
            self._message_key,
        )

    def keep(self, label: Label, plain: Plain) -> None:
        """Seal a small value as it is now, so that it survives this process. Raises OSError."""
        self._late[label] = self._seal(label, plain())
        self._words.save("late", encode_values(self._late))

    def end(
        self, end: End, meta: Plain, failure: Exception | None = None
    ) -> tuple[End, Exception | None]:
        """Write the last words; return them with what the disk did not take.

        `failure` is what kept samples from being written. No message is complete after one.
        """
        problem = failure or self.problem
        frames = self.frames
        values = {**self._late, "meta": self._seal("meta", meta())}
        try:
            self._segments.append(self._body.finalize())
        except OSError as error:
            problem = problem or error
            frames = frames_on_disk(self.files, self.note)
        end = cut(replace(end, frames=frames, values=values), problem)
        try:
            self._words.save("end", end.encode())
        except OSError as error:
            problem = problem or error
        return end, problem

    def close(self) -> None:
        """Close the files."""
        self._segments.close()
        self._tails.close()

    # what a group commit asks

    @property
    def dirty(self) -> bool:
        """Whether anything was written that is not known to last."""
        return bool(self._segments.unsynced or self._tails.unsynced or self._words.unsynced)

    @property
    def unsynced(self) -> int:
        """Bytes that are kept in memory for that reason."""
        return self._segments.unsynced

    @property
    def descriptors(self) -> list[int]:
        """Every file that is written to."""
        return [*self._segments.descriptors, *self._tails.descriptors]

    def mark(self) -> None:
        """Take note of what the sync that begins now is for."""
        for file in (self._words, self._segments, self._tails):
            file.mark()

    def confirm(self) -> None:
        """Take note that it lasts."""
        for file in (self._words, self._segments, self._tails):
            file.confirm()

    def start_over(self) -> None:
        """Write what is not known to last into new files. Raises OSError."""
        self._words.start_over()
        if self._segments.unsynced:
            self._segments.start_over()
        if self._tails.unsynced:
            self._tails.start_over()
            self._write_tail()

    def outlined(self, stored: Stored) -> Stored:
        """Add the outline of what is kept, and say exactly how much that is.

        What the disk took and does not give back is missing, and the end says so. Reads all of it:
        not in the writer's thread.
        """
        object_ = stored.object_()
        reader = BodyReader(
            object_.read,
            object_.size,
            self._message_key,
            message=self.note.message,
            part=self.note.part,
            tails=split_tails(stored.tails()),
        )
        outline, is_whole = outline_of(reader)
        values = {**stored.end.values, "peaks": self._seal("peaks", outline)}
        frames = reader.length // self.note.format.frame_bytes
        end = replace(stored.end, frames=frames, values=values)
        return replace(stored, end=end if is_whole else cut_by_reading(end))

    def seal_late(self, label: Label, plain: Plain) -> bytes:
        """Seal a small value of a message that is closed; what becomes of it is the caller's."""
        return self._seal(label, plain())

    def _seal(self, label: Label, plain: bytes) -> bytes:
        context = value_context(self.note.message, self.note.part)
        return seal(self._message_key, label, context, plain)

    def _write_tail(self) -> None:
        if record := self._body.tail():
            self._tails.put(record)
