"""The real service, on real speech; README.md of google/ says what it needs.

Skipped without LISTEN_TEST_GOOGLE=1, a credential and a directory of speech: it costs money.
"""

import asyncio
import os
from pathlib import Path

import pytest

from listen_codecs.files import read_audio
from listen_codecs.formats import AudioBlock, AudioFormat
from listen_codecs.resampling import resample
from listen_sinks.api import SinkContext
from listen_sinks.transcript.google import Google, GoogleConfig
from listen_sinks.transcript.word_errors import word_errors

SPEECH = os.environ.get("LISTEN_TEST_SPEECH")
BOUND = 0.25  # word error rate over all files
pytestmark = [
    pytest.mark.skipif(
        os.environ.get("LISTEN_TEST_GOOGLE") != "1",
        reason="LISTEN_TEST_GOOGLE=1 with a credential speaks to the real service",
    ),
    pytest.mark.skipif(
        SPEECH is None, reason="LISTEN_TEST_SPEECH=DIR has WAV files, and what is said as .txt"
    ),
    pytest.mark.timeout(600),
]


def speech() -> list[tuple[AudioBlock, int, str]]:
    """Return audio (1, frames), its rate in Hz, and the words."""
    found = []
    for file in sorted(Path(SPEECH or "").glob("*.wav")):
        audio, rate = read_audio(file)
        found.append((audio[:1], rate, file.with_suffix(".txt").read_text()))
    if not found:
        pytest.fail(f"no WAV file in {SPEECH}")
    return found


@pytest.fixture(scope="module")
def said() -> list[tuple[AudioBlock, int, str]]:
    return speech()


async def transcribe(plugin: Google, audio: AudioBlock, rate: int) -> str:
    """Return what Google understood of audio in real time."""
    engine = plugin.engine()
    await engine.open(AudioFormat(rate, "mono"), "en-US")

    async def read() -> list[str]:
        return [result.text async for result in engine.results() if result.is_final]

    reading = asyncio.create_task(read())
    for start in range(0, audio.shape[1], rate // 10):
        await engine.audio(audio[:, start : start + rate // 10])
        await asyncio.sleep(0.1)
    await engine.drain()
    texts = await reading
    await engine.close()
    return " ".join(texts)


@pytest.mark.parametrize("rate", [16000, 8000])
@pytest.mark.parametrize("api", ["v2", "v1"])
async def test_real_speech_is_understood(
    api: str, rate: int, said: list[tuple[AudioBlock, int, str]]
) -> None:
    plugin = Google(
        GoogleConfig.model_validate({"api": api}), SinkContext("transcript", Path("unused"))
    )
    await plugin.open()
    try:
        found = await asyncio.gather(
            *(
                transcribe(plugin, resample(audio, own_rate, rate), rate)
                for audio, own_rate, _ in said
            )
        )
    finally:
        await plugin.close()

    errors = word_errors(" ".join(text for *_, text in said), " ".join(found))
    assert errors.rate <= BOUND


async def test_a_language_that_does_not_exist_is_refused_in_our_words() -> None:
    from listen_sinks.transcript.api import EngineRefused
    from listen_sinks.transcript.google.stand_in import spoken

    plugin = Google(GoogleConfig(), SinkContext("transcript", Path("unused")))
    await plugin.open()
    engine = plugin.engine()
    await engine.open(AudioFormat(8000, "mono"), "xx-XX")
    await engine.audio(spoken(range(10), 8000))
    try:
        with pytest.raises(EngineRefused, match="set a language"):
            await engine.drain()
    finally:
        await engine.close()
        await plugin.close()
