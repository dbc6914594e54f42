import asyncio
import time
from collections import Counter
from datetime import datetime, timedelta

import pytest
from message_index import NOON, SECRET, make_mailbox
from sqlalchemy import update
from ulid import ULID

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_mailbox
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import UnknownMailbox
from listen_sinks.voicemail.index.pins import count_try, forgive, get_pin, put_pin
from listen_sinks.voicemail.index.schema import MailboxPinRow
from listen_sinks.voicemail.pins import TRIES, Cost, PinCheck, Pins, locked_until

CHEAP = Cost(memory=8, passes=1)
PIN, OTHER = "8265", "9371"
MINUTE = timedelta(minutes=1)


class Clock:
    """Says the time that a test wants it to be."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def pins_of(database: Database, clock: Clock | None = None, secret: bytes = SECRET) -> Pins:
    return Pins(database, secret, cost=CHEAP, clock=clock or Clock())


async def guess(pins: Pins, mailbox: str, times: int) -> list[str]:
    return [(await pins.check(mailbox, OTHER)).verdict for _ in range(times)]


async def test_the_right_pin_opens_and_says_whether_it_has_to_be_changed(
    database: Database,
) -> None:
    pins, box = pins_of(database), (await make_mailbox(database)).id

    await pins.set(box, PIN, must_change=True)
    first = await pins.check(box, PIN)
    await pins.set(box, OTHER, must_change=False)

    assert first == PinCheck("right", must_change=True, set_at=NOON)
    assert await pins.check(box, OTHER) == PinCheck("right", must_change=False, set_at=NOON)
    assert await pins.check(box, PIN) == PinCheck("wrong", must_change=False)


async def test_an_owners_new_pin_takes_the_place_of_the_one_that_was_said_and_of_no_other(
    database: Database,
) -> None:
    clock = Clock()
    pins, box = pins_of(database, clock), (await make_mailbox(database)).id
    await pins.set(box, PIN, must_change=True)
    said = (await pins.check(box, PIN)).set_at
    assert said is not None
    clock.now += MINUTE
    await pins.set(box, OTHER, must_change=False)  # by the operator, meanwhile

    assert await pins.replace(box, "4826", said) is None

    assert (await pins.check(box, OTHER)).verdict == "right"
    assert await pins.replace(box, "4826", clock.now) == clock.now
    assert (await pins.check(box, "4826")).verdict == "right"


async def test_after_five_wrong_ones_the_right_one_opens_nothing_for_a_quarter_of_an_hour(
    database: Database,
) -> None:
    clock = Clock()
    pins, box = pins_of(database, clock), (await make_mailbox(database)).id
    await pins.set(box, PIN, must_change=False)

    assert await guess(pins, box, TRIES) == ["wrong"] * TRIES
    assert (await pins.check(box, PIN)).verdict == "locked"
    clock.now += 15 * MINUTE - timedelta(seconds=1)
    assert (await pins.check(box, PIN)).verdict == "locked"
    clock.now += timedelta(seconds=1)
    assert (await pins.check(box, PIN)).verdict == "right"

    state = await pins.state(box)
    assert state is not None
    assert (state.failures, state.locked_until) == (0, None)


async def test_who_goes_on_guessing_is_locked_out_for_twice_as_long_each_time(
    database: Database,
) -> None:
    clock = Clock()
    pins, box = pins_of(database, clock), (await make_mailbox(database)).id
    await pins.set(box, PIN, must_change=False)

    locks = []
    for _ in range(2):
        await guess(pins, box, TRIES + 1)
        state = await pins.state(box)
        assert state is not None
        assert state.locked_until is not None
        locks.append(state.locked_until - clock.now)
        clock.now = state.locked_until

    assert locks == [15 * MINUTE, 30 * MINUTE]


async def test_guesses_at_once_count_as_many_as_one_after_the_other(database: Database) -> None:
    pins, box = pins_of(database), (await make_mailbox(database)).id
    await pins.set(box, PIN, must_change=False)

    checks = await asyncio.gather(*(pins.check(box, OTHER) for _ in range(20)))

    assert Counter(one.verdict for one in checks) == {"wrong": TRIES, "locked": 20 - TRIES}
    state = await pins.state(box)
    assert state is not None
    assert state.failures == TRIES


async def test_somebody_who_unlocks_it_lets_it_be_tried_at_once(database: Database) -> None:
    pins, box = pins_of(database), (await make_mailbox(database)).id
    await pins.set(box, PIN, must_change=False)
    await guess(pins, box, TRIES)

    assert await pins.unlock(box)
    assert (await pins.check(box, PIN)).verdict == "right"


async def test_a_new_pin_ends_a_lock(database: Database) -> None:
    pins, box = pins_of(database), (await make_mailbox(database)).id
    await pins.set(box, PIN, must_change=False)
    await guess(pins, box, TRIES)

    await pins.set(box, OTHER, must_change=False)

    assert (await pins.check(box, OTHER)).verdict == "right"


async def test_a_pin_that_was_replaced_while_it_was_verified_is_not_right(
    database: Database,
) -> None:
    pins, box = pins_of(database), (await make_mailbox(database)).id
    await pins.set(box, PIN, must_change=False)
    tried = await count_try(database, box, NOON, locked_until)
    await pins.set(box, OTHER, must_change=False)

    assert tried is not None
    assert not await forgive(database, box, tried.hash)


async def test_the_database_alone_does_not_tell_a_pin(database: Database) -> None:
    box = (await make_mailbox(database)).id
    await pins_of(database).set(box, PIN, must_change=False)

    assert (await pins_of(database, secret=bytes(32)).check(box, PIN)).verdict == "wrong"


async def test_a_hash_in_the_row_of_another_mailbox_opens_nothing(database: Database) -> None:
    pins = pins_of(database)
    mine, theirs = [(await make_mailbox(database)).id for _ in range(2)]
    await pins.set(mine, PIN, must_change=False)
    await pins.set(theirs, OTHER, must_change=False)

    async with database.writing() as session:
        row = await session.get_one(MailboxPinRow, mine)
        moved = update(MailboxPinRow).where(MailboxPinRow.mailbox == theirs)
        await session.execute(moved.values(hash=row.hash))

    assert (await pins.check(theirs, PIN)).verdict == "wrong"


async def test_a_row_that_somebody_has_damaged_opens_nothing(database: Database) -> None:
    box = (await make_mailbox(database)).id
    await put_pin(database, box, "no hash", must_change=False, now=NOON)

    assert (await pins_of(database).check(box, PIN)).verdict == "wrong"


async def test_what_no_telephone_opens_takes_as_much_work_as_a_wrong_pin(
    database: Database,
) -> None:
    pins, box = Pins(database, SECRET), (await make_mailbox(database)).id
    without = (await make_mailbox(database)).id
    await pins.set(box, PIN, must_change=False)

    async def work(mailbox: str, verdict: str) -> float:
        began = time.process_time()
        assert (await pins.check(mailbox, OTHER)).verdict == verdict
        return time.process_time() - began

    wrong = min([await work(box, "wrong") for _ in range(3)])
    none = min([await work(without, "none") for _ in range(3)])
    nobody = min([await work(str(ULID()), "none") for _ in range(3)])

    assert none > wrong / 2
    assert nobody > wrong / 2


async def test_without_a_pin_again_nobody_is_let_in(database: Database) -> None:
    pins, box = pins_of(database), (await make_mailbox(database)).id
    await pins.set(box, PIN, must_change=False)

    await pins.remove(box)

    assert (await pins.check(box, PIN)).verdict == "none"
    assert await pins.state(box) is None
    assert not await pins.unlock(box)


async def test_a_pin_goes_with_its_mailbox(database: Database, erasures: Erasures) -> None:
    await make_mailbox(database, catch_all=True)
    pins, box = pins_of(database), (await make_mailbox(database)).id
    await pins.set(box, PIN, must_change=False)

    await erase_mailbox(erasures, "acme", box, actor="user:1")

    assert await get_pin(database, box) is None
    assert (await pins.check(box, PIN)).verdict == "none"
    with pytest.raises(UnknownMailbox):
        await pins.set(box, PIN, must_change=False)
