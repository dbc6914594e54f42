import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from message_index import make_part
from stored_messages import ACTOR, META, MONO, STEREO, TENANT, Kept, kept, speech

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.peaks import PeakCollector
from listen_sinks.objects import ObjectStore, Source, directory_url
from listen_sinks.transcript.api import Result, Word
from listen_sinks.transcript.collected import Transcript, decode, encode
from listen_sinks.voicemail.index.erasures import Erasures
from listen_sinks.voicemail.index.errors import OnHold, WrongState
from listen_sinks.voicemail.index.holds import hold_mailbox, hold_message
from listen_sinks.voicemail.index.ledger import Ledger
from listen_sinks.voicemail.index.messages import get_message
from listen_sinks.voicemail.index.parts import get_message_key, list_parts, put_value
from listen_sinks.voicemail.index.shipping import record_shipped
from listen_sinks.voicemail.keys import seal_message_key
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.lsv1 import new_message_key
from listen_sinks.voicemail.redacting import Redacting
from listen_sinks.voicemail.removing import remove_objects
from listen_sinks.voicemail.resealing import NotRedacted
from listen_sinks.voicemail.sealed import Label, seal
from listen_sinks.voicemail.silencing import Span
from listen_sinks.voicemail.unlocking import Unlocking


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept(tmp_path) as made:
        yield made


def erasures_of(box: Kept) -> Erasures:
    return Erasures(box.database, box.audit, Ledger(box.folder / "erasures.jsonl"))


async def redacted(box: Kept, message: str, start: float, stop: float) -> None:
    erasures = erasures_of(box)
    redacting = Redacting(box.store, box.objects, erasures)
    receipt = await redacting.redact(TENANT, message, Span(start, stop), actor=ACTOR)
    await remove_objects(erasures, box.objects, receipt)


async def heard(box: Kept, message: str) -> AudioBlock:
    playback = await box.store.open(TENANT, message, actor=ACTOR)
    found = await playback.samples()
    assert playback.findings == ()
    return found


@pytest.mark.parametrize("form", [MONO, STEREO])
async def test_a_range_is_silent_and_every_other_sample_stays(box: Kept, form: AudioFormat) -> None:
    audio = speech(5.0, form)
    message = await box.leave(audio, form)
    old = await get_message_key(box.database, message, 0)
    before = box.path(message).read_bytes()

    await redacted(box, message, 1.0, 2.5)

    expected = np.array(audio)
    expected[:, form.sample_rate : round(2.5 * form.sample_rate)] = 0
    assert np.array_equal(await heard(box, message), expected)
    (part,) = await list_parts(box.database, TENANT, message)
    new = await get_message_key(box.database, message, 1)
    assert (part.part, part.frames) == (1, audio.shape[1])
    assert await box.store.check(message, part, actor=ACTOR) == ()
    assert old is not None
    assert new is not None
    assert new.envelope != old.envelope
    assert not box.path(message).exists()
    after = box.path(message, 1).read_bytes()
    assert len(after) == len(before)
    assert after[200:] != before[200:]
    files = b"".join(path.read_bytes() for path in box.folder.glob("index.db*"))
    assert old.envelope not in files


async def test_the_outline_shows_the_silence_and_not_what_was_there(box: Kept) -> None:
    message = await box.leave(speech(4.0))
    await redacted(box, message, 0.0, 2.0)

    outline = await (await box.store.open(TENANT, message, actor=ACTOR)).outline()

    silent = outline.peaks[0, : 16000 // outline.frames_per_bucket]
    collector = PeakCollector()
    collector.feed(await heard(box, message))
    assert not silent.any()
    assert outline.peaks.any()
    assert "peaks" in await box.store.values(message, 1, actor=ACTOR)


async def test_keys_and_words_of_the_range_go_with_it(box: Kept) -> None:
    meta = json.loads(META)
    meta["events"] = [
        {"at": at, "event": "dtmf", "digit": str(digit), "duration": 0.2}
        for at, digit in [(1.0, 1), (10.0, 4), (12.0, 7), (19.0, 9)]
    ]
    message = await box.leave(speech(20.0), meta=json.dumps(meta).encode())
    words = (Word("call", 0.5, 1.0), Word("me", 1.0, 1.5))
    spoken = Transcript("test", "en", whole=True)
    spoken.add(Result("call me", 0, 0.5, 1.5, is_final=True, words=words))
    spoken.add(Result("four two", 0, 9.0, 14.0, is_final=True))
    key = await Unlocking(box.database, box.provider, box.audit).message_key(
        message, 0, actor=ACTOR
    )
    sealed = seal(key, "transcript", value_context(message, 0), encode(spoken))
    await put_value(box.database, message, 0, "transcript", sealed)

    await redacted(box, message, 9.5, 13.0)

    values = await box.store.values(message, 1, actor=ACTOR)
    left = json.loads(values["meta"])
    said = decode(values["transcript"])
    assert [event["digit"] for event in left["events"]] == ["1", "9"]
    assert left["erased"] == [{"at": 9.5, "seconds": 3.5}]
    assert left["call"] == meta["call"]
    assert said.text() == "call me"
    assert said.uncovered == [(9.5, 13.0)]


@pytest.mark.parametrize("label", ["transcript", "words"])
async def test_words_that_came_later_lose_what_was_said_in_the_range(
    box: Kept, label: Label
) -> None:
    message = await box.leave(speech(20.0))
    spoken = Transcript("test", "en", whole=True)
    spoken.add(Result("call me", 0, 0.5, 1.5, is_final=True))
    spoken.add(Result("four two", 0, 9.0, 14.0, is_final=True))
    key = new_message_key()
    words = make_part(
        box.key.public.mailbox,
        message,
        1,
        envelope=seal_message_key(key, box.key.public, message, 1),
        frames=0,
        size=0,
        ranges=(),
        values={label: seal(key, label, value_context(message, 1), encode(spoken))},
    )
    await record_shipped(box.database, words)

    await redacted(box, message, 9.5, 13.0)

    audio, said = await list_parts(box.database, TENANT, message)
    values = await box.store.values(message, said.part, actor=ACTOR)
    assert (audio.part, said.part) == (2, 3)
    assert decode(values[label]).text() == "call me"
    assert await get_message_key(box.database, message, 1) is None


async def test_of_several_parts_only_those_it_touches_are_written_anew(box: Kept) -> None:
    message = await box.leave(speech(2.0, seed=1))
    await box.leave(speech(2.0, seed=2), message=message, part=1)
    await box.leave(speech(2.0, seed=3), message=message, part=2)
    before = await heard(box, message)

    await redacted(box, message, 1.5, 3.0)

    expected = np.array(before)
    expected[:, 12000:24000] = 0
    assert [part.part for part in await list_parts(box.database, TENANT, message)] == [3, 4, 2]
    assert np.array_equal(await heard(box, message), expected)
    assert (await get_message(box.database, TENANT, message)).seconds == 6.0


async def test_it_can_be_done_again_elsewhere_in_the_message(box: Kept) -> None:
    audio = np.array(speech(3.0))
    message = await box.leave(audio)

    await redacted(box, message, 0.0, 1.0)
    await redacted(box, message, 2.0, 99.0)

    audio[:, :8000] = 0
    audio[:, 16000:] = 0
    assert np.array_equal(await heard(box, message), audio)
    assert [part.part for part in await list_parts(box.database, TENANT, message)] == [2]


@pytest.mark.parametrize("what", ["message", "mailbox"])
async def test_what_is_on_hold_stays_as_it_is(box: Kept, what: str) -> None:
    message = await box.leave(speech(1.0))
    hold = {"database": box.database, "audit": box.audit, "tenant": TENANT, "actor": ACTOR}
    if what == "message":
        await hold_message(message=message, **hold)  # type: ignore[arg-type] # each is what it is called
    else:
        await hold_mailbox(mailbox=box.key.public.mailbox, **hold)  # type: ignore[arg-type] # the same

    with pytest.raises(OnHold):
        await redacted(box, message, 0.0, 0.5)

    assert np.array_equal(await heard(box, message), speech(1.0))
    assert [path.name for path in box.path(message).parent.iterdir()] == [box.path(message).name]


async def test_a_damaged_message_is_not_sealed_anew_as_if_it_were_whole(box: Kept) -> None:
    message = await box.leave(speech(10.0))
    data = bytearray(box.path(message).read_bytes())
    data[40_000] ^= 1
    box.path(message).write_bytes(data)

    with pytest.raises(NotRedacted, match="nothing was changed"):
        await redacted(box, message, 0.0, 0.5)

    assert [part.part for part in await list_parts(box.database, TENANT, message)] == [0]
    assert [path.name for path in box.path(message).parent.iterdir()] == [box.path(message).name]


@pytest.mark.parametrize(("start", "stop"), [(1.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (0.0, np.nan)])
def test_a_range_that_is_none_is_refused(start: float, stop: float) -> None:
    with pytest.raises(ValueError, match="a range of time"):
        Span(start, stop)


async def test_a_range_behind_the_end_is_told(box: Kept) -> None:
    message = await box.leave(speech(1.0))

    with pytest.raises(NotRedacted, match=r"1\.00 s long"):
        await redacted(box, message, 1.5, 2.0)


async def test_of_two_at_once_none_loses_the_others_range(box: Kept) -> None:
    message = await box.leave(speech(4.0))
    first, second = (Redacting(box.store, box.objects, erasures_of(box)) for _ in range(2))

    class Slow(ObjectStore):
        async def put(self, name: str, source: Source) -> None:
            await first.redact(TENANT, message, Span(0.0, 1.0), actor=ACTOR)
            await super().put(name, source)

    second._objects = Slow(directory_url(box.folder / "store"))
    await second._objects.open()
    with pytest.raises(WrongState, match="try again"):
        await second.redact(TENANT, message, Span(2.0, 3.0), actor=ACTOR)
    second._objects = box.objects
    await second.redact(TENANT, message, Span(2.0, 3.0), actor=ACTOR)

    expected = np.array(speech(4.0))
    expected[:, :8000] = 0
    expected[:, 16000:24000] = 0
    assert np.array_equal(await heard(box, message), expected)
