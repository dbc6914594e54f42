import json

import pytest

from listen_codecs.formats import AudioFormat
from listen_server.simulator.attributes import KINDS, Kind, call_attributes, opening_text

MONO = AudioFormat(8000, "mono")


def test_a_listen_verb_speaks_in_the_order_of_jambonz() -> None:
    attributes = call_attributes(AudioFormat(16000, "stereo"))

    assert list(attributes)[:7] == [
        "sampleRate",
        "mixType",
        "callSid",
        "direction",
        "from",
        "to",
        "callId",
    ]
    assert (attributes["sampleRate"], attributes["mixType"]) == (16000, "stereo")
    assert "callerName" not in attributes


def test_a_nested_listen_has_the_raw_fields_of_the_called_leg() -> None:
    attributes = call_attributes(MONO, "dial")

    assert attributes["direction"] == "outbound"
    assert {"parentCallSid", "_customerData", "localSipAddress", "publicIp"} <= set(attributes)
    assert not {"customerData", "fsSipAddress", "apiBaseUrl"} & set(attributes)


def test_the_recorder_says_nothing_of_customer_data() -> None:
    assert "customerData" not in call_attributes(MONO, "record")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "conference"])
def test_two_calls_never_share_an_id(kind: Kind) -> None:
    first, second = call_attributes(MONO, kind), call_attributes(MONO, kind)

    assert first["callSid"] != second["callSid"]
    assert first["traceId"] != second["traceId"]


@pytest.mark.parametrize("kind", ["listen", "dial", "record"])
def test_the_numbers_belong_to_nobody(kind: Kind) -> None:
    attributes = call_attributes(MONO, kind)

    for key in ("from", "to"):
        assert attributes[key].startswith("+1555555" + "01")
        assert len(attributes[key]) == len("+15555550100")


def test_metadata_lies_flat_on_top_and_may_override() -> None:
    text = opening_text({"sampleRate": 8000, "from": "a"}, {"sampleRate": "x", "topic": {"b": 1}})

    assert text == b'{"sampleRate":"x","from":"a","topic":{"b":1}}'


def test_a_conference_says_only_what_the_user_said() -> None:
    text = opening_text(call_attributes(MONO, "conference"), {"room": "r42"})

    assert text == b'{"room":"r42"}'


def test_a_conference_without_metadata_says_nothing() -> None:
    assert opening_text(call_attributes(MONO, "conference"), {}) is None


def test_long_metadata_is_cut_at_8192_bytes_even_inside_a_character() -> None:
    text = opening_text({}, {"k": "é" * 5000})

    assert text is not None
    assert len(text) == 8192
    with pytest.raises(UnicodeDecodeError):
        text[: 8192 if text[-1] == 0xC3 else 8191].decode()


def test_some_versions_put_the_name_of_the_bug_before_the_json() -> None:
    text = opening_text({"a": 1}, {}, prefix="jambonz-session-record")

    assert text == b'jambonz-session-record {"a":1}'


def test_what_is_no_character_at_all_does_not_stop_a_call() -> None:
    assert opening_text({}, {"name": "\udcff"}) == b'{"name":"?"}'


def test_what_is_not_ascii_goes_as_utf_8() -> None:
    text = opening_text({}, {"name": "Zoë"})

    assert text == '{"name":"Zoë"}'.encode()
    assert json.loads(text) == {"name": "Zoë"}
