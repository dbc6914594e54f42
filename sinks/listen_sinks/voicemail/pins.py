"""PINs: what opens a mailbox to a telephone. index/pins.py keeps them, as hashes, and counts.

    key  = HMAC-SHA256(secret of this installation, "listen_server/pin" 00 mailbox 00 PIN)
    hash = argon2id(key), in the form of RFC 9106's reference code

Four digits are found in no time by whoever can try them: the database gives nothing to try without
the secret, which is not in it, and the telephone is locked after a few tries. What a PIN is, is
nowhere told: no repr, log or error has one.
"""

import hmac
import re
from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.pins import (
    PinState,
    count_try,
    forgive,
    get_pin,
    put_pin,
    remove_pin,
)

TRIES: Final = 5
"""So many failures in a row, and it is locked."""
FIRST_LOCK: Final = timedelta(minutes=15)
"""It doubles each time, as long as nobody says the right PIN."""
LONGEST_LOCK: Final = timedelta(days=1)

_PIN: Final = re.compile(r"[0-9]{4,10}")
_TO_NEXT_DIGIT: Final = (0, 1, 9)  # the same, the next, the one before; 0 follows 9
_AT_ONCE: Final = 2
_THREADS: Final = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pin")


class PinRefused(ValueError):  # noqa: N818 - a finding: somebody has to think of another
    """This is no PIN, or one of those that are tried first. The sentence does not repeat it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What argon2id costs. The default is OWASP's minimum: 19 MiB, two passes, one lane.

    About 25 ms of one core. RFC 9106's second choice (64 MiB, 3 passes, 4 lanes) takes 190 ms of
    CPU: both cores of a small machine while calls are on, for what the secret and the lock do
    better.
    """

    memory: int = 19456  # KiB
    passes: int = 2
    lanes: int = 1

    def hasher(self) -> PasswordHasher:
        """Make what hashes at this cost."""
        return PasswordHasher(self.passes, self.memory, self.lanes, type=Type.ID)


Verdict: TypeAlias = Literal["right", "wrong", "locked", "none"]


@dataclass(frozen=True, slots=True)
class PinCheck:
    """What came of a try. `none`: the mailbox has no PIN, or there is no such mailbox."""

    verdict: Verdict
    must_change: bool = False  # only where it is right
    set_at: datetime | None = None  # the same: which PIN it was
    locks: bool = False  # it was wrong once too often: the next ones are "locked"


class Pins:
    """The PINs of mailboxes. `secret` is that of the sink's numbers; `clock` says now, in UTC.

    Every method raises IndexAway.
    """

    def __init__(
        self,
        database: Database,
        secret: bytes,
        *,
        cost: Cost | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._secret = secret
        self._hasher = (cost or Cost()).hasher()
        self._clock = clock

    async def set(self, mailbox: str, pin: str, *, must_change: bool) -> None:
        """Give a mailbox a PIN, or another; failures and lock are over.

        `must_change` is for one that somebody else than its owner knows. Raises PinRefused,
        UnknownMailbox.
        """
        judge(pin)
        hashed = await self._hash(mailbox, pin)
        now = self._clock()
        await put_pin(self._database, mailbox, hashed, must_change=must_change, now=now)

    async def replace(self, mailbox: str, pin: str, set_at: datetime) -> datetime | None:
        """Give a mailbox its owner's own PIN in the place of the one that was set then.

        Return when this was; None, and nothing is changed, if the mailbox has another one by now.
        Raises PinRefused, UnknownMailbox.
        """
        judge(pin)
        hashed = await self._hash(mailbox, pin)
        now = self._clock()
        changed = await put_pin(
            self._database, mailbox, hashed, must_change=False, now=now, instead_of=set_at
        )
        return now if changed else None

    async def check(self, mailbox: str, pin: str) -> PinCheck:
        """Try a PIN. It is counted before it is verified, so that guesses at once count too.

        The same work is done whether there is a PIN or not, locked or not.
        """
        tried = await count_try(self._database, mailbox, self._clock(), locked_until)
        if tried is None:
            await self._hash(mailbox, pin)
            return PinCheck("none")
        fits = await self._fits(tried.hash, mailbox, pin)
        if tried.locked:
            return PinCheck("locked")
        if fits and await forgive(self._database, mailbox, tried.hash):
            return PinCheck("right", tried.must_change, tried.changed_at)
        return PinCheck("wrong", locks=tried.locks)

    async def unlock(self, mailbox: str) -> bool:
        """Let it be tried again, at once; False if there is no PIN."""
        return await forgive(self._database, mailbox)

    async def state(self, mailbox: str) -> PinState | None:
        """Return what is known of a PIN; None if there is none."""
        return await get_pin(self._database, mailbox)

    async def remove(self, mailbox: str) -> None:
        """Leave a mailbox without a PIN: no telephone opens it."""
        await remove_pin(self._database, mailbox)

    async def _hash(self, mailbox: str, pin: str) -> str:
        key = self._key(mailbox, pin)
        return await get_running_loop().run_in_executor(_THREADS, self._hasher.hash, key)

    async def _fits(self, hashed: str, mailbox: str, pin: str) -> bool:
        verify = partial(self._hasher.verify, hashed, self._key(mailbox, pin))
        try:
            return await get_running_loop().run_in_executor(_THREADS, verify)
        except (VerificationError, InvalidHashError):
            return False

    def _key(self, mailbox: str, pin: str) -> bytes:
        """Return what is hashed; bound to its mailbox, so that no row does for another."""
        said = f"{mailbox}\0{pin}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, b"listen_server/pin\0" + said, "sha256")


def judge(pin: str) -> None:
    """Raise PinRefused for what is no PIN, or is guessed first."""
    if not _PIN.fullmatch(pin):
        raise PinRefused("a PIN is 4 to 10 digits, 0 to 9")
    digits = [int(digit) for digit in pin]
    steps = {(b - a) % 10 for a, b in pairwise(digits)}
    if len(steps) == 1 and steps <= set(_TO_NEXT_DIGIT):
        raise PinRefused(
            "a PIN of one digit, or of digits in a row, is guessed first: choose another"
        )


def locked_until(failures: int, now: datetime) -> datetime | None:
    """Return until when a PIN is locked after so many failures in a row; None: it is not."""
    locks, rest = divmod(failures, TRIES)
    if rest or not locks:
        return None
    return now + min(FIRST_LOCK * (1 << min(locks - 1, 10)), LONGEST_LOCK)
