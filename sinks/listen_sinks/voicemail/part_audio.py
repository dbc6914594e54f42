"""One part of a message, opened: its samples, and what is wrong with them. playback.py joins parts.

Everything here blocks: it is for threads.
"""

from collections.abc import Iterator

from listen_sinks.voicemail.findings import Finding
from listen_sinks.voicemail.found_object import FoundObject
from listen_sinks.voicemail.lsv1 import BodyReader, Refused, split_tails


class PartAudio:
    """The audio of one part, as far as it opens. Raises Refused where nothing of it does."""

    def __init__(self, message: str, found: FoundObject, key: bytes) -> None:
        self.part = found.part
        self._found = found
        self._body = BodyReader(
            found.read,
            found.size,
            key,
            message=message,
            part=found.part.part,
            tails=split_tails(found.part.tails),
        )
        # The header is bound to the key, the row is not.
        self.sample_rate = self._body.header.sample_rate
        self.channels = self._body.header.channels
        self.frame_bytes = self._body.header.frame_bytes
        self.frames = self._body.length // self.frame_bytes
        self.findings = found.findings or tuple(self._ending())

    @property
    def form(self) -> tuple[int, int]:
        """Sample rate in Hz, and channels: what parts must have in common to be joined."""
        return self.sample_rate, self.channels

    def salvage(self, start: int, stop: int) -> tuple[bytes, tuple[int, ...]]:
        """Return the bytes of frames, zeros where a chunk does not open, and these chunks."""
        found = self._body.salvage(start * self.frame_bytes, stop * self.frame_bytes)
        return found.plain, found.damaged

    def check(self) -> tuple[Finding, ...]:
        """Read and open all of it; return what is wrong. Raises ObjectsAway."""
        findings = list(self.findings)
        if not findings and not self._found.is_as_shipped():
            findings.append(changed(self.part.part))
        if chunks := self._body.damaged_chunks():
            findings.append(damaged(self.part.part, chunks))
        return tuple(findings)

    def _ending(self) -> Iterator[Finding]:
        said = self.part.format
        if (self.sample_rate, self.channels) != (said.sample_rate, said.channels):
            yield Finding(self.part.part, "changed", "the index says another format")
        if self._body.ending == "cut" and self.part.outcome == "complete":
            yield self._without_end()
        elif self.frames < self.part.frames:
            sentence = f"{self.frames} of {self.part.frames} samples open"
            yield Finding(self.part.part, "cut", sentence)

    def _without_end(self) -> Finding:
        if self._found.is_as_shipped():
            return Finding(self.part.part, "unsealed", "the call was complete, and it has no end")
        return changed(self.part.part)


def check_closed(found: FoundObject) -> tuple[Finding, ...]:
    """Check an object without its key: whether it is as it was shipped. Raises ObjectsAway."""
    if found.findings or found.is_as_shipped():
        return found.findings
    return (changed(found.part.part),)


def refused(part: int, error: Refused) -> Finding:
    """Say that nothing of a part opens."""
    return Finding(part, "refused", str(error))


def changed(part: int) -> Finding:
    """Say that an object is another than was shipped."""
    return Finding(part, "changed", "its digest is not the one in the index")


def damaged(part: int, chunks: tuple[int, ...]) -> Finding:
    """Say which chunks do not open."""
    sentence = f"{len(chunks)} of its chunks do not open, the first is number {chunks[0]}"
    return Finding(part, "damaged", sentence)
