"""Webhooks as jambonz sends them: POST and GET, old names and new, signed, and their answers."""

import json

import pytest
from simulator.platform.raw_app import CALLED, HANGUP, called, raw_app

from listen_server.jambonz import read_hook
from listen_server.jambonz.hooks import CallArrived, Gathered
from listen_server.jambonz.signature import is_signed
from listen_server.simulator.platform import AppAddress

GATHER = {"verb": "gather", "actionHook": "/chosen", "numDigits": 1}


@pytest.mark.parametrize(
    ("server", "sid", "to_key"),
    [("new", "call_sid", "call_status"), ("old", "callSid", "callStatus")],
)
async def test_the_call_webhook_has_the_whole_invite_in_the_names_of_its_server(
    server: str, sid: str, to_key: str
) -> None:
    async with raw_app({"/": [GATHER, HANGUP]}) as app:
        outcome = await called(app.url, "asked press 7", server=server)

    first = app.told("/")[0]
    assert (first[sid], first["to"], first[to_key]) == (outcome.info.call_sid, CALLED, "trying")
    assert first["sip"]["raw"].startswith(f"INVITE sip:{CALLED}@")
    assert "call-id" in first["sip"]["headers"]
    assert isinstance(read_hook(first), CallArrived)
    assert isinstance(read_hook(app.told("/chosen")[0]), Gathered)
    assert app.told("/call-status")[0][to_key] == "trying"


async def test_an_old_server_asks_by_get_with_a_query_and_a_new_one_without() -> None:
    async with raw_app({"/": [HANGUP]}) as app:
        get = AppAddress(url=app.url, method="GET")
        await called(app.url, app=get, server="old")
        await called(app.url, app=get, server="new")

    old, new = app.told("/")
    assert old["direction"] == "inbound"
    assert old["callSid"]
    assert "sip" not in old
    assert new == {}


async def test_a_hook_may_be_an_object_with_a_method() -> None:
    gather = {**GATHER, "actionHook": {"url": "/chosen", "method": "GET"}}
    async with raw_app({"/": [gather, HANGUP]}) as app:
        await called(app.url, "asked press 1", server="old")

    assert app.told("/chosen")[0]["digits"] == "1"
    assert [request.method for request in app.requests if request.url.path == "/chosen"] == ["GET"]


async def test_hooks_are_signed_over_their_bytes_and_carry_the_credential() -> None:
    async with raw_app({"/": [HANGUP]}) as app:
        address = AppAddress(url=app.url, username="u", password="p", secret="s")  # noqa: S106 - of this test
        await called(app.url, app=address)

    request = app.requests[0]
    header = request.headers["jambonz-signature"]
    at = int(header.split(",")[0][2:])
    assert is_signed(header, await request.body(), ["s"], now=at)
    assert request.headers["authorization"] == "Basic dTpw"
    assert request.headers["user-agent"] == "jambonz"


async def test_relative_hooks_are_below_the_host_and_not_below_the_application() -> None:
    answers = {"/desk": [GATHER, HANGUP], "/chosen": [HANGUP]}
    async with raw_app(answers) as app:
        await called(app.url, "asked press 1", app=AppAddress(url=f"{app.url}/desk"))

    assert [path for path, _ in app.asked if "status" not in path] == ["/desk", "/chosen"]
    assert app.told("/desk/call-status")


async def test_the_status_hook_may_be_elsewhere() -> None:
    async with raw_app({"/": [HANGUP]}) as app:
        await called(app.url, status=f"{app.url}/elsewhere")

    assert app.told("/elsewhere")
    assert not app.told("/call-status")


async def test_what_is_no_array_lets_the_call_go_on_as_204_does() -> None:
    async with raw_app({"/": [GATHER, HANGUP], "/chosen": {"ok": True}}) as app:
        outcome = await called(app.url, "asked press 1")

    assert outcome.info.status == "completed"
    assert not outcome.refusals
    assert json.dumps(app.told("/chosen"))
