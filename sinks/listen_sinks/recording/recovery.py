"""What a killed process was recording, finished by the next one. placing.py takes the last steps.

Whatever state the files are in: going through here twice, or being killed on the way, ends in the
same recording.
"""

import os
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
from ulid import ULID

from listen_codecs.wav import NotAWav, read_wav_header, repair_wav, wav_header
from listen_sinks.description import Document
from listen_sinks.recording import sidecar
from listen_sinks.recording.placing import Home, describe_file, sidecar_path
from listen_sinks.recording.track import Part

log = structlog.get_logger(__name__)

_NAME: Final = re.compile(r"([0-9A-Za-z]+)(?:-ch(\d+))?(?:-part(\d+))?\.[a-z.]+")


def recover(run: Path, home: Home, reason: str, but_for: Collection[str] = ()) -> list[Document]:
    """Finish what is in the folder of a run, but for some streams; return what was brought home.

    A recording that cannot be finished stays where it is, for the next start to try.
    """
    streams: dict[str, list[Path]] = {}
    for path in run.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and match[1] not in but_for:
            streams.setdefault(match[1], []).append(path)
    finished: list[Document] = []
    for stream_id, paths in sorted(streams.items()):
        try:
            if document := _recover(stream_id, paths, run, home, reason):
                finished.append(document)
        except (OSError, ValueError, LookupError, TypeError) as error:
            log.warning(
                "recording stays as it was left",
                stream=stream_id,
                folder=str(run),
                error=f"{type(error).__name__}: {error}",
            )
    return finished


def _recover(
    stream_id: str, paths: Sequence[Path], run: Path, home: Home, reason: str
) -> Document | None:
    own = sidecar_path(run, stream_id)
    wavs = sorted((path for path in paths if path.suffix == ".wav"), key=_order)
    document = sidecar.read(own)
    if document is None:
        if own not in paths and not wavs:  # killed in the first steps: there was no call yet
            for path in paths:
                path.unlink()
            return None
        document = sidecar.unknown(stream_id, _began(stream_id, paths))
    if document["state"] == "recording":
        sidecar.interrupt(document, _last_change(wavs or paths), reason)
        files = [describe_file(part) for part in _repaired(wavs, document)]
        sidecar.keep(document, files, "wav")
        sidecar.rewrite(own, document)
    listed = {own.name} | {file["name"] for file in document["files"]}
    home.bring(document, run, [path for path in paths if path.name not in listed])
    return document


def _repaired(wavs: Sequence[Path], document: Document) -> list[Part]:
    """Make every file exact, and remove those without a sample."""
    parts: list[Part] = []
    for path in wavs:
        frames, channels = _repair(path, document)
        match = _NAME.fullmatch(path.name)
        if match and match[2]:
            rows: tuple[int, ...] = (int(match[2]),)
        else:
            rows = tuple(range(channels))
        if frames:
            first = sum(part.frames for part in parts if part.channels == rows)
            parts.append(Part(path, rows, first, frames))
        else:
            path.unlink()
    return parts


def _repair(path: Path, document: Document) -> tuple[int, int]:
    """Return the frames and channels of a WAV file whose writer was killed at any moment."""
    with path.open("r+b") as file:
        try:
            frames = repair_wav(file)
        except NotAWav:  # cut in its header, or its first block was lost with the power
            both = document["layout"] == "stream" and document["mix"] == "stereo"
            file.seek(0)
            file.write(wav_header(document["sample_rate"], 2 if both else 1, None))
            frames = repair_wav(file)
        file.flush()
        os.fsync(file.fileno())
        header = read_wav_header(file)
    document.setdefault("sample_rate", header.sample_rate)
    return frames, header.channels


def _order(path: Path) -> tuple[int, int]:
    match = _NAME.fullmatch(path.name)
    return (int(match[2] or 0), int(match[3] or 1)) if match else (0, 0)


def _began(stream_id: str, paths: Sequence[Path]) -> datetime:
    try:
        return ULID.from_str(stream_id).datetime
    except ValueError:
        return _last_change(paths)


def _last_change(paths: Sequence[Path]) -> datetime:
    return datetime.fromtimestamp(max(path.stat().st_mtime for path in paths), UTC)
