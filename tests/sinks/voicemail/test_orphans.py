from datetime import UTC, datetime, timedelta
from pathlib import Path

from stored_messages import ACTOR, TENANT, InMemory, Kept, kept, speech
from ulid import ULID

from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.ledger import Ledger
from listen_sinks.voicemail.orphans import YOUNG, find_orphans


async def orphans(box: Kept, now: datetime) -> tuple[int, dict[str, str]]:
    looked, found = 0, dict[str, str]()
    async for number, some in find_orphans(box.database, box.objects, now):
        looked += number
        found.update({orphan.name: orphan.kind for orphan in some})
    return looked, found


async def test_objects_that_no_message_has_are_found_and_told_apart(tmp_path: Path) -> None:
    later = datetime.now(UTC) + YOUNG + timedelta(seconds=5)
    async with kept(tmp_path) as box:
        await box.leave(speech(0.2), pieces=3)
        erased = await box.leave(speech(0.2))
        erasures = Erasures(box.database, box.audit, Ledger(tmp_path / "erasures.jsonl"))
        await erase_message(erasures, TENANT, erased, actor=ACTOR)
        lost = f"v1/{box.key.public.mailbox}/{ULID()}.0.lsv1"
        for name in (lost, "notes.txt"):
            await box.objects.put(name, InMemory(b"noise"))

        looked, found = await orphans(box, later)

    assert looked == 6
    assert found == {
        f"v1/{box.key.public.mailbox}/{erased}.0.lsv1": "erased",
        lost: "unknown",
        "notes.txt": "foreign",
    }


async def test_what_may_be_on_its_way_into_the_index_is_no_orphan_yet(tmp_path: Path) -> None:
    async with kept(tmp_path) as box:
        name = f"v1/{box.key.public.mailbox}/{ULID()}.0.lsv1"
        await box.objects.put(name, InMemory(b"noise"))

        looked, found = await orphans(box, datetime.now(UTC))

    assert (looked, found) == (1, {})
