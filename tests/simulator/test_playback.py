import base64
import io
import json
from typing import Any

import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from listen_server.simulator.playback import BackChannel, playing_seconds


def play(seconds: float, rate: int = 8000, **data: Any) -> str:
    audio = base64.b64encode(bytes(round(seconds * rate) * 2)).decode()
    content = {"audioContent": audio, "audioContentType": "raw", "sampleRate": rate}
    return json.dumps({"type": "playAudio", "data": content | data})


def done(milliseconds: int, playback_id: str | None = None) -> str:
    identity = {} if playback_id is None else {"id": playback_id}
    data = identity | {
        "playbackSeconds": str(milliseconds // 1000),
        "playbackMilliseconds": str(milliseconds),
        "playbackLastOffsetPos": str(milliseconds * 8),
    }
    return json.dumps({"type": "playDone", "data": data}, separators=(",", ":"))


def test_played_audio_is_reported_when_its_time_has_passed() -> None:
    back = BackChannel()
    back.receive_text(play(2.14, id="p1"), 1.0)

    assert back.advance(3.12) == []
    (text,) = back.advance(3.14)
    assert text == (
        '{"type":"playDone","data":{"id":"p1","playbackSeconds":"2",'
        '"playbackMilliseconds":"2140","playbackLastOffsetPos":"17120"}}'
    )
    assert back.advance(9.0) == []


def test_audio_without_an_id_is_reported_without_one() -> None:
    back = BackChannel()
    back.receive_text(play(1), 0.0)

    assert back.advance(1.0) == [done(1000)]


def test_audio_replaces_what_plays_and_what_waits() -> None:
    back = BackChannel()
    back.receive_text(play(5, id="a"), 0.0)
    back.receive_text(play(5, id="b", queuePlay=True), 0.0)
    back.receive_text(play(1, id="c"), 2.0)

    assert back.advance(2.02) == [done(2000, "a")]
    assert back.advance(60.0) == [done(1000, "c")]


def test_queued_audio_plays_one_after_the_other() -> None:
    back = BackChannel()
    for name in "abc":
        back.receive_text(play(1, id=name, queuePlay=True), 0.0)

    assert back.advance(2.5) == [done(1000, "a"), done(1000, "b")]
    assert back.advance(3.0) == [done(1000, "c")]


def test_the_queue_takes_eleven_and_drops_the_rest_in_silence() -> None:
    back = BackChannel()
    for number in range(14):  # one plays, eleven wait
        back.receive_text(play(1, id=str(number), queuePlay=True), 0.0)

    assert back.advance(60.0) == [done(1000, str(number)) for number in range(12)]


def test_killed_audio_is_reported_with_what_was_heard_of_it() -> None:
    back = BackChannel()
    back.receive_text(play(5, id="a"), 1.0)
    back.receive_text('{"type":"killAudio"}', 2.5)

    assert back.advance(2.5) == [done(1500, "a")]


def test_killing_audio_leaves_the_queue_as_jambonz_does() -> None:
    back = BackChannel()
    back.receive_text(play(5, id="a", queuePlay=True), 0.0)
    back.receive_text(play(1, id="b", queuePlay=True), 0.0)
    back.receive_text('{"type":"killAudio"}', 2.0)

    assert back.advance(3.0) == [done(2000, "a"), done(1000, "b")]


def test_disconnect_is_an_end() -> None:
    back = BackChannel()
    back.receive_text('{"type":"disconnect"}', 1.0)

    assert back.disconnected


def test_audio_without_a_content_type_kills_a_media_server() -> None:
    back = BackChannel()
    back.receive_text('{"type":"playAudio","data":{"audioContent":"AAAA"}}', 1.0)

    assert back.crashed


def test_a_stream_for_streaming_takes_no_audio_files() -> None:
    back = BackChannel(streaming_rate=8000)
    back.receive_text(play(1), 0.0)

    assert back.advance(9.0) == []


def test_marks_need_a_stream_for_streaming() -> None:
    plain, streaming = BackChannel(), BackChannel(streaming_rate=8000)
    for back in (plain, streaming):
        back.receive_bytes(bytes(1600), 0.0)
        back.receive_text('{"type":"mark","data":{"name":"m1"}}', 0.0)

    assert plain.advance(1.0) == []
    assert streaming.advance(1.0) == ['{"type": "mark", "data": {"name":"m1", "event": "playout"}}']


@pytest.mark.parametrize("command", ["clearMarks", "killAudio"])
def test_marks_can_be_cleared(command: str) -> None:
    back = BackChannel(streaming_rate=8000)
    back.receive_bytes(bytes(16000), 0.0)
    back.receive_text('{"type":"mark","data":{"name":"m1"}}', 0.0)
    back.receive_text(json.dumps({"type": command}), 0.1)

    assert back.advance(0.1) == ['{"type": "mark", "data": {"name":"m1", "event": "cleared"}}']


def test_everything_received_is_noted_but_for_the_audio() -> None:
    back = BackChannel()
    back.receive_text(play(1, id="p1"), 0.5)
    back.receive_text("hello", 0.6)
    back.receive_text('{"no":"type"}', 0.7)
    back.receive_bytes(b"1234", 0.8)

    assert [(c.type, c.at, c.about) for c in back.commands] == [
        ("playAudio", 0.5, {"id": "p1"}),
        ("unreadable", 0.6, {}),
        ("json", 0.7, {}),
        ("audio", 0.8, {"bytes": 4}),
    ]


def wav(seconds: float) -> str:
    file = io.BytesIO()
    soundfile.write(file, [0.0] * round(seconds * 8000), 8000, format="WAV")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        ({"audioContentType": "raw", "sampleRate": 8000, "audioContent": "AAAA" * 400}, 0.075),
        ({"audioContentType": "raw", "sampleRate": 44100, "audioContent": "AAAA" * 400}, 0.0375),
        ({"audioContentType": "raw", "audioContent": "AAAA" * 400}, 0.0375),
        ({"audioContentType": "wav", "audioContent": wav(1.5)}, 1.5),
        ({"audioContentType": "wave", "audioContent": wav(0.5)}, 0.5),
        ({"audioContentType": "wav", "audioContent": "AAAA"}, None),
        ({"audioContentType": "mp3", "audioContent": "AAAA"}, None),
        ({"audioContentType": "raw", "audioContent": 7}, None),
    ],
)
def test_how_long_audio_plays(data: dict[str, Any], seconds: float | None) -> None:
    assert playing_seconds(data) == seconds


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
DATA = st.fixed_dictionaries(
    {},
    optional={
        "audioContent": JSON,
        "audioContentType": st.sampled_from(["raw", "wav", "mp3"]) | JSON,
        "sampleRate": JSON,
        "queuePlay": JSON,
        "id": JSON,
        "name": JSON,
    },
)
RAW = {"audioContentType": "raw", "sampleRate": 8000}
KINDS = ["playAudio", "killAudio", "mark", "clearMarks", "disconnect", "error"]
MESSAGE = st.fixed_dictionaries({"type": st.sampled_from(KINDS) | JSON, "data": DATA | JSON})


@example(
    messages=[json.dumps({"type": "playAudio", "data": {"audioContent": "ä"} | RAW})],
    streaming=False,
)
@given(
    messages=st.lists(MESSAGE.map(json.dumps) | st.text() | st.binary(), max_size=20),
    streaming=st.booleans(),
)
def test_nothing_that_a_server_says_breaks_the_caller(
    messages: list[str | bytes], *, streaming: bool
) -> None:
    back = BackChannel(8000 if streaming else None)

    for number, message in enumerate(messages):
        if isinstance(message, str):
            back.receive_text(message, number)
        else:
            back.receive_bytes(message, number)
        back.advance(number)

    assert len(back.commands) == len(messages)
