"""Numbers and names as the index finds them: by a keyed hash per tenant, never as they are.

    key of a tenant = HMAC-SHA256(secret of this installation, "listen_server/numbers" 00 salt)
    hash            = HMAC-SHA256(key, "mailbox" or "caller" 00 normal form)

The salt is in the tenant's row, the secret is not in the database. Who has both can try all
numbers that there are, in minutes; who has the database alone learns nothing. A receiver has the
secret, because it routes by it. own_secrets.py keeps it.
"""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

SECRET: Final = 32  # bytes
SALT: Final = 32

_SCHEME: Final = re.compile(r"(?:sips?|tel):", re.IGNORECASE)
_PHONE: Final = re.compile(
    r"\+?[0-9 ().\-/\u00a0\u2010-\u2015]*[0-9][0-9 ().\-/\u00a0\u2010-\u2015]*"
)
_TRUNK: Final = re.compile(r"\(0\)")  # as in +44 (0)20: dialled within the country only
_INTERNATIONAL: Final = re.compile(r"\+|00")


@dataclass(frozen=True, slots=True)
class NumberKey:
    """What a tenant's numbers are hashed with."""

    key: bytes = field(repr=False)

    def mailbox(self, address: str) -> str:
        """Return the hash of a number or name that a mailbox has: 64 hex digits."""
        return self._hash(b"mailbox", address)

    def caller(self, number: str) -> str:
        """Return the hash of who calls. Another one than that of a mailbox with this number."""
        return self._hash(b"caller", number)

    def _hash(self, use: bytes, address: str) -> str:
        text = normal_form(address).encode("utf-8", "surrogatepass")
        return hmac.new(self.key, use + b"\0" + text, hashlib.sha256).hexdigest()


def number_key(secret: bytes, salt: bytes) -> NumberKey:
    """Derive a tenant's key. Raises ValueError for a secret or salt of another length."""
    if len(secret) != SECRET or len(salt) != SALT:
        raise ValueError(f"a secret has {SECRET} bytes, and a salt {SALT}")
    return NumberKey(hmac.digest(secret, b"listen_server/numbers\0" + salt, "sha256"))


def normal_form(address: str) -> str:
    """Return what two spellings of one number or name have in common.

    `+44 (0)20 7946-0000`, `0044 20 79460000`, `442079460000` and `sip:+442079460000@host` are one
    number. `020 79460000` is another: that it is in the same country, nobody here can know.
    """
    text = unicodedata.normalize("NFKC", _user_part(address)).strip()
    digits = "".join(_ascii_digit(character) for character in text)
    if _PHONE.fullmatch(digits):
        number = re.sub(r"[^0-9+]", "", _TRUNK.sub("", digits))
        plain = _INTERNATIONAL.sub("", number, count=1) if _INTERNATIONAL.match(number) else number
        return f"number:{plain or number}"
    return f"name:{text.casefold()}"


def _user_part(address: str) -> str:
    scheme = _SCHEME.match(address.strip())
    if not scheme:
        return address
    user = address.strip()[scheme.end() :].split("@", 1)[0]
    return user.split(";", 1)[0]


def _ascii_digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
