"""What went wrong with a file, in a sentence for the operator: what it is and what to do."""

import errno
from pathlib import Path
from typing import Final

_SENTENCES: Final = {
    errno.ENOSPC: "the disk of {directory} is full: free some space",
    errno.EDQUOT: "the disk quota of {directory} is used up: free some space or raise it",
    errno.EROFS: "{directory} is mounted read-only: mount it for writing",
    errno.EACCES: "this user may not write to {directory}: change its owner or mode",
    errno.EPERM: "this user may not write to {directory}: change its owner or mode",
    errno.EIO: "the disk of {directory} fails (input/output error): check it before more is lost",
    errno.EMFILE: "too many open files: raise the limit of this process (ulimit -n)",
    errno.ENFILE: "too many open files on this machine: raise fs.file-max",
    errno.EFBIG: "a file in {directory} may not grow further: raise the limit (ulimit -f)",
}


def explain(error: Exception, directory: Path) -> str:
    """Say what an error means for what is written below a directory."""
    number = error.errno if isinstance(error, OSError) else None
    if number is not None and number in _SENTENCES:
        return _SENTENCES[number].format(directory=directory)
    return f"cannot write to {directory}: {error}"
