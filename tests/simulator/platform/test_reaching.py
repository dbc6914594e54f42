"""An application that changes hands: from webhooks to a websocket and back, with credentials."""

from typing import Any

from simulator.platform.raw_app import HANGUP, RawApp, called, command, dialogue, raw_app

from listen_server.simulator.platform import AppAddress

ANSWER = {"verb": "answer"}
SAY = {"verb": "say", "text": "hello"}
GATHER = {"verb": "gather", "actionHook": "/chosen", "numDigits": 1}
OWN = {"username": "own", "password": "secret"}
BASIC = "Basic b3duOnNlY3JldA=="


def redirect(hook: Any) -> dict[str, Any]:
    return {"verb": "redirect", "actionHook": hook}


def credentialled(app: RawApp) -> AppAddress:
    return AppAddress(url=app.url, username="u", password="p")  # noqa: S106 - of this test


def authorizations(app: RawApp, path: str) -> list[str | None]:
    return [
        request.headers.get("authorization") for request in app.requests if request.url.path == path
    ]


async def test_an_application_goes_from_webhooks_to_a_socket_and_back() -> None:
    async with raw_app({}) as app:
        ws = app.url.replace("http", "ws")
        app.answers |= {
            "/": lambda told: [ANSWER, GATHER] if "sip" in told else [SAY, GATHER],
            "/chosen": lambda told: (
                [redirect(f"{ws}/")] if told["digits"] == "1" else [redirect(f"{app.url}/last")]
            ),
            "/last": [redirect("/bye")],
            "/bye": [{"verb": "say", "text": "bye"}, HANGUP],
        }
        outcome = await called(app.url, "asked press 1", "asked press 2")

    assert not outcome.refusals
    kinds = [message["type"] for message in app.said if message["type"] != "verb:status"]
    assert kinds == ["session:new", "verb:hook"]
    assert "sip" not in app.said[0]["data"]
    assert [request.url.path for request in app.requests if "status" not in request.url.path] == [
        "/",
        "/chosen",
        "/last",
        "/bye",
    ]
    assert {"says 'hello'", "says 'bye'"} <= set(dialogue(outcome))
    assert [told["call_status"] for told in app.told("/call-status")][-1] == "completed"


async def test_the_socket_that_a_redirect_has_opened_may_command() -> None:
    async with raw_app({}) as app:
        ws = app.url.replace("http", "ws")
        app.answers["/"] = lambda told: [redirect(f"{ws}/")] if "sip" in told else [ANSWER, GATHER]
        app.writes["/chosen"] = [command("redirect", [SAY, HANGUP])]
        outcome = await called(app.url, "asked press 1")

    assert dialogue(outcome)[-3:] == ["says 'hello'", "hangs up", "tells the status: completed"]


async def test_a_redirect_to_another_socket_leaves_the_first_without_a_say() -> None:
    async with raw_app({}, "ws") as app, raw_app({}, "ws") as other:
        app.answers["/"] = [ANSWER, redirect(f"{other.url}/next")]
        other.answers[f"{other.url}/next"] = [SAY, GATHER]
        other.answers["/chosen"] = [HANGUP]
        outcome = await called(app.url, "asked press 1")

    assert f"{other.url}/next" in [message.get("hook") for message in other.said]
    assert [message["type"] for message in other.said] == ["session:redirect", "verb:hook"]
    statuses = [one["call_status"] for one in app.kinds("call:status")]
    assert statuses == ["trying", "in-progress", "completed"]
    assert "says 'hello'" in dialogue(outcome)


async def test_a_hook_of_a_socket_at_an_http_address_has_credentials_of_its_own() -> None:
    async with raw_app({}, "ws") as app:
        http = app.url.replace("ws", "http")
        hook = {"url": f"{http}/chosen", **OWN}
        app.answers |= {"/": [{**GATHER, "actionHook": hook}], "/chosen": [HANGUP]}
        address = credentialled(app)
        outcome = await called(app.url, "asked press 1", app=address)

    assert authorizations(app, "/chosen") == [BASIC]
    assert outcome.info.status == "completed"
    assert [message["type"] for message in app.said if message["type"] != "call:status"] == [
        "session:new"
    ]


async def test_a_redirect_that_leaves_a_socket_takes_its_credentials_along() -> None:
    async with raw_app({}, "ws") as app:
        http = app.url.replace("ws", "http")
        hook = {"url": f"{http}/next", **OWN}
        app.answers |= {"/": [redirect(hook)], "/next": [GATHER], "/chosen": [HANGUP]}
        await called(app.url, "asked press 1", app=credentialled(app))

    assert authorizations(app, "/next") == authorizations(app, "/chosen") == [BASIC]


async def test_between_webhooks_those_of_the_application_are_sent_and_a_redirect_drops_them() -> (
    None
):
    async with raw_app({}) as app, raw_app({}) as other:
        gather = {**GATHER, "actionHook": {"url": "/chosen", **OWN}}
        app.answers |= {"/": [gather], "/chosen": [redirect(f"{other.url}/next")]}
        other.answers |= {"/next": [{**GATHER, "actionHook": "/there"}], "/there": [HANGUP]}
        lines = ("asked press 1", "asked press 2")
        await called(app.url, *lines, app=credentialled(app))

    assert authorizations(app, "/chosen") == ["Basic dTpw"]
    assert authorizations(other, "/next") == authorizations(other, "/there") == [None]


async def test_a_hook_at_a_ws_address_is_asked_as_a_new_session() -> None:
    async with raw_app({}) as app:
        hook = f"{app.url.replace('http', 'ws')}/"
        app.answers["/"] = lambda told: (
            [{**GATHER, "actionHook": hook}] if "sip" in told else [SAY, HANGUP]
        )
        outcome = await called(app.url, "asked press 1")

    (new,) = app.kinds("session:new")
    assert new["digits"] == "1"
    assert dialogue(outcome)[-3:] == ["says 'hello'", "hangs up", "tells the status: completed"]


async def test_a_redirect_may_say_who_is_told_the_status_from_then_on() -> None:
    async with raw_app({}) as app:
        moved = {**redirect("/next"), "statusHook": "/elsewhere"}
        app.answers |= {"/": [ANSWER, moved], "/next": [HANGUP]}
        await called(app.url)

    assert [told["call_status"] for told in app.told("/elsewhere")] == ["completed"]
