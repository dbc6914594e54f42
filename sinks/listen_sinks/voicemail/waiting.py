"""What waits in the spool of this machine: asked by who is about to destroy keys.

Beside a running server, which adds and removes files meanwhile.
"""

from collections import Counter
from contextlib import suppress
from pathlib import Path

from listen_sinks.voicemail.spool.note import BadNote, decode_note


def waiting_for(spool: Path, mailbox: str) -> Counter[int]:
    """Return how many messages of a mailbox wait, by the version they are sealed to. Blocks.

    Calls that are on are among them. Raises OSError.
    """
    found: Counter[int] = Counter()
    for path in spool.glob("*/*/*.note"):
        with suppress(FileNotFoundError, BadNote):  # shipped meanwhile; not begun
            note = decode_note(path.read_bytes())
            if note.mailbox == mailbox:
                found[note.key_version] += 1
    return found
