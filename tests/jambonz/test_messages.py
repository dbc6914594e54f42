"""What jambonz says over the websocket, and the ack: sans-IO, and open to anything."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_server.errors import PeerError
from listen_server.jambonz.commands import MAX_MESSAGE
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.messages import (
    MAX_TEXT,
    MAX_VERBS,
    WANTS_ACK,
    WANTS_VERBS,
    Message,
    TooLong,
    read_message,
    write_ack,
    write_verbs,
)

TYPES = [*WANTS_ACK, "call:status", "verb:status", "jambonz:error", "llm:event", "newest"]


def test_a_message_is_read_with_its_call_its_hook_and_its_data() -> None:
    told = {
        "type": "verb:hook",
        "msgid": "m1",
        "call_sid": "a",
        "hook": "/x",
        "data": {"digits": 1},
    }

    message = read_message(json.dumps(told))

    assert message == Message("verb:hook", "m1", "a", {"digits": 1}, "/x")
    assert message.about_call == {"digits": 1, "call_sid": "a"}
    assert "digits" not in repr(message)


def test_the_call_may_be_named_in_the_data_alone() -> None:
    told = {"type": "session:new", "msgid": "m1", "data": {"call_sid": "a"}}

    assert read_message(json.dumps(told)).call_sid == "a"


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_seven_types_want_an_ack_and_the_others_none(kind: str) -> None:
    message = read_message(json.dumps({"type": kind, "msgid": "m1", "call_sid": "a"}))

    assert message.wants_ack == (kind in TYPES[:7])
    assert WANTS_VERBS < WANTS_ACK


def test_an_ack_is_the_json_that_jambonz_reads() -> None:
    assert json.loads(write_ack("m1")) == {"type": "ack", "msgid": "m1"}
    assert json.loads(write_ack("m1", b'[{"verb":"hangup"}]')) == {
        "type": "ack",
        "msgid": "m1",
        "data": [{"verb": "hangup"}],
    }


def test_the_largest_verbs_fit_into_a_message_with_the_longest_msgid() -> None:
    verbs = b"[" + b" " * (MAX_VERBS - 2) + b"]"

    assert len(write_ack("m" * 128, write_verbs(verbs))) <= MAX_MESSAGE
    with pytest.raises(Refused, match="24065 bytes, but jambonz takes 24064"):
        write_verbs(verbs + b" ")


def test_a_text_that_is_too_long_is_not_even_parsed() -> None:
    with pytest.raises(TooLong):
        read_message("[" * (MAX_TEXT + 1))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=9), inside),
    max_leaves=5,
)
fields = dict.fromkeys(("msgid", "call_sid", "hook", "data", "b3"), values)


@given(st.text() | st.fixed_dictionaries({"type": st.sampled_from(TYPES)}, optional=fields))
def test_anything_at_all_is_a_message_or_a_fault_of_the_peer(told: Any) -> None:
    with suppress(PeerError):
        message = read_message(told if isinstance(told, str) else json.dumps(told))
        assert message.about_call is not None
