"""`Jambonz-Signature`: whether a hook is jambonz's own; access.py asks.

`t=<seconds>,v1=<hex of HMAC-SHA256(secret, t "." body)>` (jambonz-feature-server,
lib/utils/base-requestor.js). It covers the bytes of the body, not the path.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

HEADER: Final = "jambonz-signature"
WINDOW: Final = 300.0  # seconds that a signature may be old, or new
_MAX_HEADER: Final = 1024
_V1: Final = re.compile("[0-9a-f]{64}")


def sign(body: bytes, secret: str, at: int) -> str:
    """Return the header for a body that is sent at a Unix time."""
    return f"t={at},v1={_digest(body, secret, str(at))}"


def same_hook(header: str, body: bytes) -> str:
    """Return what is the same for a hook that is sent again, however its header is written.

    The header must have been found right: `t` and the body are what is signed.
    """
    stamp = next(value for name, value in _parts(header) if name == "t")
    return hashlib.sha256(_signed(body, stamp)).hexdigest()


def is_signed(
    header: str | None, body: bytes, secrets: Sequence[str], *, now: float, window: float = WINDOW
) -> bool:
    """Tell whether one of the secrets has signed these bytes at about this time.

    Every secret is tried with every signature, so the time it takes tells nothing.
    """
    if header is None or len(header) > _MAX_HEADER:
        return False
    parts = _parts(header)
    stamps = [value for name, value in parts if name == "t"]
    given = [value.lower() for name, value in parts if name == "v1"]
    given = [value for value in given if _V1.fullmatch(value)]
    if len(stamps) != 1 or not re.fullmatch("[0-9]{1,12}", stamps[0], re.ASCII) or not given:
        return False
    right = False
    for secret in secrets:
        known = _digest(body, secret, stamps[0])
        for value in given:
            right |= hmac.compare_digest(known, value)
    return right and abs(now - int(stamps[0])) <= window


def _parts(header: str) -> list[tuple[str, str]]:
    parts = (part.strip().partition("=") for part in header.split(","))
    return [(name, value) for name, _, value in parts]


def _signed(body: bytes, stamp: str) -> bytes:
    return stamp.encode() + b"." + body


def _digest(body: bytes, secret: str, stamp: str) -> str:
    return hmac.digest(secret.encode(), _signed(body, stamp), "sha256").hex()
