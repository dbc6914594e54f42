"""The end of a message that the disk did not take whole: it says so, however its call ended."""

import errno
import os
from dataclasses import replace

from listen_sinks.voicemail.spool.disk import FULL
from listen_sinks.voicemail.spool.note import End


def cut(end: End, failure: Exception | None) -> End:
    """Return an end as it is after a failure; the same without one, or where nothing is kept."""
    if failure is None or end.state == "discarded":
        return end
    number = failure.errno if isinstance(failure, OSError) else None
    return replace(
        end, state="failed", reason="the disk was full" if number in FULL else "the disk failed"
    )


def cut_by_reading(end: End) -> End:
    """Return an end as it is when the disk does not give back what it took."""
    if end.state == "failed":  # which says already what went wrong first
        return end
    return cut(end, OSError(errno.EIO, os.strerror(errno.EIO)))
