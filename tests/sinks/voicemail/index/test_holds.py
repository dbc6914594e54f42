import pytest
from message_index import NOON, make_audit, make_mailbox, make_part, ship

from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.erasure import erase_caller, erase_mailbox, erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import OnHold
from listen_sinks.voicemail.index.holds import hold_mailbox, hold_message
from listen_sinks.voicemail.index.messages import change_state, delete_message, get_message
from listen_sinks.voicemail.index.redaction import replace_parts

ACTOR = "user:01kb"
CALLER = "c" * 64


@pytest.mark.parametrize("what", ["message", "mailbox"])
async def test_nothing_deletes_what_is_on_hold_until_it_is_released(
    database: Database, erasures: Erasures, what: str
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id, caller=CALLER)
    audit = erasures.audit

    async def hold(*, on: bool) -> None:
        if what == "message":
            await hold_message(database, audit, "acme", part.message, actor=ACTOR, on=on)
        else:
            await hold_mailbox(database, audit, "acme", mailbox.id, actor=ACTOR, on=on)

    await hold(on=True)

    with pytest.raises(OnHold):
        await delete_message(database, "acme", part.message, NOON)
    with pytest.raises(OnHold):
        await erase_message(erasures, "acme", part.message, actor=ACTOR)
    with pytest.raises(OnHold):
        await erase_mailbox(erasures, "acme", mailbox.id, actor=ACTOR)
    new = make_part(mailbox.id, part.message, 1)
    with pytest.raises(OnHold):
        await replace_parts(erasures, "acme", part.message, [0], [new], actor=ACTOR)
    receipt = await erase_caller(erasures, "acme", CALLER, actor=ACTOR)
    assert (receipt.messages, receipt.held) == ((), (part.message,))
    await change_state(database, "acme", part.message, "heard", NOON)

    await hold(on=False)

    receipt = await erase_message(erasures, "acme", part.message, actor=ACTOR)
    assert receipt.messages == (part.message,)


async def test_a_hold_on_a_mailbox_holds_what_comes_later(
    database: Database, erasures: Erasures
) -> None:
    mailbox = await make_mailbox(database)
    await hold_mailbox(database, make_audit(), "acme", mailbox.id, actor=ACTOR)

    part = await ship(database, mailbox.id)

    with pytest.raises(OnHold):
        await erase_message(erasures, "acme", part.message, actor=ACTOR)


async def test_releasing_a_mailbox_does_not_release_a_message_of_its_own_hold(
    database: Database,
) -> None:
    mailbox = await make_mailbox(database)
    part = await ship(database, mailbox.id)
    audit = make_audit()
    await hold_message(database, audit, "acme", part.message, actor=ACTOR)
    await hold_mailbox(database, audit, "acme", mailbox.id, actor=ACTOR)

    await hold_mailbox(database, audit, "acme", mailbox.id, actor=ACTOR, on=False)

    assert (await get_message(database, "acme", part.message)).legal_hold
    with pytest.raises(OnHold):
        await delete_message(database, "acme", part.message, NOON)
