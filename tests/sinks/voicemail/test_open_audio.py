"""Audio is lent by its place in the stream, whatever the message itself never got."""

from pathlib import Path

import numpy as np
import pytest
from mailbox_contents import voicemail
from spooled import begin, ended, noise, spooling

from listen_sinks.api import Gap
from listen_sinks.testing import make_call, make_outcome, tone
from listen_sinks.transcript.kept import SHELF
from listen_sinks.voicemail import open_audio as module
from listen_sinks.voicemail.open_audio import OpenAudio


def places(audio: np.ndarray, gaps: list[tuple[int, int]]) -> dict[int, int]:
    """Return the samples of a stream by frame, for audio that came with holes before frames."""
    found = {}
    at = 0
    for sample in audio[0].tolist():
        at += sum(frames for start, frames in gaps if start == at)
        found[at] = sample
        at += 1
    return found


async def test_frames_are_those_of_the_stream_before_between_and_behind_gaps(
    tmp_path: Path,
) -> None:
    audio = noise(1.0)
    gaps = [(800, 400), (3200, 1600)]
    there = places(audio, gaps)
    async with spooling(tmp_path) as (spool, _):
        stream = await spool.begin(begin)
        stream.put(audio)
        lent = OpenAudio(stream)
        for start, frames in gaps:
            lent.skip(start / 8000, frames / 8000)
        for start, stop in [
            (0, 800),
            (0, 10000),
            (700, 1300),
            (900, 1000),
            (1199, 1201),
            (3100, 5000),
            (9999, 10000),
            (9000, 20000),
        ]:
            read = {
                piece.start + number: sample
                for piece in await lent.read(start, stop)
                for number, sample in enumerate(piece.block[0].tolist())
            }
            assert read == {at: one for at, one in there.items() if start <= at < stop}
        await stream.end(ended(), bytes)


async def test_gaps_without_end_cost_no_memory_and_nothing_wrong_is_lent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_GAPS", 2)
    audio = noise(1.0)
    async with spooling(tmp_path) as (spool, _):
        stream = await spool.begin(begin)
        stream.put(audio)
        lent = OpenAudio(stream)
        for second in (0.1, 0.3, 0.5, 0.7):
            lent.skip(second, 0.1)
        pieces = await lent.read(0, 20000)
        await stream.end(ended(), bytes)

    assert pieces[-1].start + pieces[-1].block.shape[1] == 4000


async def test_the_sink_lends_its_audio_while_the_call_is_on(tmp_path: Path) -> None:
    call = make_call(16000, "stereo")
    audio = tone(call, 2.0)
    async with voicemail(tmp_path) as plugin:
        sink = plugin.sink(call)
        assert SHELF.find(call.stream_id) is None
        await sink.start(call)
        lent = SHELF.find(call.stream_id)
        assert lent is not None
        await sink.audio(audio[:, :16000])
        await sink.event(Gap(1.0, 1.5, "sink too slow"), 1.0)
        await sink.event(Gap(2.5, 9.0, "not received"), 2.5)
        await sink.audio(audio[:, 16000:])
        first, second = await lent.read(8000, 48000)
        await sink.finish(make_outcome(call, 56000))
        assert SHELF.find(call.stream_id) is None

    assert (first.start, second.start) == (8000, 40000)
    assert np.array_equal(first.block, audio[:, 8000:16000])
    assert np.array_equal(second.block, audio[:, 16000:24000])
    assert not second.block.flags.writeable
