"""What jambonz tells: both kinds of servers, nothing lost, nothing shown."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_server.jambonz.errors import Refused
from listen_server.jambonz.hooks import (
    CALL_STATUSES,
    HOOKS,
    CallArrived,
    CallHook,
    CallStatusChanged,
    ConferenceChanged,
    Dequeued,
    Dialled,
    Gathered,
    KeysCaptured,
    Listened,
    QueueLeft,
    QueueWaited,
    Transcribed,
    read_hook,
    read_hook_as,
    read_json,
)

EXAMPLES = Path(__file__).parent / "examples"
NEWER = {
    "call_sid": "7b0c7a52",
    "direction": "inbound",
    "from": "+15551230001",
    "to": "+15551230002",
    "call_id": "8f3c",
    "sbc_callid": "sbc-1",
    "sip_status": 200,
    "call_status": "in-progress",
    "originating_sip_trunk_name": "acme-sip",
    "customerData": {"ticketNumber": 42},
}
OLDER = {
    "callSid": "7b0c7a52",
    "direction": "inbound",
    "from": "+15551230001",
    "to": "+15551230002",
    "callId": "8f3c",
    "sbcCallid": "sbc-1",
    "sipStatus": 200,
    "callStatus": "in-progress",
    "originatingSipTrunkName": "acme-sip",
    "customerData": {"ticketNumber": 42},
}
# how each kind is told, by a newer server, and what an application asks of it first
KINDS: list[tuple[type[CallHook], dict[str, Any], str, Any]] = [
    (CallArrived, {"sip": {"headers": {"X-Cid": "a"}}, "defaults": {}}, "defaults", {}),
    (Dialled, {"dial_call_status": "busy", "dial_sip_status": 486}, "dial_call_status", "busy"),
    (Gathered, {"digits": "0276", "reason": "dtmfDetected"}, "digits", "0276"),
    (
        QueueLeft,
        {"queue_sid": "q", "queue_result": "bridged", "queue_time": 3},
        "queue_result",
        "bridged",
    ),
    (
        QueueWaited,
        {"queue_sid": "q", "queue_position": 0, "queue_time": 3, "queue_size": 2},
        "queue_position",
        0,
    ),
    (Dequeued, {"dequeue_result": "timeout"}, "dequeue_result", "timeout"),
    (Listened, {"dial_call_duration": 37, "digits": "#"}, "dial_call_duration", 37),
    (
        ConferenceChanged,
        {
            "conference_sid": "conf:1",
            "friendly_name": "standup",
            "event": "join",
            "time": "2026-04-27T13:44:17.336Z",
            "members": 2,
            "duration": 1.5,
        },
        "event",
        "join",
    ),
    (KeysCaptured, {"dtmf": "*2"}, "dtmf", "*2"),
    (
        Transcribed,
        {
            "has_recording": False,
            "speech": {"is_final": True, "alternatives": [{"transcript": "hello"}]},
        },
        "transcript",
        "hello",
    ),
]


def camel(given: dict[str, Any]) -> dict[str, Any]:
    """Name fields as servers before April 2021 do."""
    words = {key: key.split("_") for key in given}
    return {
        first + "".join(word.title() for word in rest): given[key]
        for key, (first, *rest) in words.items()
    }


def test_both_kinds_of_servers_say_the_same() -> None:
    older, newer = read_hook(OLDER), read_hook(NEWER)

    assert older.model_dump() == newer.model_dump()
    assert (newer.call_sid, newer.from_, newer.sbc_callid) == ("7b0c7a52", "+15551230001", "sbc-1")
    assert newer.customer_data == {"ticketNumber": 42}


def test_a_hook_is_written_as_it_came_or_as_the_other_kind_has_it() -> None:
    assert read_hook(OLDER).write() == OLDER
    assert read_hook(NEWER).write() == NEWER
    assert read_hook(NEWER).write("camel") == OLDER
    assert read_hook(OLDER).write("snake") == {**NEWER}


@pytest.mark.parametrize(("model", "fields", "name", "value"), KINDS)
@pytest.mark.parametrize("server", ["newer", "older"])
def test_each_kind_is_told_by_its_fields(
    model: type[CallHook], fields: dict[str, Any], name: str, value: Any, server: str
) -> None:
    given = {**NEWER, **fields} if server == "newer" else {**OLDER, **camel(fields)}

    hook = read_hook(given)

    assert type(hook) is model
    assert getattr(hook, name) == value
    assert hook.write() == given


def test_every_kind_is_told_here() -> None:
    assert {model for model, *_ in KINDS} | {CallStatusChanged} == set(HOOKS)


@pytest.mark.parametrize("status", CALL_STATUSES)
def test_each_status_is_read(status: str) -> None:
    told = read_hook_as(CallStatusChanged, {**NEWER, "call_status": status})

    assert told.call_status == status
    assert told.ended == (status in {"completed", "failed", "busy", "no-answer"})


def test_a_status_of_a_newer_server_is_kept() -> None:
    assert read_hook({**NEWER, "call_status": "queued"}).call_status == "queued"


def test_there_are_eight_statuses() -> None:
    assert len(CALL_STATUSES) == 8


def test_unknown_fields_are_kept() -> None:
    hook = read_hook({**OLDER, "newestThing": {"a": None}})

    assert hook.write()["newestThing"] == {"a": None}
    assert hook.write("snake")["newestThing"] == {"a": None}


def test_a_field_told_under_both_names_keeps_both() -> None:
    given = {**NEWER, "callSid": "another"}

    turned = dict(reversed(given.items()))

    assert read_hook(given).call_sid == read_hook(turned).call_sid == "7b0c7a52"
    assert read_hook(given).write() == read_hook(turned).write() == given


def test_keys_are_read_under_the_name_of_the_references_text_too() -> None:
    assert read_hook_as(Gathered, {**OLDER, "dtmf": "12"}).digits == "12"


def test_a_query_of_texts_is_read() -> None:
    hook = read_hook({"callSid": "a", "sipStatus": "100", "from": "1000"})

    assert hook.sip_status == 100


def test_a_transcription_of_an_older_server_has_its_text_at_the_top() -> None:
    hook = read_hook({**OLDER, "alternatives": [{"transcript": "hello", "confidence": 0.9}]})

    assert isinstance(hook, Transcribed)
    assert hook.transcript == "hello"


def test_the_invite_is_kept_to_the_last_header() -> None:
    given = json.loads((EXAMPLES / "incoming_call.json").read_text())["given"]

    hook = read_hook(given)

    assert isinstance(hook, CallArrived)
    assert hook.sip is not None
    assert hook.sip.headers["X-Originating-Carrier"] == "acme-sip"
    assert hook.sip.write() == given["sip"]


def test_a_repr_shows_no_number_no_digits_no_text_and_no_data() -> None:
    hooks = [read_hook({**NEWER, **fields}) for _, fields, *_ in KINDS]

    shown = " ".join(f"{hook!r} {hook} {getattr(hook, 'speech', '')!r}" for hook in hooks)

    assert "7b0c7a52" in shown
    for personal in ("+1555", "0276", "*2", "hello", "42", "standup"):
        assert personal not in shown


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"callSid": ""},
        {"callSid": None},
        {"callSid": ["a"]},
        {"callSid": "a" * 300},
        {"callSid": "a", "sipStatus": "ok"},
        {"callSid": "a", "from": {"number": "1"}},
        {"callSid": "a", "speech": "hello"},
        {"callSid": "a", "sip": 1},
        [],
        None,
        "callSid",
    ],
)
def test_what_has_the_wrong_shape_is_refused(given: Any) -> None:
    with pytest.raises(Refused):
        read_hook(given)


def test_a_refusal_does_not_show_what_was_told() -> None:
    with pytest.raises(Refused) as caught:
        read_hook({"callSid": "a", "from": {"number": "+15551230001"}})

    assert "+1555" not in str(caught.value)
    assert "`from" in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff{}", b"[]", b'"a"', b"null", b"[" * 200_000, b'{"a":NaN}', b"{}{}"]
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        read_json(body)


names = st.sampled_from([*NEWER, *OLDER, "speech", "digits", "sip", "queuePosition", "from_"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside),
    max_leaves=6,
)


@given(st.dictionaries(names | st.text(max_size=8), values, max_size=6))
def test_anything_at_all_is_read_or_refused_and_never_anything_else(told: dict[str, Any]) -> None:
    with suppress(Refused):
        assert read_hook({"callSid": "a", **told}).write().keys() == {"callSid", *told}
