"""Messages that are read back: to the sample, by ranges, in parts, damaged, cut, missing."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from stored_messages import ACTOR, META, MONO, STEREO, TENANT, Kept, faults, kept, speech

from listen_codecs.files import read_audio
from listen_codecs.formats import AudioFormat
from listen_codecs.peaks import PeakCollector
from listen_codecs.wav import HEADER_BYTES
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.index.audit_check import check_audit
from listen_sinks.voicemail.index.errors import UnknownMessage, WrongState
from listen_sinks.voicemail.index.mailbox_keys import destroy_keys
from listen_sinks.voicemail.index.messages import delete_message
from listen_sinks.voicemail.index.parts import list_parts
from listen_sinks.voicemail.index.schema import AuditRow, SealedValueRow
from listen_sinks.voicemail.keys import KeysAway
from listen_sinks.voicemail.lsv1 import CHUNK, SEALED_CHUNK
from listen_sinks.voicemail.playback import Playback

HOUR = 3600 * 8000  # frames


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept(tmp_path) as made:
        yield made


async def opened(box: Kept, message: str, part: int | None = None) -> Playback:
    return await box.store.open(TENANT, message, actor=ACTOR, part=part)


async def checked(box: Kept, message: str) -> list[str]:
    (part,) = await list_parts(box.database, TENANT, message)
    return faults(await box.store.check(message, part, actor=ACTOR))


async def audited(box: Kept) -> list[tuple[str, str | None, str]]:
    async with box.database.reading() as session:
        rows = await session.scalars(select(AuditRow).order_by(AuditRow.number))
        return [(row.verb, row.subject, row.result) for row in rows if row.number]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("form", [MONO, STEREO, AudioFormat(64000, "stereo")])
async def test_a_message_is_read_back_to_the_sample(box: Kept, form: AudioFormat) -> None:
    left = speech(2.5, form)

    playback = await opened(box, await box.leave(left, form))

    assert (playback.sample_rate, playback.channels) == (form.sample_rate, form.channels)
    assert playback.seconds == 2.5
    assert (await playback.samples() == left).all()
    assert (np.concatenate([b async for b in playback.blocks()], axis=1) == left).all()
    assert playback.findings == ()


async def test_a_message_without_a_sample_is_an_empty_wav_file(box: Kept) -> None:
    playback = await opened(box, await box.leave(speech(0)))

    assert playback.findings == ()
    assert len(await playback.wav()) == HEADER_BYTES
    assert (await playback.samples()).shape == (1, 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(start=st.integers(0, 2 * CHUNK + 300), length=st.integers(0, 2 * CHUNK))
async def test_any_range_of_the_wav_file_is_a_slice_of_it(
    box: Kept, start: int, length: int
) -> None:
    playback = await opened(box, await box.leave(speech(2.1)))
    whole = await playback.wav()

    block, rate = read_audio(io.BytesIO(whole))

    assert (rate, len(whole)) == (8000, playback.wav_bytes)
    assert (block == await playback.samples()).all()
    assert await playback.wav(start, start + length) == whole[start : start + length]
    assert (
        await playback.plain(start, start + length) == whole[HEADER_BYTES:][start : start + length]
    )
    assert b"".join([b async for b in playback.wav_blocks(start)]) == whole[start:]


async def test_a_range_in_the_middle_of_an_hour_reads_little_of_it(box: Kept) -> None:
    left = speech(3600)
    message = await box.leave(left, peaks=False)

    playback = await opened(box, message)
    middle = await playback.wav(HEADER_BYTES + HOUR, HEADER_BYTES + HOUR + 16000)

    assert middle == left[:, HOUR // 2 : HOUR // 2 + 8000].tobytes()
    assert box.objects.bytes_read < 100 * 1024


async def test_parts_are_heard_one_after_the_other(box: Kept) -> None:
    first, second = speech(1.3), speech(0.7, seed=2)
    message = await box.leave(first)
    await box.leave(second, message=message, part=1, pieces=3)

    playback = await opened(box, message)

    assert (await playback.samples() == np.concatenate([first, second], axis=1)).all()
    assert (
        await playback.samples(10000, 10900) == np.hstack([first, second])[:, 10000:10900]
    ).all()
    assert playback.findings == ()


async def test_a_part_of_another_format_is_named_and_opens_by_itself(box: Kept) -> None:
    mono, stereo = speech(0.5), speech(0.5, STEREO)
    message = await box.leave(mono)
    await box.leave(stereo, STEREO, message=message, part=1)

    joined, alone = await opened(box, message), await opened(box, message, part=1)

    assert (await joined.samples() == mono).all()
    assert faults(joined.findings) == ["other format"]
    assert (await alone.samples() == stereo).all()


async def test_what_a_killed_process_left_is_read_to_its_last_sample(box: Kept) -> None:
    left = speech(3.3)
    message = await box.leave(left, outcome="interrupted", sealed=False)

    playback = await opened(box, message)

    assert (await playback.samples() == left).all()
    assert playback.findings == ()
    assert await checked(box, message) == []


async def test_a_complete_call_without_an_end_is_reported_and_heard(box: Kept) -> None:
    left = speech(3.3)
    message = await box.leave(left, sealed=False)

    playback = await opened(box, message)

    assert faults(playback.findings) == ["unsealed"]
    assert (await playback.samples() == left).all()
    assert await checked(box, message) == ["unsealed"]


async def test_a_flipped_byte_costs_its_chunk_and_is_reported_when_it_is_met(box: Kept) -> None:
    left = speech(5)
    message = await box.leave(left)
    flip(box.path(message), -2 * SEALED_CHUNK)

    playback = await opened(box, message)
    assert playback.findings == ()
    heard = await playback.samples()

    lost = heard[0] != left[0]
    assert faults(playback.findings) == ["damaged"]
    assert 0 < lost.sum() <= CHUNK // 2
    assert not heard[0][lost].any()
    assert await checked(box, message) == ["changed", "damaged"]


async def test_a_flipped_byte_in_the_last_chunk_is_no_honest_end(box: Kept) -> None:
    left = speech(5)
    message = await box.leave(left)
    flip(box.path(message), -1)

    playback = await opened(box, message)

    assert faults(playback.findings) == ["changed"]
    assert (await playback.samples() == left[:, : playback.frames]).all()
    assert playback.frames == left.shape[1] * 2 // CHUNK * CHUNK // 2
    assert await checked(box, message) == ["changed"]


async def test_a_flipped_byte_anywhere_is_noticed_and_never_heard(box: Kept) -> None:
    left = speech(4)
    message = await box.leave(left, peaks=False)
    data = box.path(message).read_bytes()

    for at in {*range(0, len(data), 997), 0, 7, len(data) - SEALED_CHUNK, len(data) - 1}:
        flip(box.path(message), at)
        heard = (await (playback := await opened(box, message)).samples())[0]
        assert playback.findings, at
        same = heard == left[0][: heard.size]
        assert not heard[~same].any(), at  # silence, and no other samples
        assert await checked(box, message) != [], at
        box.path(message).write_bytes(data)

    assert (await opened(box, message)).findings == ()
    assert await checked(box, message) == []


async def test_an_object_that_is_erased_while_it_is_heard_is_no_crash(box: Kept) -> None:
    left = speech(4)
    message = await box.leave(left)
    playback = await opened(box, message)

    box.path(message).unlink()
    heard = await playback.samples()

    assert faults(playback.findings) == ["damaged"]
    assert heard.shape == left.shape


async def test_a_flipped_byte_in_front_leaves_nothing_to_hear(box: Kept) -> None:
    message = await box.leave(speech(1))
    flip(box.path(message), 100)

    playback = await opened(box, message)

    assert (faults(playback.findings), playback.frames) == (["refused"], 0)
    assert await checked(box, message) == ["refused"]


@pytest.mark.parametrize("lost", [1, SEALED_CHUNK, 3 * SEALED_CHUNK])
async def test_a_cut_object_is_heard_up_to_its_last_whole_chunk(box: Kept, lost: int) -> None:
    left = speech(5)
    message = await box.leave(left)
    data = box.path(message).read_bytes()
    box.path(message).write_bytes(data[:-lost])

    playback = await opened(box, message)
    heard = await playback.samples()

    assert faults(playback.findings) == ["cut"]
    assert 0 < playback.frames < left.shape[1]
    assert (heard == left[:, : playback.frames]).all()
    assert await checked(box, message) == ["cut"]


async def test_an_object_that_has_grown_is_reported_and_heard(box: Kept) -> None:
    left = speech(1)
    message = await box.leave(left)
    box.path(message).write_bytes(box.path(message).read_bytes() + bytes(100))

    playback = await opened(box, message)

    assert faults(playback.findings) == ["changed"]
    assert (await playback.samples() == left).all()


async def test_a_missing_object_is_reported_as_missing(box: Kept) -> None:
    message = await box.leave(speech(1))
    box.path(message).unlink()

    playback = await opened(box, message)

    assert (faults(playback.findings), playback.frames) == (["missing"], 0)
    assert await checked(box, message) == ["missing"]


async def test_a_missing_piece_is_silence_and_the_rest_stays_in_its_place(box: Kept) -> None:
    left = speech(10)
    message = await box.leave(left, pieces=3)
    box.path(message).with_name(f"{message}.0.lsv1.1").unlink()

    playback = await opened(box, message)
    heard = await playback.samples()

    assert "missing" in faults(playback.findings)
    assert heard.shape == left.shape
    assert (heard[:, :20000] == left[:, :20000]).all()
    assert (heard[:, -20000:] == left[:, -20000:]).all()


async def test_the_part_behind_one_that_was_cut_stays_in_its_time(box: Kept) -> None:
    first, second = speech(5), speech(1, seed=2)
    message = await box.leave(first)
    await box.leave(second, message=message, part=1)
    box.path(message).write_bytes(box.path(message).read_bytes()[:-SEALED_CHUNK])

    playback = await opened(box, message)

    assert playback.seconds == 6
    assert (await playback.samples(40000) == second).all()
    assert faults(playback.findings) == ["cut"]


async def test_another_messages_audio_does_not_pass_for_it(box: Kept) -> None:
    message, other = await box.leave(speech(1)), await box.leave(speech(1, seed=2))
    box.path(message).write_bytes(box.path(other).read_bytes())

    assert faults((await opened(box, message)).findings) == ["refused"]


async def test_a_message_whose_key_is_destroyed_says_so(box: Kept) -> None:
    message = await box.leave(speech(1))
    async with box.database.writing() as session:
        await destroy_keys(session, box.key.public.mailbox)

    playback = await opened(box, message)

    assert (faults(playback.findings), playback.frames) == (["no key"], 0)
    assert await checked(box, message) == ["no key"]


async def test_with_the_root_away_nothing_opens_and_all_of_it_does_when_it_is_back(
    box: Kept,
) -> None:
    message = await box.leave(speech(1))
    away, there = box.folder / "away", box.folder / "root.keys"
    there.rename(away)

    with pytest.raises(KeysAway):
        await opened(box, message)
    with pytest.raises(KeysAway):
        await box.store.describe(TENANT, message, actor=ACTOR)
    away.rename(there)

    assert (await opened(box, message)).findings == ()
    assert ("listen", message, "failed") in await audited(box)


async def test_a_store_that_is_away_is_not_told_as_a_loss(box: Kept) -> None:
    message = await box.leave(speech(5))
    playback = await opened(box, message)

    async def away(name: str, offset: int, length: int) -> bytes:
        del name, offset, length
        raise ObjectsAway("the store does not answer in time")

    box.objects.read = away  # type: ignore[method-assign]
    with pytest.raises(ObjectsAway):
        await playback.samples()
    with pytest.raises(ObjectsAway):
        await opened(box, message)


async def test_every_reading_is_in_an_audit_log_that_holds(box: Kept) -> None:
    message = await box.leave(speech(1))
    unknown = message[:-1] + ("0" if message[-1] != "0" else "1")

    await opened(box, message)
    await box.store.open(TENANT, message, actor=ACTOR, reading="export")
    with pytest.raises(UnknownMessage):
        await opened(box, unknown)
    with pytest.raises(UnknownMessage):
        await opened(box, "+4420794600")
    with pytest.raises(UnknownMessage):
        await box.store.open("other", message, actor=ACTOR)

    assert await audited(box) == [
        ("use-key", box.key.public.mailbox, "ok"),
        ("listen", message, "ok"),
        ("export", message, "ok"),
        ("listen", unknown, "refused"),
        ("listen", message, "refused"),
    ]
    assert (await check_audit(box.database, box.audit.trusted)).problems == ()


async def test_a_deleted_message_is_not_read(box: Kept) -> None:
    message = await box.leave(speech(1))
    (part,) = await list_parts(box.database, TENANT, message)
    await delete_message(box.database, TENANT, message, part.ended_at)

    with pytest.raises(WrongState, match="is deleted"):
        await opened(box, message)


@pytest.mark.parametrize("sealed_ones", [True, False])
async def test_the_outline_is_that_of_the_audio(box: Kept, sealed_ones: bool) -> None:  # noqa: FBT001 - a case
    left = speech(3, STEREO)
    collector = PeakCollector()
    collector.feed(left)

    playback = await opened(box, await box.leave(left, STEREO, peaks=sealed_ones))
    outline = await playback.outline()

    assert outline.frames_per_bucket == collector.frames_per_bucket
    assert (outline.peaks == collector.peaks).all()


async def test_metadata_is_read_and_what_was_changed_of_it_is_reported(box: Kept) -> None:
    message = await box.leave(speech(1))

    described = await box.store.describe(TENANT, message, actor=ACTOR)
    async with box.database.writing() as session:
        await session.execute(update(SealedValueRow).values(value=b"\x01" + bytes(40)))
    broken = await box.store.describe(TENANT, message, actor=ACTOR)

    assert described.meta == json.loads(META)
    assert (broken.meta, faults(broken.findings)) == (None, ["damaged"])
    assert await checked(box, message) == ["damaged", "damaged"]
    assert (await (await opened(box, message)).outline()).peaks.size


async def test_a_digest_is_checked_without_any_key(box: Kept) -> None:
    message = await box.leave(speech(1))
    (part,) = await list_parts(box.database, TENANT, message)
    (box.folder / "root.keys").unlink()

    right = await box.store.check(message, part, actor=ACTOR, with_keys=False)
    wrong = await box.store.check(
        message, replace(part, digest=bytes(32)), actor=ACTOR, with_keys=False
    )

    assert faults(right) == []
    assert faults(wrong) == ["changed"]


async def test_many_can_listen_at_once(box: Kept) -> None:
    left = [speech(1, seed=number) for number in range(20)]
    messages = [await box.leave(block) for block in left]

    playbacks = await asyncio.gather(*(opened(box, message) for message in messages))
    heard = await asyncio.gather(*(playback.samples() for playback in playbacks))

    assert all((one == other).all() for one, other in zip(heard, left, strict=True))
