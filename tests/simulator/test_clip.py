import numpy as np

from listen_codecs.files import read_audio
from listen_server.simulator.clip import CLIP, CLIP_WORDS


def test_the_clip_is_two_voices_of_some_seconds() -> None:
    block, rate = read_audio(CLIP)

    assert (rate, block.shape[0]) == (16000, 2)
    assert 4 <= block.shape[1] / rate <= 6
    assert CLIP.stat().st_size < 200_000
    assert set(CLIP_WORDS) == {"caller", "greeting"}


def test_the_caller_speaks_after_the_greeting() -> None:
    block, rate = read_audio(CLIP)
    loud = np.abs(block) > 3000
    half = round(1.55 * rate)

    assert not loud[0, :half].any()
    assert loud[1, :half].any()
    assert loud[0, half:].any()
    assert not loud[1, half:].any()
