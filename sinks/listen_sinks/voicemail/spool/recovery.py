"""What a killed process left in its folder of the spool, brought to an end by the next one.

Needs no key. Whatever state the files are in: going through here twice, or being killed on the
way, ends in the same messages.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from listen_sinks.voicemail.spool.disk import Disk
from listen_sinks.voicemail.spool.names import Files, files_in
from listen_sinks.voicemail.spool.note import (
    BadNote,
    End,
    Note,
    Values,
    decode_end,
    decode_note,
    decode_values,
)
from listen_sinks.voicemail.spool.pieces import pieces_of
from listen_sinks.voicemail.spool.space import RESERVE
from listen_sinks.voicemail.spool.stored import (
    ObjectInSpool,
    Stored,
    drop_files,
    frames_on_disk,
)

log = structlog.get_logger(__name__)


def left_in(folder: Path, disk: Disk) -> list[Files]:
    """Return the messages in the folder of a run, with its reserve freed. Raises OSError."""
    disk.remove(folder / RESERVE)
    return list(files_in(folder).values())


def recover(messages: Iterable[Files], disk: Disk, reason: str) -> list[Stored]:
    """Bring messages to their end; return those that are to be shipped.

    What cannot be read stays where it is, for the next start to try.
    """
    found = []
    for files in messages:
        try:
            if stored := _recover(files, disk, reason):
                found.append(stored)
        except (OSError, BadNote) as error:
            log.warning(
                "message stays in the spool as it was left",
                file=str(files.stem),
                error=f"{type(error).__name__}: {error}",
            )
    return found


def _recover(files: Files, disk: Disk, reason: str) -> Stored | None:
    for path in files.unfinished:
        disk.remove(path)
    files.unfinished.clear()
    note = _note(files)
    if note is None or "gone" in files.words or not _is_begun(files):
        # All of it is safe elsewhere, or the call was not taken yet: note and header come first.
        drop_files(disk, files)
        return None
    if end := _end(files):
        return Stored(disk, files, note, end)
    end = _interrupted(files, note, reason)
    with suppress(OSError):  # what is written here only saves the next start the same work
        disk.create_whole(files.word("end.new"), end.encode())
        disk.rename(files.word("end.new"), files.word("end"))
        files.words.add("end")
    return Stored(disk, files, note, end)


def _note(files: Files) -> Note | None:
    """Read the note; None if the power went before it was durable. Raises BadNote."""
    data = files.word("note").read_bytes() if "note" in files.words else b""
    return decode_note(data) if data.strip(b"\0") else None


def _is_begun(files: Files) -> bool:
    return ObjectInSpool(pieces_of(files.segments)).audio_bytes(()) is not None


def _end(files: Files) -> End | None:
    """Read the end; None if there is none, or the power went before it was durable."""
    if "end" not in files.words:
        return None
    try:
        return decode_end(files.word("end").read_bytes())
    except BadNote:
        return None


def _interrupted(files: Files, note: Note, reason: str) -> End:
    frames = frames_on_disk(files, note)
    unwanted = note.discarded(frames)
    return End(
        state="discarded" if unwanted else "interrupted",
        reason=unwanted or reason,
        ended_at=_last_change(files),
        frames=frames,
        values=_late(files),
    )


def _late(files: Files) -> Values:
    if "late" not in files.words:
        return {}
    try:
        return decode_values(files.word("late").read_bytes())
    except BadNote:  # lost with the power: what the note says is older, and stays
        return {}


def _last_change(files: Files) -> datetime:
    return datetime.fromtimestamp(max(path.stat().st_mtime for path in files.all()), UTC)
