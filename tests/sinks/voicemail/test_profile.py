import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsv1_spec import OURS, open_envelope
from pydantic import ValidationError
from stored_messages import TENANT, Kept, kept
from voicemail_terminal import everything

from listen_sinks.voicemail.config import KeysConfig
from listen_sinks.voicemail.index.mailbox_keys import add_key
from listen_sinks.voicemail.index.mailboxes import add_mailbox, get_mailbox
from listen_sinks.voicemail.index.profiles import put_profile
from listen_sinks.voicemail.keys import KeysAway, PrivateKey, WrongKey, new_pair, rotate_mailbox
from listen_sinks.voicemail.keys.mailbox import profile_version, seal_profile
from listen_sinks.voicemail.keys.rotation import create_key
from listen_sinks.voicemail.profile import (
    KEPT,
    Profile,
    Profiles,
    decode,
    encode,
    read_profile,
    reseal_profile,
)
from listen_sinks.voicemail.root import Root

MAILBOX, OTHER = "01KB0000000000000000000MBX", "01KB0000000000000000000MBY"
KEYS = KeysConfig()
ANN = Profile(name="Ann Smith", emails=("ann@example.com",), greeting="Speak up")


class Box:
    """The mailbox of a store, and its profile, on a clock that stands still."""

    def __init__(self, store: Kept, root: Root) -> None:
        self.store, self.root, self.id, self.now = store, root, store.key.public.mailbox, 0.0
        self.profiles = Profiles(store.database, self.root, lambda: self.now)

    async def read(self) -> Profile:
        return await self.profiles.read(TENANT, self.id)

    async def change(self, **changes: object) -> Profile:
        return await self.profiles.change(TENANT, self.id, changes)

    async def sealed(self) -> bytes | None:
        return (await get_mailbox(self.store.database, TENANT, self.id)).profile


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    async with kept(tmp_path) as store:
        yield Box(store, await asyncio.to_thread(Root, KEYS, tmp_path, store.database))


async def test_what_is_written_is_read_back_and_lies_nowhere_in_the_clear(box: Box) -> None:
    assert await box.read() == Profile()

    await box.profiles.write(TENANT, box.id, ANN)

    assert await box.read() == ANN
    files = await asyncio.to_thread(everything, box.store.folder)
    assert not [word for word in (b"Smith", b"example.com", b"Speak") if word in files]


async def test_a_change_leaves_the_rest_and_an_empty_profile_leaves_nothing(box: Box) -> None:
    await box.profiles.write(TENANT, box.id, ANN)

    assert await box.change(operator="+44 (0)20 7946-0001", name=None) == Profile(
        emails=("ann@example.com",), greeting="Speak up", operator="+442079460001"
    )
    await box.change(emails=[], greeting=None, operator=None)

    assert await box.read() == Profile()
    assert await box.sealed() is None


async def test_an_opened_profile_is_kept_for_seconds_and_not_longer_than_it_is_in_its_row(
    box: Box,
) -> None:
    await box.change(name="Ann")
    await box.read()
    keys, away = box.store.folder / "root.keys", box.store.folder / "away"
    await asyncio.to_thread(keys.rename, away)

    assert (await box.read()).name == "Ann"
    box.now += KEPT
    with pytest.raises(KeysAway):
        await box.read()

    await asyncio.to_thread(away.rename, keys)
    await box.read()
    await Profiles(box.store.database, box.root).change(TENANT, box.id, {"name": "Bea"})
    assert (await box.read()).name == "Bea"


async def test_a_profile_is_sealed_to_the_newest_key_and_read_under_it(box: Box) -> None:
    await box.change(name="Ann")
    new = await rotate_mailbox(box.store.provider, box.store.key.public)
    await add_key(box.store.database, new)
    box.now += KEPT

    before = await box.read()
    for _ in range(2):
        await reseal_profile(box.store.database, box.store.provider, TENANT, new.public)

    sealed = await box.sealed()
    assert sealed is not None
    assert profile_version(sealed) == 2
    assert await box.read() == before == Profile(name="Ann")


async def test_the_profile_of_one_mailbox_is_none_of_another(box: Box) -> None:
    await box.change(name="Ann")
    key = await create_key(box.store.provider, OTHER)
    await add_mailbox(box.store.database, TENANT, key, profile=await box.sealed())

    with pytest.raises(WrongKey, match="does not open"):
        await box.profiles.read(TENANT, OTHER)


async def test_a_row_that_changed_since_it_was_read_is_read_again(box: Box) -> None:
    await box.change(name="Ann")
    racing = Profiles(box.store.database, box.root)
    raced = False

    async def between(tenant: str, mailbox: str) -> None:
        nonlocal raced
        if not raced:
            raced = True
            await racing.change(tenant, mailbox, {"operator": "100"})

    class Slow(Profiles):
        async def _seal(self, mailbox: str, version: int, profile: Profile) -> bytes | None:
            await between(TENANT, mailbox)
            return await super()._seal(mailbox, version, profile)

    await Slow(box.store.database, box.root).change(TENANT, box.id, {"name": "Bea"})

    assert await box.read() == Profile(name="Bea", operator="100")


async def test_what_is_no_profile_is_told_and_not_taken_for_an_empty_one(box: Box) -> None:
    for odd in (b"", b"x", b"\x01\0\0\0\1" + bytes(60), b"\x01\0\0\0\7" + bytes(60)):
        there = await box.sealed()
        await put_profile(box.store.database, TENANT, box.id, odd, instead_of=there, key_version=1)

        with pytest.raises(WrongKey):
            await box.read()


def test_the_format_is_as_its_page_says() -> None:
    public, private = new_pair(MAILBOX, 258)
    sealed = seal_profile(encode(ANN), public)

    info = OURS + f"profile\x00{MAILBOX}\x00258\x00x25519".encode()
    plain = open_envelope(sealed[5:], private, info)

    assert sealed[:5] == b"\x01\0\0\1\2"
    assert plain is not None
    assert json.loads(plain) == {
        "name": "Ann Smith",
        "emails": ["ann@example.com"],
        "greeting": "Speak up",
    }
    assert len(sealed) == len(plain) + 53


@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda rest: b"\x01\0\0\0\1" + rest))
def test_bytes_that_nobody_sealed_open_as_nothing(sealed: bytes) -> None:
    public, private = new_pair(MAILBOX, 1)

    with pytest.raises(WrongKey):
        PrivateKey(MAILBOX, 1, public.kem, private).open_profile(sealed)


words = st.text(max_size=9)
values = st.none() | st.integers() | words | st.lists(words, max_size=2)
fields = st.sampled_from(sorted(Profile.model_fields)) | words
objects = st.dictionaries(fields, values, max_size=3)


@given(st.binary(max_size=40) | objects.map(json.dumps).map(str.encode))
def test_what_somebody_else_has_sealed_is_a_profile_or_refused(plain: bytes) -> None:
    with suppress(WrongKey):
        read = decode(plain)
        assert decode(encode(read)) == read


def test_a_field_of_another_version_costs_no_other() -> None:
    said = {"name": "Ann", "emails": ["nobody"], "colour": "red", "language": 7}

    assert decode(json.dumps(said).encode()) == Profile(name="Ann")


@pytest.mark.parametrize(
    "wrong",
    [
        {"emails": ["ann@example.com\r\nBcc: eve@example.com"]},
        {"emails": ["Ann <ann@example.com>"]},
        {"emails": ["ann@example.com, eve@example.com"]},
        {"name": "Ann\nX-Evil: 1"},
        {"name": "x" * 101},
        {"operator": "+44x"},
        {"operator": "sip:eve@example.com"},
        {"greeting": "\x1b]0;owned\x07"},
        {"greeting": " "},
        {"voice": ""},
    ],
)
def test_what_could_command_a_mail_or_a_terminal_is_refused_and_not_repeated(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(ValidationError) as told:
        read_profile(wrong)

    assert not [word for word in ("eve", "Evil", "owned", "xxx", "44x") if word in str(told.value)]


def test_a_profile_shows_nothing_of_itself() -> None:
    assert {repr(ANN), str(ANN)} <= {"Profile()", ""}
