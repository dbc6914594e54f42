import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from mailbox_contents import contents, shipped, take, voicemail
from stored_messages import ACTOR, TENANT, Kept, kept, speech
from ulid import ULID

from listen_codecs.formats import AudioBlock
from listen_sinks.objects import ObjectsAway, ObjectStore, directory_url
from listen_sinks.testing import make_call, tone
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.greetings import LONGEST, Which, keep_greeting, set_greeting
from listen_sinks.voicemail.housekeeping import Round
from listen_sinks.voicemail.index.erasure import erase_mailbox
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import UnknownMailbox, UnknownMessage, WrongState
from listen_sinks.voicemail.index.greetings import UNNAMED
from listen_sinks.voicemail.index.holds import hold_message
from listen_sinks.voicemail.index.ledger import Ledger
from listen_sinks.voicemail.index.mailboxes import change_mailbox, get_mailbox
from listen_sinks.voicemail.index.messages import get_message
from listen_sinks.voicemail.index.parts import get_message_key
from listen_sinks.voicemail.index.schema import MessageRow
from listen_sinks.voicemail.index.tickets import find_ticket
from listen_sinks.voicemail.orphans import find_orphans


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept(tmp_path) as made:
        yield made


@pytest.fixture
def erasures(box: Kept) -> Erasures:
    return Erasures(box.database, box.audit, Ledger(box.folder / "erasures.jsonl"))


async def keep(box: Kept, samples: AudioBlock | None = None, rate: int = 8000) -> str:
    block = speech(0.3) if samples is None else samples
    return await keep_greeting(box.database, box.objects, box.key.public.mailbox, block, rate)


async def named(box: Kept) -> object:
    mailbox = await get_mailbox(box.database, TENANT, box.key.public.mailbox)
    return mailbox.settings.get("greeting")


async def age(box: Kept, message: str) -> None:
    async with box.database.writing() as session:
        row = await session.get_one(MessageRow, message)
        row.recorded_at = datetime.now(UTC) - UNNAMED - timedelta(minutes=1)


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_greeting_is_kept_as_it_was_given_and_sealed(box: Kept) -> None:
    samples = speech(3.0)

    message = await keep(box, samples)

    assert (await get_message(box.database, TENANT, message)).state == "greeting"
    playback = await box.store.open(TENANT, message, actor=ACTOR)
    heard = np.concatenate([block async for block in playback.blocks()], axis=1)
    assert np.array_equal(heard, samples)
    assert playback.findings == ()
    described = await box.store.describe(TENANT, message, actor=ACTOR)
    assert described.meta is not None
    assert described.meta["notes"] == ["uploaded"]
    stored = await asyncio.to_thread(everything, box.folder)
    assert samples.tobytes()[4000:4032] not in stored


async def test_a_greeting_at_a_rate_that_messages_do_not_have_is_resampled(box: Kept) -> None:
    message = await keep(box, np.zeros((1, 44_100), np.int16), 44_100)

    playback = await box.store.open(TENANT, message, actor=ACTOR)
    assert (playback.sample_rate, playback.frames) == (16_000, 16_000)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((2, 80), np.int16),
        np.zeros(80, np.int16),
        np.zeros((1, 80), np.float32),
        np.zeros((1, 0), np.int16),
        np.zeros((1, round(LONGEST * 8000) + 1), np.int16),
    ],
    ids=["stereo", "flat", "float", "empty", "too long"],
)
async def test_what_is_no_greeting_is_refused_with_a_sentence(
    box: Kept, samples: AudioBlock
) -> None:
    with pytest.raises(ValueError, match="a greeting"):
        await keep(box, samples)

    assert [page async for page in find_orphans(box.database, box.objects)] == []


async def test_a_mailbox_that_is_not_there_gets_no_greeting(box: Kept, erasures: Erasures) -> None:
    with pytest.raises(UnknownMailbox):
        await keep_greeting(box.database, box.objects, str(ULID()), speech(0.1), 8000)
    await erase_mailbox(erasures, TENANT, box.key.public.mailbox, actor=ACTOR)

    with pytest.raises(UnknownMailbox):
        await keep(box)

    assert not list((box.folder / "store").rglob("*.lsv1"))


async def test_another_greeting_takes_the_place_of_the_one_before_which_is_erased(
    box: Kept, erasures: Erasures
) -> None:
    mailbox, first, second = box.key.public.mailbox, await keep(box), await keep(box)
    which: Which = "greeting"
    place = (box.database, erasures, box.objects, mailbox, which)

    assert await set_greeting(*place, first) is None
    assert await set_greeting(*place, first) is None
    receipt = await set_greeting(*place, second)

    assert receipt is not None
    assert receipt.messages == (first,)
    assert await named(box) == second
    assert not box.path(first).exists()
    assert await get_message_key(box.database, first, 0) is None
    assert await erasures.unfinished() == ()
    assert (await set_greeting(*place, None)) is not None
    assert await named(box) is None
    with pytest.raises(UnknownMessage):
        await get_message(box.database, TENANT, second)


async def test_what_a_caller_left_cannot_be_made_a_greeting(box: Kept, erasures: Erasures) -> None:
    message, mailbox = await box.leave(speech(0.2)), box.key.public.mailbox

    with pytest.raises(WrongState):
        await set_greeting(box.database, erasures, box.objects, mailbox, "greeting", message)

    assert await named(box) is None


async def test_a_greeting_on_hold_is_replaced_and_goes_when_it_is_released(
    box: Kept, erasures: Erasures
) -> None:
    mailbox, first, second = box.key.public.mailbox, await keep(box), await keep(box)
    which: Which = "greeting"
    place = (box.database, erasures, box.objects, mailbox, which)
    await set_greeting(*place, first)
    await hold_message(box.database, box.audit, TENANT, first, actor=ACTOR)

    assert await set_greeting(*place, second) is None

    assert await named(box) == second
    await age(box, first)
    held = await Round(erasures, box.objects).all()
    await hold_message(box.database, box.audit, TENANT, first, actor=ACTOR, on=False)
    released = await Round(erasures, box.objects).all()
    assert (held.erased, released.erased, released.objects) == (0, 1, 1)
    assert not box.path(first).exists()


class AwayToDelete(ObjectStore):
    """A store that takes objects, and cannot be reached when one is to go."""

    async def delete(self, name: str) -> None:
        """Be away."""
        raise ObjectsAway(f"{name}: away")


async def test_a_store_that_is_away_does_not_keep_the_new_greeting_from_being_heard(
    box: Kept, erasures: Erasures
) -> None:
    mailbox, first, second = box.key.public.mailbox, await keep(box), await keep(box)
    away = await asyncio.to_thread(AwayToDelete, directory_url(box.folder / "store"))
    await set_greeting(box.database, erasures, away, mailbox, "greeting", first)

    receipt = await set_greeting(box.database, erasures, away, mailbox, "greeting", second)

    assert receipt is not None
    assert box.path(first).exists()
    done = await Round(erasures, box.objects).all()
    assert (done.objects, done.failures) == (1, [])
    assert not box.path(first).exists()
    assert box.path(second).exists()


async def test_greetings_go_with_their_mailbox(box: Kept, erasures: Erasures) -> None:
    mailbox, message = box.key.public.mailbox, await keep(box)
    await set_greeting(box.database, erasures, box.objects, mailbox, "greeting", message)

    receipt = await erase_mailbox(erasures, TENANT, mailbox, actor=ACTOR)

    assert receipt.messages == (message,)
    assert await get_message_key(box.database, message, 0) is None


async def mailbox_of(plugin: Voicemail) -> str:
    return (await plugin.mailboxes.place(make_call())).destination.mailbox


async def known_to_be_full(plugin: Voicemail) -> None:
    async with asyncio.timeout(10):
        while not (await plugin.mailboxes.place(make_call())).destination.full:  # noqa: ASYNC110 - others make it so
            await asyncio.sleep(0.01)


async def test_a_greeting_by_phone_is_kept_however_short_and_however_full_the_mailbox_is(
    tmp_path: Path,
) -> None:
    async with voicemail(tmp_path, refresh_interval=0.02) as plugin:
        mailbox = await mailbox_of(plugin)
        rules = {"min_seconds": 2.0, "max_messages": 0}
        await change_mailbox(plugin.database, "example", mailbox, settings=rules)
        await known_to_be_full(plugin)
        tickets = [str(ULID()), str(ULID())]
        for ticket, kind in zip(tickets, ("greeting", "message"), strict=True):
            granted = {"mailbox": mailbox, "ticket": ticket, "kind": kind}
            call = make_call(granted=granted)
            await take(plugin, call, tone(call))
        await shipped(plugin)
        found = [await find_ticket(plugin.database, "example", ticket) for ticket in tickets]

    states = [message.state for message in found if message]
    assert states == ["greeting", "discarded"]
    greeting = found[0]
    assert greeting is not None
    assert (await contents(tmp_path, only=greeting.id))[greeting.id].seconds == 1.0
