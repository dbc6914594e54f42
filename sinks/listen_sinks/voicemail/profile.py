"""Who a mailbox is: name, addresses, words that callers hear. Sealed as messages are.

    Profile <-> JSON <-> HPKE to the mailbox's public key <-> its row (index/profiles.py)

FORMAT.md, section 7. To read or write one needs the root key, once in a few seconds.
"""

import json
import re
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import KeyChanged
from listen_sinks.voicemail.index.mailbox_keys import get_key
from listen_sinks.voicemail.index.profiles import get_profile, put_profile
from listen_sinks.voicemail.keys.mailbox import PrivateKey, PublicKey, profile_version, seal_profile
from listen_sinks.voicemail.keys.provider import KeyProvider, WrongKey
from listen_sinks.voicemail.keys.rotation import unlock
from listen_sinks.voicemail.root import Root

KEPT: Final = 10.0  # seconds that an opened profile stays in memory
_TRIES: Final = 5  # of writers at once

_ADDRESS: Final = re.compile(r"[^\s@<>()\[\]\\,;:\"]+@[0-9A-Za-z.-]+")
_NUMBER: Final = re.compile(r"\+?[0-9]{1,32}")
_SEPARATORS: Final = str.maketrans("", "", " ()-./")


def _printable(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("it is empty, or has a character that cannot be seen")
    return text


def _words(text: str) -> str:
    return _printable(" ".join(text.split()))


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("an address is asked for, such as ann@example.com")
    return _printable(text)


def _number(text: str) -> str:
    number = text.replace("(0)", "").translate(_SEPARATORS)
    if not _NUMBER.fullmatch(number):
        raise ValueError("a number is asked for, such as +442079460000")
    return number


_LINE: Final = StringConstraints(strip_whitespace=True, max_length=100)
_Line = Annotated[str, _LINE, AfterValidator(_printable)]
_Number = Annotated[str, _LINE, AfterValidator(_number)]
_Words = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_words)]
_Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254),  # RFC 5321, 4.5.3.1.3
    AfterValidator(_address),
]


class Profile(BaseModel):
    """What is personal about a mailbox. Its repr shows nothing, nor does an error."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    name: _Line | None = None
    """Whose it is, as people say it."""
    emails: tuple[_Email, ...] = ()
    """Who is told of messages by mail."""
    greeting: _Words | None = None
    """What callers hear, if there is no recorded greeting."""
    temporary_greeting: _Words | None = None
    """What they hear instead, as long as it is there."""
    operator: _Number | None = None
    """Who takes the call when a caller presses 0: a number, perhaps with a +."""
    language: _Line | None = None
    """In which language is spoken, as in `en-GB`; the platform's names count for all three."""
    voice: _Line | None = None
    """Which voice speaks."""
    vendor: _Line | None = None
    """Whose voice it is."""

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return []


class Profiles:
    """The profiles of mailboxes.

    Every method raises KeysAway, IndexAway, SinkError where the root is lost, UnknownMailbox, and
    WrongKey for a profile that does not open: it was changed, or its key is destroyed.
    """

    def __init__(
        self, database: Database, root: Root, clock: Callable[[], float] = monotonic
    ) -> None:
        self._database = database
        self._root = root
        self._clock = clock
        self._opened: dict[str, tuple[float, bytes, Profile]] = {}

    async def read(self, tenant: str, mailbox: str) -> Profile:
        """Return a profile; an empty one where there is none."""
        sealed, _ = await get_profile(self._database, tenant, mailbox)
        return await self._open(mailbox, sealed)

    async def write(self, tenant: str, mailbox: str, profile: Profile) -> None:
        """Put a profile in the place of whatever is there."""
        await self._put(tenant, mailbox, lambda _: profile, needs_old=False)

    async def change(self, tenant: str, mailbox: str, changes: Mapping[str, Any]) -> Profile:
        """Change some fields and leave the others, whoever else does so at once.

        Raises ValidationError, which shows no value, for what is none.
        """
        read_profile(changes)

        def changed(old: Profile) -> Profile:
            return read_profile({**old.model_dump(), **changes})

        return await self._put(tenant, mailbox, changed, needs_old=True)

    async def _put(
        self, tenant: str, mailbox: str, new: Callable[[Profile], Profile], *, needs_old: bool
    ) -> Profile:
        for _ in range(_TRIES):
            there, version = await get_profile(self._database, tenant, mailbox)
            profile = new(await self._open(mailbox, there) if needs_old else Profile())
            sealed = await self._seal(mailbox, version, profile)
            try:
                await put_profile(
                    self._database, tenant, mailbox, sealed, instead_of=there, key_version=version
                )
            except KeyChanged:
                continue
            return profile
        raise KeyChanged(f"the profile of mailbox {mailbox} is changed all the time: try again")

    async def _seal(self, mailbox: str, version: int, profile: Profile) -> bytes | None:
        if profile == Profile():
            return None
        private = await self._private(mailbox, version)  # what is sealed to it can be read
        return seal_profile(encode(profile), private.public)

    async def _open(self, mailbox: str, sealed: bytes | None) -> Profile:
        if sealed is None:
            return Profile()
        now = self._clock()
        self._opened = {box: kept for box, kept in self._opened.items() if kept[0] > now}
        if (kept := self._opened.get(mailbox)) and kept[1] == sealed:
            return kept[2]
        private = await self._private(mailbox, profile_version(sealed))
        profile = decode(private.open_profile(sealed))
        self._opened[mailbox] = (now + KEPT, sealed, profile)
        return profile

    async def _private(self, mailbox: str, version: int) -> PrivateKey:
        key = await get_key(self._database, mailbox, version)
        if key is None:
            raise WrongKey(f"keys: version {version} of mailbox {mailbox} is destroyed")
        return await unlock(await self._root.provider(), key)


async def reseal_profile(
    database: Database, provider: KeyProvider, tenant: str, to: PublicKey
) -> None:
    """Seal a profile to the newest key of its mailbox, if it is sealed to an older one.

    Raises KeysAway, WrongKey, UnknownMailbox, KeyChanged if somebody changes it now, IndexAway.
    """
    sealed, newest = await get_profile(database, tenant, to.mailbox)
    if sealed is None or (version := profile_version(sealed)) >= to.version:
        return
    key = await get_key(database, to.mailbox, version)
    if key is None:
        raise WrongKey(f"keys: version {version} of mailbox {to.mailbox} is destroyed")
    private = await unlock(provider, key)
    anew = seal_profile(private.open_profile(sealed), to)
    await put_profile(database, tenant, to.mailbox, anew, instead_of=sealed, key_version=newest)


def read_profile(values: Mapping[str, Any]) -> Profile:
    """Read what somebody says. Raises ValidationError, naming each field that is wrong."""
    return Profile.model_validate(dict(values))


def encode(profile: Profile) -> bytes:
    """Return a profile as it is sealed: JSON in UTF-8, with the fields that say something."""
    return profile.model_dump_json(exclude_defaults=True).encode()


def decode(data: bytes) -> Profile:
    """Read what was sealed; a field that this version cannot read is empty. Raises WrongKey."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise WrongKey("keys: what is sealed as a profile is none")
    return _effective(values)


def _effective(values: dict[str, Any]) -> Profile:
    try:
        return read_profile(values)
    except ValidationError as error:
        wrong = {fault["loc"][0] for fault in error.errors(include_input=False)}
        return read_profile({name: value for name, value in values.items() if name not in wrong})
