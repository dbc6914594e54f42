"""What stands in front of an object in the clear. FORMAT.md, section 3."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Final

from listen_sinks.voicemail.labels import canonical_json, check_number, check_ulid
from listen_sinks.voicemail.lsv1.layout import (
    COMMITMENT,
    HEADER_AT,
    LONGEST_HEADER,
    MAGIC,
    SALT,
)
from listen_sinks.voicemail.sealed import Refused

MOST_CHANNELS: Final = 2
HIGHEST_RATE: Final = 192_000
_FIXED: Final[dict[str, str | int]] = {"audio": "s16le", "body": "cobblestone-256", "v": 1}


@dataclass(frozen=True, slots=True)
class Header:
    """Which audio it is and in which format; nothing about a person."""

    message: str  # ULID
    part: int
    mailbox: str  # ULID
    key_version: int
    sample_rate: int  # Hz
    channels: int

    def __post_init__(self) -> None:
        check_ulid(self.message)
        check_number(self.part)
        check_ulid(self.mailbox)
        check_number(self.key_version, least=1)
        check_number(self.sample_rate, least=1, most=HIGHEST_RATE)
        check_number(self.channels, least=1, most=MOST_CHANNELS)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample in every channel."""
        return 2 * self.channels

    def head(self) -> bytes:
        """Return magic, length and canonical header."""
        header = canonical_json({**_FIXED, **asdict(self)})
        return MAGIC + len(header).to_bytes(HEADER_AT - len(MAGIC), "big") + header


_NAMES: Final = tuple(field.name for field in fields(Header))


def read_header(prefix: bytes) -> tuple[Header, int]:
    """Return the header and the offset of the first chunk; needs no key.

    `prefix` is the first `LONGEST_PREFIX` bytes of an object, or all that there are. Raises
    Refused if an object does not begin like this, or ends before its first chunk.
    """
    if prefix[: len(MAGIC)] != MAGIC:
        raise Refused("this is no LSV1 object: it does not begin like one")
    length = int.from_bytes(prefix[len(MAGIC) : HEADER_AT], "big")
    if not 1 <= length <= LONGEST_HEADER:
        raise Refused(f"the header of an LSV1 object cannot have {length} bytes")
    end = HEADER_AT + length
    if len(prefix) < end + SALT + COMMITMENT:
        raise Refused("an LSV1 object is cut in front of its audio")
    return _parsed(prefix[:end]), end + SALT + COMMITMENT


def _parsed(head: bytes) -> Header:
    try:
        values = json.loads(head[HEADER_AT:].decode("ascii"))
        header = Header(*(values[name] for name in _NAMES))
    except (ValueError, TypeError, LookupError, RecursionError):
        raise Refused("the header of an LSV1 object says nothing that can be") from None
    if header.head() != head:
        raise Refused("the header of an LSV1 object is not in its canonical form")
    return header
