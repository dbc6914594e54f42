"""The websocket API, as jambonz speaks it: what it says, and what it does when a socket drops."""

from typing import Any

from simulator.platform.raw_app import (
    CALLED,
    HANGUP,
    LONG,
    called,
    command,
    dialogue,
    raw_app,
)

from listen_server.simulator.platform import AppAddress

GATHER = {"verb": "gather", "actionHook": "/chosen", "numDigits": 1}
SAY = {"verb": "say", "text": "hello"}


async def test_a_session_begins_with_all_of_the_call() -> None:
    async with raw_app({"/": [{"verb": "answer"}, HANGUP]}, "ws") as app:
        outcome = await called(app.url)

    first = app.said[0]
    assert (first["type"], first["call_sid"]) == ("session:new", outcome.info.call_sid)
    assert first["msgid"]
    assert "hook" not in first
    assert first["data"]["sip"]["headers"]["X-Forwarded-For"]
    assert first["data"]["sip"]["method"] == "INVITE"
    assert first["data"]["defaults"]["synthesizer"]["vendor"]
    assert first["data"]["to"] == CALLED
    statuses = [message for message in app.said if message["type"] == "call:status"]
    assert [one["data"]["call_status"] for one in statuses] == [
        "trying",
        "in-progress",
        "completed",
    ]


async def test_a_hook_names_its_path_and_has_the_verbs_id() -> None:
    async with raw_app({"/": [{**GATHER, "id": "g1"}, HANGUP]}, "ws") as app:
        await called(app.url, "asked press 4")

    (hook,) = [message for message in app.said if message["type"] == "verb:hook"]
    assert hook["hook"] == "/chosen"
    assert (hook["data"]["digits"], hook["data"]["verb_id"]) == ("4", "g1")


async def test_a_redirect_and_a_confirm_have_types_of_their_own() -> None:
    dial = {
        "verb": "dial",
        "target": [{"type": "user", "name": "ann@example.com"}],
        "confirmHook": "/confirm",
    }
    answers: dict[str, Any] = {
        "/": [dial, {"verb": "redirect", "actionHook": "/n"}],
        "/n": [HANGUP],
    }
    async with raw_app(answers, "ws") as app:
        await called(app.url)

    kinds = {message["hook"]: message["type"] for message in app.said if "hook" in message}
    assert kinds == {"/confirm": "dial:confirm", "/n": "session:redirect"}


async def test_a_dropped_socket_comes_back_and_the_call_goes_on() -> None:
    async with raw_app({"/": [GATHER, SAY, GATHER, HANGUP]}, "ws") as app:
        app.writes["/chosen"] = [1011]
        outcome = await called(app.url, "asked press 1", "+5 press 2")

    kinds = [message["type"] for message in app.said]
    assert kinds.count("session:reconnect") == 1
    assert app.kinds("session:reconnect")[0] == app.kinds("session:new")[0]
    assert "is reached again: session:reconnect" in dialogue(outcome)
    assert [told.get("digits") for told in app.told("/chosen")] == ["1", "2"]
    assert outcome.info.status == "completed"


async def test_a_socket_that_drops_before_its_first_ack_is_answered_by_the_next() -> None:
    async with raw_app({"/": [SAY, HANGUP]}, "ws") as app:
        app.writes["/"] = [1011]
        app.reconnect_verbs = [SAY, HANGUP]
        outcome = await called(app.url)

    assert "says 'hello'" in dialogue(outcome)
    assert not outcome.refusals


async def test_a_socket_that_is_closed_with_1000_is_not_opened_again() -> None:
    async with raw_app({"/": [GATHER, SAY]}, "ws") as app:
        app.writes["/chosen"] = [1000]
        outcome = await called(app.url, "asked press 1")

    assert [message["type"] for message in app.said].count("session:reconnect") == 0
    assert "says 'hello'" in dialogue(outcome)
    assert dialogue(outcome)[-2] == "has nothing left to do, and hangs up"


async def test_a_socket_that_never_comes_back_is_given_up() -> None:
    async with raw_app({"/": [GATHER, SAY]}, "ws") as app:
        app.writes["/chosen"] = [1011]
        app.refuses_after = 1
        outcome = await called(app.url, "asked press 1")

    assert dialogue(outcome)[-2] == "has nothing left to do, and hangs up"


async def test_an_ack_of_something_unknown_is_ignored() -> None:
    async with raw_app({"/": [{"verb": "answer"}, HANGUP]}, "ws") as app:
        app.writes["/"] = [{"type": "ack", "msgid": "none", "data": [{"verb": "jump"}]}]
        assert not (await called(app.url)).refusals


async def test_a_hook_with_an_http_address_is_asked_over_http() -> None:
    async with raw_app({"/chosen": [HANGUP]}) as other:
        gather = {**GATHER, "actionHook": f"{other.url}/chosen"}
        async with raw_app({"/": [gather, LONG]}, "ws") as app:
            await called(app.url, "asked press 1")

    assert other.told("/chosen")[0]["digits"] == "1"


async def test_the_credential_is_shown_at_the_upgrade() -> None:
    from jambonz.desk import Desk
    from jambonz.peer import up

    from listen_server.jambonz import Access, served

    async with up(served(Desk(), access=Access(users={"jambonz": "p"}))) as address:
        url = f"ws://{address}"
        right = AppAddress(url=url, username="jambonz", password="p")  # noqa: S106 - of this test
        assert not (await called(url, "5 hang up", app=right)).refusals
        assert [one.rule for one in (await called(url)).refusals] == ["reachable"]


async def test_an_application_of_our_own_package_may_command_at_any_time_in_real_time() -> None:
    import asyncio

    from jambonz.peer import up

    from listen_server.jambonz import Call, CallApplication, Pause, Say, Verbs, commands, served

    class Impatient(CallApplication):
        async def on_call(self, call: Call) -> Verbs:
            asyncio.get_running_loop().call_later(0.2, self._later, call)
            return [Say(text="one"), Pause(length=100)]

        def _later(self, call: Call) -> None:
            self.task = asyncio.create_task(call.send(commands.call_status("completed")))

    async with up(served(Impatient())) as address:
        outcome = await called(f"ws://{address}", speed=1.0)

    assert outcome.info.ended_by == "jambonz"
    assert outcome.screenplay.lines[-1].at < 5


async def test_a_command_may_wait_for_nothing_but_the_call() -> None:
    async with raw_app({"/": [{"verb": "answer"}]}, "ws") as app:
        app.writes["/"] = [command("redirect", [SAY, HANGUP], queueCommand=True)]
        outcome = await called(app.url)

    assert "says 'hello'" in dialogue(outcome)
