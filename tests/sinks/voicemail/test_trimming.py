import asyncio
from pathlib import Path

import numpy as np
import pytest
from stored_messages import ACTOR, MONO, STEREO, TENANT, kept, speech

from listen_codecs.files import read_audio
from listen_codecs.formats import AudioBlock, AudioFormat
from listen_server.simulator.clip import CLIP
from listen_sinks.voicemail.exports import export
from listen_sinks.voicemail.playback import Playback
from listen_sinks.voicemail.trimming import MARGIN, trimmed


def spoken(before: float, sound: float, after: float, form: AudioFormat) -> AudioBlock:
    """Silence, a sound, silence."""
    rate = form.sample_rate
    audio = np.zeros((form.channels, round((before + sound + after) * rate)), np.int16)
    sounds = slice(round(before * rate), round((before + sound) * rate))
    audio[0, sounds] = speech(sound, MONO if rate == 8000 else STEREO)[0]
    return audio


async def seen(folder: Path, audio: AudioBlock, form: AudioFormat) -> tuple[Playback, AudioBlock]:
    async with kept(folder) as box:
        message = await box.leave(audio, form)
        playback = await box.store.open(TENANT, message, actor=ACTOR)
        view = await trimmed(playback)
        return playback, await view.samples()


@pytest.mark.parametrize("form", [MONO, STEREO])
@pytest.mark.parametrize(("before", "after"), [(3.0, 5.0), (0.0, 2.0), (2.0, 0.0), (0.1, 0.1)])
async def test_silence_at_both_ends_is_left_out_of_the_view(
    tmp_path: Path, before: float, after: float, form: AudioFormat
) -> None:
    audio = spoken(before, 2.0, after, form)

    playback, view = await seen(tmp_path, audio, form)

    start = round((before - min(before, MARGIN)) * form.sample_rate)
    stop = round((before + 2.0 + min(after, MARGIN)) * form.sample_rate)
    spare = form.sample_rate // 50
    assert view.shape[1] == pytest.approx(stop - start, abs=spare)
    assert np.array_equal(view, audio[:, start : start + view.shape[1]])
    assert playback.frames == audio.shape[1]


async def test_by_voice_the_noise_before_and_after_somebody_speaks_is_left_out(
    tmp_path: Path,
) -> None:
    words, rate = await asyncio.to_thread(read_audio, CLIP)
    noise = np.random.default_rng(7).normal(0, 150, (1, 3 * rate)).astype(np.int16)
    audio = np.concatenate([noise, words[:1], noise], axis=1)
    async with kept(tmp_path) as box:
        message = await box.leave(audio, AudioFormat(rate, "mono"))
        playback = await box.store.open(TENANT, message, actor=ACTOR)
        by_level, by_voice = await trimmed(playback), await trimmed(playback, by="voice")
        silent = await box.leave(noise, AudioFormat(rate, "mono"))
        nobody = await trimmed(await box.store.open(TENANT, silent, actor=ACTOR), by="voice")

    assert by_level.frames == audio.shape[1]
    assert 2 * rate < by_voice.frames < words.shape[1] + 2 * MARGIN * rate
    assert nobody.frames == noise.shape[1]


async def test_a_pause_between_words_stays(tmp_path: Path) -> None:
    word = spoken(1.0, 0.5, 5.0, MONO)
    audio = np.concatenate([word, word], axis=1)

    _, view = await seen(tmp_path, audio, MONO)

    assert view.shape[1] / 8000 == pytest.approx(7.0 + 2 * MARGIN, abs=0.05)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.0])
async def test_what_is_silent_throughout_stays_as_it_is(tmp_path: Path, seconds: float) -> None:
    _, view = await seen(tmp_path, spoken(seconds, 0.0, 0.0, MONO), MONO)

    assert view.shape[1] == round(seconds * 8000)


async def test_a_view_is_exported_with_its_own_length(tmp_path: Path) -> None:
    audio = spoken(3.0, 1.0, 3.0, MONO)
    async with kept(tmp_path) as box:
        message = await box.leave(audio)
        view = await trimmed(await box.store.open(TENANT, message, actor=ACTOR))
        wav = b"".join([block async for block in export(view, "wav")])
        outline = await view.outline()

    assert len(wav) == view.wav_bytes < 2 * audio.shape[1]
    assert wav.endswith(await view.plain())
    assert outline.peaks.shape[1] * outline.frames_per_bucket >= view.frames
