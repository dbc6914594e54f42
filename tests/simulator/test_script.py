import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_codecs.formats import MIXES, SAMPLE_RATES, AudioFormat
from listen_server.simulator.script import CallScript, Key, Pause, opening_for, tick_of

MONO = AudioFormat(8000, "mono")


def script(seconds: float = 1.0, **options: Any) -> CallScript:
    pcm = bytes(index % 251 for index in range(round(seconds * 8000) * 2))
    return CallScript(format=MONO, pcm=pcm, **options)


def test_a_packet_is_20_ms() -> None:
    ticks = list(script(0.1).ticks())

    assert [len(tick.audio) for tick in ticks] == [320] * 5 + [0]
    assert [tick.at for tick in ticks] == pytest.approx([0.0, 0.02, 0.04, 0.06, 0.08, 0.1])


def test_the_last_packet_is_as_short_as_the_audio_ends() -> None:
    assert [len(tick.audio) for tick in script(0.05).ticks()] == [320, 320, 160, 0]


@given(
    audio_format=st.builds(AudioFormat, st.sampled_from(SAMPLE_RATES), st.sampled_from(MIXES)),
    frames=st.integers(0, 6000),
)
def test_the_packets_are_the_audio(audio_format: AudioFormat, frames: int) -> None:
    pcm = bytes(index % 251 for index in range(frames * audio_format.frame_bytes))
    ticks = list(CallScript(format=audio_format, pcm=pcm).ticks())

    assert b"".join(tick.audio for tick in ticks) == pcm
    assert len(ticks[-1].audio) == 0


def test_a_pause_sends_nothing_and_makes_nothing_up_for_it() -> None:
    paused = script(0.2, pauses=(Pause(0.04, 0.1),))

    assert [len(tick.audio) for tick in paused.ticks()] == [320] * 2 + [0] * 3 + [320] * 5 + [0]
    assert b"".join(t.audio for t in paused.ticks()) == paused.pcm[:640] + paused.pcm[1600:]


def test_a_pause_may_last_beyond_the_end() -> None:
    assert [len(tick.audio) for tick in script(0.06, pauses=(Pause(0.04, 9),)).ticks()] == [
        320,
        320,
        0,
        0,
    ]


def test_a_key_goes_before_the_audio_of_its_moment() -> None:
    ticks = list(script(0.1, keys=(Key("5", 0.04), Key("#", 0.021), Key("1", 0.1))).ticks())

    assert [len(tick.texts) for tick in ticks] == [0, 0, 2, 0, 0, 1]
    assert json.loads(ticks[2].texts[0]) == {"event": "dtmf", "dtmf": "#", "duration": "1600"}


def test_a_key_has_the_bytes_of_jambonz() -> None:
    assert Key("5", 0).text() == '{"event":"dtmf","dtmf":"5","duration":"1600"}'


def test_older_servers_put_the_texts_of_a_moment_into_one_frame() -> None:
    ticks = list(script(0.1, keys=(Key("1", 0.02), Key("2", 0.02)), join_texts=True).ticks())

    assert ticks[1].texts == [Key("1", 0).text() + Key("2", 0).text()]


@pytest.mark.parametrize(
    ("seconds", "tick"),
    [(0, 0), (0.001, 1), (0.02, 1), (0.02000000001, 1), (0.021, 2), (1.2, 60), (5.58, 279)],
)
def test_a_time_means_the_first_packet_that_does_not_come_before_it(
    seconds: float, tick: int
) -> None:
    assert tick_of(seconds) == tick


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"keys": (Key("5", 1.5),)}, "key 5 at 1.5 s is outside the 1 s of audio"),
        ({"keys": (Key("12", 0.5),)}, "there is no key '12' on a phone"),
        ({"pauses": (Pause(0.5, 0.5),)}, "the pause 0.5-0.5 ends before it begins"),
        ({"pauses": (Pause(2, 3),)}, "the pause at 2 s is outside"),
        ({"abort_at": -1.0}, "the abort at -1 s is outside"),
        ({"abort_at": float("nan")}, "the abort at nan s is outside"),
        ({"burst": 2.0}, "the end of the burst at 2 s is outside"),
        ({"speed": -1.0}, "a speed of -1.0 is not possible"),
        ({"speed": float("nan")}, "a speed of nan is not possible"),
        ({"buffer_seconds": 6}, "jambonz buffers 1 to 5 seconds, not 6"),
    ],
)
def test_a_script_that_cannot_be_played_says_why(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        script(1.0, **options)


def test_half_a_sample_is_no_audio() -> None:
    with pytest.raises(ValueError, match="no whole number of samples"):
        CallScript(format=AudioFormat(8000, "stereo"), pcm=bytes(6))


def test_every_call_opens_with_its_format_and_ids_of_its_own() -> None:
    first, second = (opening_for(MONO, {"topic": "sales"}) for _ in range(2))

    assert first is not None
    assert first != second
    assert json.loads(first)["sampleRate"] == 8000
    assert json.loads(first)["topic"] == "sales"
