"""Messages as files to take away, made without plain audio on any disk."""

import asyncio
import io
import os
import resource
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from stored_messages import ACTOR, MONO, STEREO, TENANT, Kept, faults, kept, speech

from listen_codecs.files import Encoding, NoAudio, audio_info, read_audio
from listen_codecs.formats import AudioFormat
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.exports import ExportFailed, export
from listen_sinks.voicemail.lsv1 import SEALED_CHUNK
from listen_sinks.voicemail.playback import Playback


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept(tmp_path) as made:
        yield made


async def exported(playback: Playback, encoding: Encoding) -> bytes:
    return b"".join([block async for block in export(playback, encoding)])


async def opened(box: Kept, message: str) -> Playback:
    return await box.store.open(TENANT, message, actor=ACTOR, reading="export")


def encoders() -> list[int]:
    """Return the processes of ours that encode."""
    files = Path("/proc/self/task").glob("*/children")
    children = [int(child) for file in files for child in file.read_text().split()]
    return [one for one in children if b"export_process" in _arguments(one)]


def _arguments(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


@pytest.mark.parametrize("encoding", ["wav", "flac"])
@pytest.mark.parametrize("form", [MONO, STEREO, AudioFormat(64000, "stereo")])
async def test_wav_and_flac_keep_every_sample(
    box: Kept, form: AudioFormat, encoding: Encoding
) -> None:
    left = speech(2.3, form)

    made = await exported(await opened(box, await box.leave(left, form)), encoding)

    block, rate = await asyncio.to_thread(read_audio, io.BytesIO(made))
    assert rate == form.sample_rate
    assert (block == left).all()


async def test_opus_is_as_long_as_the_message(box: Kept) -> None:
    made = await exported(await opened(box, await box.leave(speech(3, STEREO), STEREO)), "opus")

    info = await asyncio.to_thread(audio_info, io.BytesIO(made))
    assert (info.codec, info.channels) == ("OPUS", 2)
    assert info.seconds == pytest.approx(3, abs=0.1)


async def test_nothing_is_no_flac_and_no_opus(box: Kept) -> None:
    playback = await opened(box, await box.leave(speech(0)))

    with pytest.raises(NoAudio):
        await exported(playback, "flac")
    assert len(await exported(playback, "wav")) == 44


async def test_what_does_not_open_is_exported_as_silence_and_reported(box: Kept) -> None:
    left = speech(5)
    message = await box.leave(left)
    data = bytearray(box.path(message).read_bytes())
    data[-2 * SEALED_CHUNK] ^= 1
    box.path(message).write_bytes(data)

    playback = await opened(box, message)
    made = await exported(playback, "flac")

    block, _ = await asyncio.to_thread(read_audio, io.BytesIO(made))
    assert block.shape == left.shape
    assert faults(playback.findings) == ["damaged"]


async def test_an_encoder_that_dies_is_told_and_leaves_nobody_behind(box: Kept) -> None:
    playback = await opened(box, await box.leave(speech(20, STEREO), STEREO))
    read = box.objects.read

    async def killing(name: str, offset: int, length: int) -> bytes:
        for process in encoders():
            os.kill(process, signal.SIGKILL)
        return await read(name, offset, length)

    box.objects.read = killing  # type: ignore[method-assign]
    with pytest.raises(ExportFailed):
        await exported(playback, "flac")

    assert encoders() == []


async def test_an_export_that_nobody_takes_leaves_nobody_behind(box: Kept) -> None:
    playback = await opened(box, await box.leave(speech(20, STEREO), STEREO))

    making = export(playback, "opus")
    async with asyncio.timeout(20):
        await anext(making)
        await making.aclose()

    assert encoders() == []


async def test_a_store_that_goes_away_ends_an_export(box: Kept) -> None:
    playback = await opened(box, await box.leave(speech(2)))

    async def away(name: str, offset: int, length: int) -> bytes:
        del name, offset, length
        raise ObjectsAway("the store does not answer in time")

    box.objects.read = away  # type: ignore[method-assign]
    with pytest.raises(ObjectsAway):
        await exported(playback, "flac")

    assert encoders() == []


async def test_an_export_writes_no_file(box: Kept) -> None:
    left = speech(5)
    playback = await opened(box, await box.leave(left))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # the process inherits it
    try:
        made = await exported(playback, "flac")
        with pytest.raises(OSError, match="File too large"):
            (box.folder / "proof").write_bytes(b"1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    block, _ = await asyncio.to_thread(read_audio, io.BytesIO(made))
    assert (block == left).all()
