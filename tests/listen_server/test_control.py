"""Commands to jambonz: the frames that its media server understands, and none that harm it."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from listen_codecs.formats import SAMPLE_RATES
from listen_server.control import (
    MAX_AUDIO_SECONDS,
    MAX_MARKS,
    MAX_PENDING,
    StreamControl,
)
from listen_sinks.api import CallControl, ControlError, MarkReached, PlaybackDone

AUDIO = np.array([[0, 1, -1, 32767, -32768]], np.int16)
NAMES = ["a", "prompt-1", "A.b:c_d", "x" * 64]
NO_NAMES = ["", "x" * 65, "a b", 'a"b', "a\nb", "ä", "a/b", "a\n"]


class Wire:
    """What was sent, as the media server would read it."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def send(self, text: str) -> None:
        self.sent.append(json.loads(text))


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def control(wire: Wire) -> StreamControl:
    return StreamControl(wire.send)


def test_it_is_what_sinks_are_promised(control: StreamControl) -> None:
    promised: CallControl = control

    assert promised is control


async def test_a_verb_is_ended_once(control: StreamControl, wire: Wire) -> None:
    await control.disconnect()
    await control.disconnect()

    assert wire.sent == [{"type": "disconnect"}]
    assert control.disconnected


async def test_audio_is_sent_with_all_that_jambonz_needs(
    control: StreamControl, wire: Wire
) -> None:
    await control.play_audio(AUDIO, 16000, playback_id="p1")

    (sent,) = wire.sent
    content = sent["data"].pop("audioContent")
    assert base64.b64decode(content) == AUDIO.astype("<i2").tobytes()
    assert sent == {
        "type": "playAudio",
        "data": {
            "audioContentType": "raw",
            "sampleRate": 16000,
            "id": "p1",
            "queuePlay": False,
        },
    }


async def test_audio_of_a_big_endian_machine_is_sent_little_endian(
    control: StreamControl, wire: Wire
) -> None:
    await control.play_audio(AUDIO.astype(">i2"), 8000, playback_id="p1")

    content = wire.sent[0]["data"]["audioContent"]
    assert base64.b64decode(content) == AUDIO.astype("<i2").tobytes()


@pytest.mark.parametrize("rate", SAMPLE_RATES)
async def test_every_rate_of_jambonz_can_be_played(
    control: StreamControl, wire: Wire, rate: int
) -> None:
    await control.play_audio(AUDIO, rate, playback_id="p1")

    assert wire.sent[0]["data"]["sampleRate"] == rate


@pytest.mark.parametrize("rate", [0, -8000, 11025, 44100])
async def test_another_rate_is_refused_with_those_that_there_are(
    control: StreamControl, wire: Wire, rate: int
) -> None:
    with pytest.raises(ControlError, match="8000, 16000"):
        await control.play_audio(AUDIO, rate, playback_id="p1")
    assert not wire.sent


@pytest.mark.parametrize(
    "block",
    [
        np.zeros(10, np.int16),
        np.zeros((2, 10), np.int16),
        np.zeros((10, 1), np.int16),
        np.zeros((1, 10), np.float32),
        np.zeros((1, 10), np.uint16),
        np.zeros((1, 10), np.int32),
        np.zeros((1, 0), np.int16),
    ],
)
async def test_what_is_no_audio_is_refused(control: StreamControl, wire: Wire, block: Any) -> None:
    with pytest.raises(ControlError, match="audio"):
        await control.play_audio(block, 8000, playback_id="p1")
    assert not wire.sent


async def test_audio_that_is_too_long_is_refused_to_the_sample(
    control: StreamControl, wire: Wire
) -> None:
    longest = np.zeros((1, round(8000 * MAX_AUDIO_SECONDS)), np.int16)
    await control.play_audio(longest, 8000, playback_id="p1")

    with pytest.raises(ControlError, match="split the audio"):
        await control.play_audio(
            np.zeros((1, longest.shape[1] + 1), np.int16), 8000, playback_id="p2"
        )
    assert len(wire.sent) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_goes_as_it_is(control: StreamControl, wire: Wire, name: str) -> None:
    await control.mark(name)
    await control.play_audio(AUDIO, 8000, playback_id=name)

    assert wire.sent[0] == {"type": "mark", "data": {"name": name}}
    assert wire.sent[1]["data"]["id"] == name


@pytest.mark.parametrize("name", NO_NAMES)
async def test_a_name_that_would_break_jambonzs_json_is_refused(
    control: StreamControl, wire: Wire, name: str
) -> None:
    with pytest.raises(ControlError, match="1 to 64 letters"):
        await control.mark(name)
    with pytest.raises(ControlError, match="1 to 64 letters"):
        await control.play_audio(AUDIO, 8000, playback_id=name)
    assert not wire.sent


async def queue(control: StreamControl, *names: str) -> None:
    for name in names:
        await control.play_audio(AUDIO, 8000, playback_id=name, queue=True)


async def test_a_playback_that_jambonz_would_drop_is_refused(
    control: StreamControl, wire: Wire
) -> None:
    await queue(control, *map(str, range(MAX_PENDING + 1)))  # one plays, ten wait

    with pytest.raises(ControlError, match="10 playbacks are waiting"):
        await queue(control, "one-more")

    assert len(wire.sent) == 11
    assert all(sent["data"]["queuePlay"] for sent in wire.sent)


async def test_a_playback_that_is_done_makes_room(control: StreamControl) -> None:
    await queue(control, *map(str, range(11)))

    control.heard(PlaybackDone("0", 1.0))
    await queue(control, "11")
    control.heard(PlaybackDone(None, None))
    await queue(control, "12")

    with pytest.raises(ControlError):
        await queue(control, "13")


async def test_what_was_replaced_waits_no_more_and_is_not_counted_twice(
    control: StreamControl,
) -> None:
    await queue(control, *map(str, range(11)))

    await control.play_audio(AUDIO, 8000, playback_id="new")
    for number in range(11):  # jambonz reports them all
        control.heard(PlaybackDone(str(number), None))

    await queue(control, *map(str, range(20, 30)))
    with pytest.raises(ControlError):
        await queue(control, "one-more")


async def test_a_killed_playback_makes_room_for_one_when_jambonz_says_so(
    control: StreamControl, wire: Wire
) -> None:
    await queue(control, *map(str, range(11)))

    await control.kill_audio()
    control.heard(PlaybackDone("0", 0.5))

    assert wire.sent[-1] == {"type": "killAudio"}
    await queue(control, "new")
    with pytest.raises(ControlError):
        await queue(control, "one-more")


async def test_a_playback_that_replaces_is_never_refused(control: StreamControl) -> None:
    await queue(control, *map(str, range(11)))

    for number in range(20):
        await control.play_audio(AUDIO, 8000, playback_id=f"new-{number}")


async def test_a_mark_that_jambonz_would_not_take_is_refused(
    control: StreamControl, wire: Wire
) -> None:
    for number in range(MAX_MARKS):
        await control.mark(f"m{number}")

    with pytest.raises(ControlError, match="30 marks are outstanding"):
        await control.mark("one-more")
    assert len(wire.sent) == MAX_MARKS

    control.heard(MarkReached("m0", cleared=False))
    control.heard(MarkReached("nobody's", cleared=False))
    await control.mark("one-more")
    with pytest.raises(ControlError):
        await control.mark("two-more")


async def test_a_mark_set_twice_is_outstanding_twice(control: StreamControl) -> None:
    for _ in range(MAX_MARKS):
        await control.mark("same")

    with pytest.raises(ControlError):
        await control.mark("same")
    control.heard(MarkReached("same", cleared=False))
    await control.mark("same")


async def test_marks_that_are_cleared_make_room_when_jambonz_says_so(
    control: StreamControl, wire: Wire
) -> None:
    for number in range(MAX_MARKS):
        await control.mark(f"m{number}")

    await control.clear_marks()
    assert wire.sent[-1] == {"type": "clearMarks"}
    for number in range(MAX_MARKS):
        control.heard(MarkReached(f"m{number}", cleared=True))

    await control.mark("again")


def test_what_was_never_sent_can_be_reported() -> None:
    control = StreamControl(Wire().send)

    control.heard(PlaybackDone("p", None))
    control.heard(PlaybackDone(None, None))
    control.heard(MarkReached("m", cleared=True))
