"""What surrounds an owner's call: faults, locks, holds, the log, and what nobody may learn."""

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs
from ulid import ULID
from voicemail_phone import Phone
from voicemail_theatre import Stage, Theatre, opened

from listen_server.voicemail import greeting_flow
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.audit_reading import AuditWanted, read_audit
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.holds import hold_message
from listen_sinks.voicemail.index.schema import AuditRow
from listen_sinks.voicemail.pins import Cost, PinCheck, Pins

PIN = "4711"
CALLER = "+15550100007"


@pytest.fixture(scope="module")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    """One server for all."""
    async with opened(tmp_path_factory.mktemp("theatre")) as theatre:
        yield theatre


@pytest.fixture
async def stage(theatre: Theatre) -> Stage:
    """A mailbox."""
    made = Stage(theatre, f"t{str(ULID()).lower()[-20:]}", theatre.running.app.settings.data_dir)
    await made.mailbox("100", "+15550100001", pin=PIN)
    return made


async def test_a_message_of_another_mailbox_is_nowhere_to_be_found(stage: Stage) -> None:
    await stage.mailbox("200", pin="8027")
    other = await stage.message(1, CALLER, "200", "")
    phone = Phone(stage)
    await phone.ring(PIN)

    owner = phone.application.owners.of(stage.tenant, phone.state.mailbox or "")

    assert await owner.find(other) is None
    assert await owner.hear(other) is None
    assert await owner.save(other) is None
    assert await owner.delete(other) is None
    assert await owner.undelete(other) is None
    assert await owner.counts() == (0, 0)
    assert await stage.state(other) == "new"


async def test_what_one_call_knows_opens_nothing_in_another(stage: Stage) -> None:
    await stage.message(1, CALLER, "100", "")
    first, second = Phone(stage), Phone(stage)
    await first.ring(PIN)
    await second.ring()
    second.told["customer_data"] = first.told["customer_data"]
    second.asked = {"verb": "gather", "actionHook": "/owner/menu", "say": {}}

    assert "begin again" in await second.press("1")
    assert second.messages == []


async def test_a_right_pin_that_must_be_changed_opens_nothing_but_that(stage: Stage) -> None:
    await stage.message(1, CALLER, "100", "")
    mailbox = stage.boxes["100"].key.public.mailbox
    await (await stage.pins()).set(mailbox, PIN, must_change=True)
    phone = Phone(stage)
    await phone.ring(PIN)
    phone.asked = {"verb": "gather", "actionHook": "/owner/menu", "say": {}}

    assert "begin again" in await phone.press("1")
    assert phone.messages == []


@pytest.mark.parametrize("path", ["/owner/menu", "/owner/message", "/owner/new-pin"])
async def test_who_has_opened_one_mailbox_has_opened_no_other(stage: Stage, path: str) -> None:
    await stage.mailbox("200", pin="8027")
    await stage.message(1, CALLER, "200", "")
    mailbox = stage.boxes["100"].key.public.mailbox
    await (await stage.pins()).set(mailbox, PIN, must_change=path.endswith("pin"))
    phone = Phone(stage)
    await phone.ring(PIN)
    phone.asked = {"verb": "gather", "actionHook": "/owner/number", "say": {}}
    await phone.press("200")
    assert not phone.state.owner
    phone.asked = {"verb": "gather", "actionHook": path, "say": {}}

    assert "begin again" in await phone.press("1")
    assert phone.messages == []


async def test_no_pin_travels_with_the_call_and_none_is_logged(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    mailbox = stage.boxes["100"].key.public.mailbox
    await (await stage.pins()).set(mailbox, "84736251", must_change=True)
    phone = Phone(stage)

    await phone.ring("84736251")
    carried = phone.state.model_dump_json()
    await phone.press("93847562")
    carried += phone.state.model_dump_json()
    assert "Your PIN is changed." in await phone.press("93847562")

    carried += phone.state.model_dump_json() + repr(phone.state)
    written = "".join(capsys.readouterr())
    assert not any(pin in carried + written for pin in ("84736251", "93847562"))


async def test_it_takes_as_long_whether_there_is_a_mailbox_or_not(stage: Stage) -> None:
    secret = await asyncio.to_thread(stage.plugin.number_secret)
    mailbox = stage.boxes["100"].key.public.mailbox
    await Pins(stage.plugin.database, secret, cost=Cost()).set(mailbox, PIN, must_change=False)

    times: dict[str, list[float]] = {"100": [], "999": []}
    for number, taken in [*times.items()] * 4:
        phone = Phone(stage, "+15550100055")
        await phone.ring(number)
        began = perf_counter()
        said = await phone.press("1111")
        taken.append(perf_counter() - began)
        assert said.startswith("That is not right, or the mailbox is locked")

    there, nowhere = min(times["100"]), min(times["999"])  # others work on this machine, too
    assert 1 / 4 < there / nowhere < 4


async def test_a_lock_is_told_to_the_operator_when_it_comes_and_not_at_each_guess(
    stage: Stage,
) -> None:
    mailbox = stage.boxes["100"].key.public.mailbox
    tried: list[PinCheck] = []

    with capture_logs() as logs:
        for _ in range(2):
            phone = Phone(stage)
            phone.application.desk.pin_tried = tried.append
            await phone.ring("1111", "1111", "1111")
        phone = Phone(stage)
        await phone.ring(PIN)

    assert [one.verdict for one in tried] == ["wrong"] * 5 + ["locked"]
    assert [one.locks for one in tried] == [False] * 4 + [True, False]
    (told,) = [line for line in logs if "locked" in line["event"]]
    assert told["mailbox"] == mailbox
    assert "mailboxes unlock" in told["fix"]
    wanted = AuditWanted(mailbox=mailbox, verb="lock")
    locks = [entry.event async for entry in read_audit(stage.plugin.database, wanted)]
    assert locks == [AuditEvent("lock", "phone", mailbox)]


async def test_an_index_that_is_away_is_said(stage: Stage) -> None:
    await stage.message(1, CALLER, "100", "")
    phone = Phone(stage)
    await phone.ring(PIN)
    phone.application.__dict__["owners"] = _Away()

    assert "Your messages cannot be reached at the moment." in await phone.press("2")
    assert phone.asked is None


async def test_a_message_on_hold_stays_and_one_deleted_for_too_long_does_too(stage: Stage) -> None:
    kept = await stage.message(1, CALLER, "100", "")
    gone = await stage.message(1, CALLER, "100", "deleted")
    plugin = stage.plugin
    await hold_message(
        *(plugin.database, plugin.erasing.audit, stage.tenant, kept), actor="operator", on=True
    )
    await stage.rule("100", "undelete_days", "0")
    phone = Phone(stage)
    await phone.ring(PIN)

    assert "This message cannot be deleted." in await phone.press("3")
    await phone.press("0")
    assert "Deleted message" in await phone.press("3")
    assert "cannot be taken back any more" in await phone.press("3")
    assert (await stage.state(kept), await stage.state(gone)) == ("new", "deleted")


async def test_one_is_called_back_at_a_time(stage: Stage) -> None:
    stage.given["call_back_prefixes"] = ["+1555"]
    await stage.rule("100", "call_back", "yes")
    await stage.message(1, CALLER, "100", "")
    first, second, third = Phone(stage), Phone(stage), Phone(stage)
    await first.ring(PIN)
    await second.ring(PIN)
    await third.ring(PIN)

    assert "Calling 1 5 5 5" in await first.press("8")
    assert "Somebody is being called back" in await second.press("8")
    assert "Back to your messages." in await first.press("*")
    assert "Calling 1 5 5 5" in await second.press("8")
    await second.hang_up()
    assert "Calling 1 5 5 5" in await third.press("8")


async def test_a_greeting_that_does_not_arrive_changes_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greeting_flow, "_WAIT", 0.01)
    phone = Phone(stage)
    await phone.ring(PIN, "8", "2")

    assert "Your greeting stays as it was." in await phone.press("")  # no stream came about
    await phone.press("2")
    said = await phone.press("#")
    while "One moment" in said:
        said = await phone.press()

    assert "The recording has not worked." in said
    assert phone.asked is not None


async def test_a_greeting_for_a_while_comes_before_the_lasting_one(stage: Stage) -> None:
    mailbox = stage.boxes["100"].key.public.mailbox
    await stage.desk.profiles.change(stage.tenant, mailbox, {"temporary_greeting": "I am away."})
    phone = Phone(stage)
    await phone.ring(PIN, "8", "4")
    await phone.record(mailbox)

    assert "This is your greeting for a while." in await phone.press("1")
    await phone.press("1")
    assert len(phone.messages) == 1
    assert await stage.state(phone.messages[0]) == "greeting"
    assert "is at its end" in await phone.press("5")
    assert "Nobody can take your call" in await phone.press("1")
    assert await stage.state(phone.messages[0]) == "gone"


async def test_a_recording_says_whose_it_is_and_brings_the_keys_along(stage: Stage) -> None:
    phone = Phone(stage)
    await phone.ring(PIN, "0", "8", "2")

    assert phone.asked is not None
    assert phone.asked["verb"] == "listen"
    assert phone.asked["metadata"]["mailbox"] == phone.state.mailbox
    assert phone.asked["passDtmf"] is True


async def test_the_key_that_ends_a_greeting_is_the_one_that_is_set(stage: Stage) -> None:
    stage.given["finish_on_key"] = "*"
    phone = Phone(stage)
    await phone.ring(PIN, "8")

    assert "press the star key at the end" in await phone.press("2")
    assert phone.asked is not None
    assert phone.asked["finishOnKey"] == "*"


async def test_a_message_without_audio_is_said_to_have_none(stage: Stage) -> None:
    empty = await stage.message(0, CALLER, "100", "")
    phone = Phone(stage)
    await phone.ring(PIN)

    assert "There is nothing to hear in this message." in await phone.press()
    assert await stage.state(empty) == "heard"


async def test_dates_are_said_where_the_owner_is(stage: Stage) -> None:
    await stage.message(1, CALLER, "100", "")  # on January 2, 2026, 03:04:05 UTC
    stage.given["time_zone"] = "Europe/Berlin"
    berlin = await asyncio.to_thread(Phone, stage)  # settings read the files of time zones
    kolkata = await asyncio.to_thread(Phone, stage)

    await berlin.ring(PIN)
    await stage.rule("100", "time_zone", "Asia/Kolkata")
    await kolkata.ring(PIN)

    assert "at 4 oh 4 am" in berlin.heard[-1]
    assert "at 8 34 am" in kolkata.heard[-1]


async def test_the_log_says_that_it_was_the_phone(stage: Stage) -> None:
    message = await stage.message(1, CALLER, "100", "")
    mailbox = stage.boxes["100"].key.public.mailbox
    phone = Phone(stage)
    await phone.ring("1111", PIN, "3", "3", "2")

    found = [one for one in await _audited(stage) if one[0].startswith("phone")]
    assert ("phone", "listen", mailbox, "refused") in found
    assert (f"phone:{mailbox}", "listen", mailbox, "ok") in found
    told = [verb for _, verb, subject, _ in found if subject == message]
    assert told == ["listen", "delete", "undelete", "change"]


class _Away:
    """A store that does not answer."""

    async def is_pin(self, mailbox: str, _set_at: object) -> None:
        raise IndexAway(mailbox)


async def _audited(stage: Stage) -> list[tuple[str, str, str | None, str]]:
    async with stage.plugin.database.reading() as session:
        rows = await session.scalars(select(AuditRow).order_by(AuditRow.chain, AuditRow.number))
        return [(row.actor, row.verb, row.subject, row.result) for row in rows]
