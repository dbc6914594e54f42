"""What the files of a message are called while it is in the spool.

    <message>.<part>.note                   envelope, format and first metadata: written once
    <message>.<part>.late                   metadata that came while the call was on
    <message>.<part>.<n>-<offset>.audio     the sealed object from an offset on; n counts files
    <message>.<part>.<n>.tail               its newest tail records
    <message>.<part>.end                    how it ended: written once
    <message>.<part>.gone                   the note, when all of it is safe elsewhere

Everything in a name is made by this server.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(
    r"(?P<stem>[0-7][0-9A-HJKMNP-TV-Z]{25}\.\d{1,10})\."
    r"(?:(?P<word>note|late|end|gone)(?P<unfinished>\.new)?"
    r"|(?P<tail>\d{1,10})\.tail"
    r"|(?P<number>\d{1,10})-(?P<offset>\d{1,19})\.audio)"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A file with a part of an object."""

    number: int
    offset: int  # in the object, of its first byte
    path: Path


@dataclass(slots=True)
class Files:
    """The files of one part of a message, as they lie in a folder."""

    stem: Path
    words: set[str] = field(default_factory=set)
    """Of `note`, `late`, `end`, `gone`."""
    segments: list[Segment] = field(default_factory=list)
    tails: list[Path] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)

    def word(self, name: str) -> Path:
        """Name one of the files that are there once."""
        return named(self.stem, name)

    def all(self) -> list[Path]:
        """Return every file."""
        words = [self.word(name) for name in self.words]
        return [*words, *(s.path for s in self.segments), *self.tails, *self.unfinished]


def stem_of(folder: Path, message: str, part: int) -> Path:
    """Name a part of a message in a folder."""
    return folder / f"{message}.{part}"


def named(stem: Path, rest: str) -> Path:
    """Name a file of a part of a message."""
    return stem.with_name(f"{stem.name}.{rest}")


def segment_path(stem: Path, number: int, offset: int) -> Path:
    """Name a segment."""
    return named(stem, f"{number}-{offset}.audio")


def files_in(folder: Path) -> dict[str, Files]:
    """Return what lies in the folder of a run, by message and part."""
    found: dict[str, Files] = {}
    for path in sorted(folder.iterdir()):
        if match := _NAME.fullmatch(path.name):
            files = found.setdefault(match["stem"], Files(folder / match["stem"]))
            _add(files, path, match)
    return found


def _add(files: Files, path: Path, match: re.Match[str]) -> None:
    if match["unfinished"]:
        files.unfinished.append(path)
    elif match["word"]:
        files.words.add(match["word"])
    elif match["tail"]:
        files.tails.append(path)
    else:
        files.segments.append(Segment(int(match["number"]), int(match["offset"]), path))
