"""Small files that are either whole or not there. Not for audio: that is what sinks are for."""

import os
from pathlib import Path


def private_directory(directory: Path) -> Path:
    """Make a directory that only this user can enter, if it is not there, and return it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def write_atomically(file: Path, content: bytes) -> None:
    """Replace a file by new content, readable by this user alone, durable when this returns."""
    private_directory(file.parent)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)  # of a process that was killed and had our number
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
