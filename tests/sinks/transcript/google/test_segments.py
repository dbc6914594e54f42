import pytest

from listen_sinks.transcript.google.segments import Segments


def test_a_stream_that_began_late_tells_times_of_the_call() -> None:
    segments = Segments()
    segments.sent(8000, 800)
    segments.sent(8800, 800)

    assert segments.in_call(0) == 8000
    assert segments.in_call(1500) == 9500


def test_silence_that_was_left_out_is_in_the_times_of_the_call() -> None:
    segments = Segments()
    segments.sent(0, 800)
    segments.sent(16000, 800)

    assert segments.in_call(799) == 799
    assert segments.in_call(800) == 16000
    assert segments.in_call(900) == 16100
    assert segments.frames == 1600


def test_the_end_of_a_word_before_a_pause_is_not_after_the_pause() -> None:
    segments = Segments()
    segments.sent(0, 800)
    segments.sent(16000, 800)

    assert segments.in_call(800, is_end=True) == 800


@pytest.mark.parametrize("position", [1601, 10**9])
def test_no_time_is_after_the_audio_that_was_sent(position: int) -> None:
    segments = Segments()
    segments.sent(0, 1600)

    assert segments.in_call(position) == 1600


def test_a_result_before_any_audio_has_a_time() -> None:
    assert Segments().in_call(0) == 0
