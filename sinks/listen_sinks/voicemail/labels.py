"""The strings that keys and ciphertexts are bound to, as FORMAT.md spells them."""

import json
import re
from collections.abc import Mapping
from typing import Final

NAMESPACE: Final = b"listen_server/lsv1/"
LARGEST_NUMBER: Final = 2**32 - 1
"""Of parts and of key versions."""

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def label(name: str, rest: bytes = b"") -> bytes:
    """Name what a key is for; names hold no zero byte, so none is the beginning of another."""
    return NAMESPACE + name.encode("ascii") + b"\0" + rest


def fields(*values: str | int) -> bytes:
    """Join values by zero bytes; they are ULIDs, numbers and names, and hold none."""
    return b"\0".join(str(value).encode("ascii") for value in values)


def value_context(message: str, part: int) -> bytes:
    """Say whose metadata, transcript or peaks a small sealed value is."""
    return fields(check_ulid(message), check_number(part))


def canonical_json(values: Mapping[str, str | int]) -> bytes:
    """Encode a mapping in the one way that counts: sorted, without white space, ASCII."""
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode("ascii")


def part_name(mailbox: str, message: str, part: int) -> str:
    """Name the object of a part in a store: by ids that this server made."""
    return f"v1/{mailbox}/{message}.{part}.lsv1"


def check_ulid(value: str) -> str:
    """Return it; raises ValueError if it is no ULID in its canonical spelling."""
    if not _ULID.fullmatch(value):
        raise ValueError("an id is not a ULID in capitals")
    return value


def check_number(value: int, *, least: int = 0, most: int = LARGEST_NUMBER) -> int:
    """Return it; raises ValueError if it is no integer (`True` is none) or out of bounds."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"a number is not an integer from {least} to {most}")
    return value
