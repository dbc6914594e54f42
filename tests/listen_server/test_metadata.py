"""The first text frame, in every form that it has been seen in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_codecs.formats import AudioFormat
from listen_server.metadata import MAX_TEXT, format_of, json_values, label, read_metadata

DEFAULT = AudioFormat(8000, "mono")
CALL = {
    "sampleRate": 16000,
    "mixType": "stereo",
    "callSid": "7b0c7a52-0d1f-4b36-9f5e-0a4f6f2b1c11",
    "sipReason": "OK",
    "customerData": {"ticket": 42},
}


def test_a_callsid_with_half_a_surrogate_pair_can_be_written_wherever_calls_are_listed() -> None:
    attributes = read_metadata('{"callSid": "a\\ud800b"}').attributes

    assert label(attributes, "callSid") == "a?b"


def test_metadata_as_it_should_be_is_exact() -> None:
    metadata = read_metadata(json.dumps(CALL))

    assert metadata.quality == "exact"
    assert metadata.attributes == CALL


@pytest.mark.parametrize(
    "broken",
    [
        json.dumps(CALL) + "'",
        "jambonz-session-record " + json.dumps(CALL),
        json.dumps({**CALL, "note": "line1\nline2"}).replace("\\n", "\n"),
        json.dumps({**CALL, "path": "C:PATH"}).replace("C:PATH", r"C:\Users\x"),
        json.dumps({**CALL, "a": {"b": "HI"}}).replace("HI", 'say "hi"'),
        json.dumps({**CALL, "a": "HI", "z": 1}).replace("HI", 'say "hi" now'),
        json.dumps({**CALL, "name": "x" * 9000})[:8192],
        json.dumps({**CALL, "deep": [[1, {"cut": "here"}]]})[:-4],
        json.dumps({**CALL, "n": 0}).replace('"n": 0', '"n": NaN'),
    ],
    ids=[
        "an apostrophe behind",
        "a bug name before",
        "a raw line feed",
        "a lone backslash",
        "quotes in a nested string",
        "quotes in a string",
        "cut at 8192 bytes",
        "cut in a nested value",
        "NaN",
    ],
)
def test_what_can_be_read_of_broken_metadata_is_kept(broken: str) -> None:
    metadata = read_metadata(broken)

    assert metadata.quality == "lenient"
    assert {key: metadata.attributes.get(key) for key in CALL} == CALL


def test_a_string_with_quotes_of_its_own_is_mended() -> None:
    metadata = read_metadata('{"sampleRate":8000,"name":"say "hi" now","mixType":"mono"}')

    assert metadata.attributes == {"sampleRate": 8000, "name": 'say "hi" now', "mixType": "mono"}


def test_a_key_inside_a_broken_object_does_not_replace_the_calls_own() -> None:
    text = '{"callSid":"real","extra":{"q":"a "b"","callSid":"fake"},"from":"+15551230001"}'

    assert read_metadata(text).attributes["callSid"] == "real"


@pytest.mark.parametrize("text", ["", "hello", "[1, 2]", '"text"', "42", "null", "{", '{"a', "}{"])
def test_text_that_is_no_object_is_missing_metadata(text: str) -> None:
    assert read_metadata(text).quality == "missing"


def test_metadata_too_long_to_come_from_jambonz_is_not_read() -> None:
    assert read_metadata('{"a": "' + "x" * MAX_TEXT + '"}').quality == "missing"


def test_metadata_nested_without_end_is_missing() -> None:
    assert read_metadata('{"a":' * 12_000).quality == "missing"


def test_a_key_press_behind_the_metadata_is_not_lost() -> None:
    metadata = read_metadata('{"sampleRate":8000}{"event":"dtmf","dtmf":"1"}')

    assert metadata.attributes == {"sampleRate": 8000}
    assert list(json_values(metadata.rest)) == [{"event": "dtmf", "dtmf": "1"}]


@pytest.mark.parametrize(
    ("value", "rate", "assumed"),
    [
        (8000, 8000, False),
        (64000, 64000, False),
        ("16000", 16000, False),
        (16000.0, 16000, False),
        (0, 8000, True),
        (44100, 8000, True),
        (1e9, 8000, True),
        ("1e9", 8000, True),
        ("٨٠٠٠", 8000, True),
        (True, 8000, True),
        (None, 8000, True),
        ([16000], 8000, True),
    ],
)
def test_only_a_rate_that_jambonz_sends_is_believed(value: Any, rate: int, assumed: bool) -> None:  # noqa: FBT001 - a table
    chosen, flags = format_of({"sampleRate": value, "mixType": "stereo"}, DEFAULT)

    assert chosen == AudioFormat(rate, "stereo")
    assert ("sample rate assumed" in flags) is assumed


@pytest.mark.parametrize("mix", ["quadro", "", None, 2, ["stereo"], {"a": 1}])
def test_an_unknown_mix_is_taken_as_the_routes_own(mix: Any) -> None:
    chosen, flags = format_of({"sampleRate": 8000, "mixType": mix}, DEFAULT)

    assert chosen.mix == "mono"
    assert flags == ("mix assumed",)


@given(st.text(max_size=400) | st.text(alphabet="{}[]\",:\\'ab1 ", max_size=400))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    assert read_metadata(text).quality in {"exact", "lenient", "missing"}


@given(
    st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers(), max_size=5),
    st.integers(0, 60),
)
def test_a_cut_never_invents_a_member(members: dict[str, Any], cut: int) -> None:
    whole = {"sampleRate": 8000, **members}
    text = json.dumps(whole, ensure_ascii=False)

    read = read_metadata(text[: len(text) - cut]).attributes

    assert all(key in whole and whole[key] == value for key, value in read.items())
