"""Small files that are either whole or not there. Not for audio: that is what sinks are for."""

import os
from pathlib import Path


def private_directory(directory: Path) -> Path:
    """Make a directory that only this user can enter, with its parents, and return it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def write_atomically(file: Path, content: bytes) -> None:
    """Replace a file by new content, readable by this user alone, durable when this returns."""
    private_directory(file.parent)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
