"""An application written once: the same dialogue over webhooks and over the websocket."""

# ruff: noqa: ARG002 - every method is given its call, used or not

import json
from typing import Any

import pytest
from harness import until
from jambonz.desk import GREETING, Desk
from jambonz.peer import CALL, Platform

from listen_server.jambonz import Call, CallApplication, Gathered, Verbs, hook, notice, served
from listen_server.jambonz.verbs import Application


def below(verbs: Any) -> Any:
    """Take the prefix away that webhooks need and the websocket does not."""
    return json.loads(json.dumps(verbs).replace('"/desk/', '"/'))


async def test_a_dialogue_is_the_same_over_both_transports(platform: Platform, desk: Desk) -> None:
    first = await platform.new()
    dialled = await platform.hook("/chosen", digits="1", reason="dtmfDetected")
    queued = await platform.hook("/chosen", digits="2")
    waited = await platform.hook("/waiting", queue_position=2, queue_size=3)
    left = await platform.hook("/waiting", queue_position=0)
    over = await platform.hook("/left", queue_result="leave")
    meeting = await platform.hook("/chosen", digits="3")
    again = await platform.hook("/chosen", reason="timeout")
    once_more = await platform.redirect("/again")
    busy = await platform.hook("/dialled", dial_call_status="busy")
    text = await platform.hook("/text", speech={"alternatives": [{"transcript": "hello"}]})
    await platform.status("completed")
    await until(lambda: ("status", "completed") in desk.log)

    gather = {"verb": "gather", "actionHook": "/chosen", "numDigits": 1, "say": {"text": GREETING}}
    listen = {"url": "wss://audio.example.com/listen", "mixType": "stereo"}
    target = [{"type": "phone", "number": "+15551230003"}]
    assert below(first) == [{"verb": "tag", "data": {"seen": 1}}, gather]
    assert below(dialled) == [
        {"verb": "dial", "target": target, "listen": listen, "actionHook": "/dialled"}
    ]
    assert below(queued) == [
        {"verb": "enqueue", "name": "help", "waitHook": "/waiting", "actionHook": "/left"}
    ]
    assert waited == [{"verb": "say", "text": "2 before you"}, {"verb": "pause", "length": 20}]
    assert (left, over, text) == ([{"verb": "leave"}], [], [])
    assert meeting == [{"verb": "conference", "name": "meeting"}]
    assert below(again) == [{"verb": "redirect", "actionHook": "/again"}]
    assert once_more == [{"verb": "say", "text": "Once more."}]
    assert busy == [{"verb": "say", "text": "it was busy"}, {"verb": "hangup"}]
    assert desk.log == [
        ("call", "+15551230001", False),
        ("left", "leave"),
        ("text", "hello"),
        ("status", "completed"),
    ]


async def test_an_older_server_is_understood_as_well(platform: Platform) -> None:
    verbs = await platform.hook("/chosen", callSid=CALL["call_sid"], digits="3")

    assert verbs == [{"verb": "conference", "name": "meeting"}]


async def test_a_hook_after_the_end_is_still_answered(platform: Platform, desk: Desk) -> None:
    await platform.new()
    await platform.status("completed")
    await until(lambda: ("status", "completed") in desk.log)

    assert await platform.hook("/left", queue_result="hangup") == []
    assert ("left", "hangup") in desk.log


async def test_a_hook_that_comes_before_its_call_is_answered(platform: Platform) -> None:
    assert await platform.hook("/waiting", queue_position=0) == [{"verb": "leave"}]


@pytest.mark.parametrize("path", ["chosen", "/", "/call-status", ""])
def test_a_path_that_could_not_be_asked_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="the path of a hook"):
        hook(path)


def test_two_methods_for_one_hook_are_refused() -> None:
    with pytest.raises(TypeError, match="two methods for the hook /a"):

        class Twice(CallApplication):
            @hook("/a")
            async def one(self, call: Call) -> Verbs: ...

            @notice("/a")
            async def two(self, call: Call) -> None: ...


def test_a_hook_that_is_marked_wrongly_is_told_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="the path of the hook is missing"):
        hook(print)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one of call, enqueue wait, conference wait"):
        hook("/a", place="wait")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Few\.one is a hook's method: it takes the call"):

        class Few(CallApplication):
            @hook("/a")
            async def one(self) -> Verbs: ...

    with pytest.raises(TypeError, match="takes the call"):

        class Many(CallApplication):
            @hook("/a")
            async def one(self, call: Call, answer: Gathered, more: int) -> Verbs: ...


def test_a_method_that_replaces_a_hooks_is_that_hooks() -> None:
    class Other(Desk):
        async def chosen(self, call: Call, answer: Gathered, *, more: int = 0) -> Verbs:
            return None

    class Without(Desk):
        chosen = None  # type: ignore[assignment]

    assert Other.hooks.keys() == Desk.hooks.keys()
    assert "/chosen" not in Without.hooks


@pytest.mark.parametrize(
    ("application", "told"),
    [
        (Desk, r"Desk\(\) instead of Desk"),
        (CallApplication(), "CallApplication has no on_call"),
        (7, "int is no CallApplication"),
    ],
)
def test_what_is_no_application_is_not_served(application: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        served(application)


def test_methods_are_inherited_and_read_their_hook_as_they_say() -> None:
    class Below(Desk):
        @hook("/more")
        async def more(self, call: Call, answer: Gathered) -> Verbs:
            return None

        @hook("/any")
        async def any(self, call: Call, answer: Any) -> Verbs:
            return None

    assert Below.hooks["/chosen"].model is Gathered
    assert Below.hooks["/more"].model is Gathered
    assert Below.hooks["/any"].model is None
    assert "/more" not in Desk.hooks


@pytest.mark.parametrize("place", ["call", "confirm", "enqueue wait", "conference wait", "hold"])
def test_the_apology_is_one_that_jambonz_takes_in_each_place(place: Any) -> None:
    apology = Desk().apology(place)

    assert Application(apology.write(), place=place).write()[0]["text"] == CallApplication.sorry
