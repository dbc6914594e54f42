"""What a call carries from hook to hook: its own state, and nobody else's."""

from typing import Any

import pytest

from listen_server.jambonz import Call, read_hook
from listen_server.jambonz.access import Peer
from listen_server.voicemail.state import KEY, State, States
from listen_server.voicemail.tokens import Tokens

STATES = States(Tokens(bytes(range(32))))
STATE = State(tenant="acme", mailbox="01M7WR9CK6AZQ0NET37P865XVX", tries=2, own={"at": 3})


def a_call(sid: str = "call-1", tenant: str | None = "acme", customer_data: Any = None) -> Call:
    return Call(
        read_hook({"call_sid": sid, "customerData": customer_data}), peer=Peer(tenant=tenant)
    )


def carried(**changes: Any) -> Call:
    tag = STATES.tag(a_call(), STATE)
    return a_call(**{"customer_data": tag.data, **changes})


def test_a_call_comes_back_with_what_it_was_given() -> None:
    assert STATES.of(carried()) == STATE


def test_what_others_keep_with_a_call_stays() -> None:
    tag = STATES.tag(a_call(customer_data={"crm": 42}), STATE)

    assert tag.data.keys() == {"crm", KEY}
    assert tag.data["crm"] == 42


@pytest.mark.parametrize("changes", [{"sid": "call-2"}, {"tenant": "other"}])
def test_a_state_of_another_call_or_tenant_is_none(changes: dict[str, Any]) -> None:
    assert STATES.of(carried(**changes)) is None


@pytest.mark.parametrize("data", [None, "text", [], {}, {KEY: 5}, {KEY: "forged"}])
def test_what_is_no_state_is_none(data: Any) -> None:
    assert STATES.of(a_call(customer_data=data)) is None


def test_a_state_shows_nothing_to_whoever_carries_it() -> None:
    (token,) = STATES.tag(a_call(), STATE).data.values()

    assert "01M7WR" not in token
    assert len(token) < 500
