"""What the platform refuses: an application that breaks each rule, refused with its source."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.platform.raw_app import (
    HANGUP,
    LONG,
    RawApp,
    called,
    command,
    dialogue,
    played,
    raw_app,
)

import listen_server.jambonz
import listen_server.simulator.platform as package
from listen_server.simulator.platform import RULES, AppAddress, Outcome, Refusal, read_application

SAY = {"verb": "say", "text": "hello"}
ANSWER = {"verb": "answer"}
ENQUEUE = {"verb": "enqueue", "name": "help", "waitHook": "/wait"}
CONFERENCE = {"verb": "conference", "name": "m", "startConferenceOnEnter": False}
DIAL = {"verb": "dial", "target": [{"type": "phone", "number": "+15550100003"}]}

BY_ANSWER: list[tuple[str, Any]] = [
    ("array", {"verb": "say", "text": "hello"}),
    ("objects", ["say"]),
    ("named", [{"text": "hello", "loop": 1}]),
    ("named", [{"say": "hello"}]),
    ("known verb", [{"verb": "speak", "text": "hello"}]),
    ("known verb", [{"verb": "park", "slot": "7000"}]),
    ("known property", [{**SAY, "volume": 1}]),
    ("known property", [{"verb": "gather", "action": "/chosen"}]),
    ("known property", [{"verb": "gather", "actionHook": "/a", "say": SAY}]),
    ("known property", [{"verb": "dequeue", "name": "a", "confirmHook": "/c"}]),
    ("types", [{"verb": "say", "text": 5}]),
    ("types", [{"verb": "listen"}]),
    ("types", [{"verb": "listen", "url": "wss://a", "mixType": "quadro"}]),
    ("not empty", []),
]
BY_HOOK: list[tuple[str, dict[str, Any]]] = [
    ("enqueue wait", {"/": [ENQUEUE], "/wait": [{"verb": "hangup"}]}),
    ("conference wait", {"/": [{**CONFERENCE, "waitHook": "/wait"}], "/wait": [{"verb": "leave"}]}),
    (
        "conference wait",
        {
            "/": [{"verb": "conference", "name": "m", "enterHook": "/in"}],
            "/in": [{"verb": "tag", "data": {}}],
        },
    ),
    (
        "confirm",
        {"/": [{**DIAL, "confirmHook": "/ok"}], "/ok": [{"verb": "sip:decline", "status": 480}]},
    ),
    ("unanswered", {"/": [ANSWER, {"verb": "sip:decline", "status": 480}]}),
    ("answered", {"/": [HANGUP]}),
    (
        "known verb",
        {"/": [{"verb": "redirect", "actionHook": "/next"}], "/next": [{"verb": "jump"}]},
    ),
]
BY_COMMAND: list[tuple[str, dict[str, Any]]] = [
    ("known command", command("explode", {"a": 1})),
    ("mute", command("mute:status", {"mute_status": "mute"})),
    ("in conference", command("conf:mute-status", {"conf_mute_status": "mute"})),
    ("in conference", command("conf:hold-status", {"conf_hold_status": "hold"})),
    ("streaming", command("listen:status", {"listen_status": "pause"})),
    ("recording", command("record", {"action": "pauseCallRecording"})),
    ("whisper", command("whisper", {"whisper": [SAY]})),
    ("sip_request", command("sip:request", {"method": "INFO"})),
    ("known verb", command("redirect", [{"verb": "jump"}])),
    ("array", command("redirect", {"verb": "say"})),
]
MESSAGES: list[Any] = [
    "hello",
    [],
    {"msgid": "1"},
    {"type": "order"},
    {"type": "ack"},
    {"type": "command"},
    {"type": "command", "command": "redirect"},
]


def refused(outcome: Outcome, rule: str) -> bool:
    """Tell whether the rule was broken, and its source shown."""
    found = [refusal for refusal in outcome.refusals if refusal.rule == rule]
    source = RULES[rule].source
    return bool(found) and any(source in line for line in dialogue(outcome, who="REFUSED"))


@pytest.mark.parametrize(("rule", "answer"), BY_ANSWER)
async def test_an_application_that_is_none_ends_the_call_with_480(rule: str, answer: Any) -> None:
    outcome = await played({"/": answer})

    assert refused(outcome, rule)
    assert dialogue(outcome)[-1] == "ends the call with 480"


@pytest.mark.parametrize(("rule", "answers"), BY_HOOK)
async def test_verbs_that_a_place_does_not_take_are_not_executed(
    rule: str, answers: dict[str, Any]
) -> None:
    outcome = await played(answers, "20 hang up")

    assert refused(outcome, rule)


@pytest.mark.parametrize(("rule", "message"), BY_COMMAND)
async def test_a_command_that_does_not_fit_changes_nothing_and_is_not_reported(
    rule: str, message: dict[str, Any]
) -> None:
    async with raw_app({"/": [ANSWER, LONG, HANGUP]}, "ws") as app:
        app.writes["/"] = [message]
        outcome = await called(app.url)

    assert refused(outcome, rule)
    assert outcome.info.duration == 100
    assert app.kinds("jambonz:error") == []


@pytest.mark.parametrize("message", MESSAGES)
async def test_a_message_that_is_none_is_answered_with_an_error(message: Any) -> None:
    async with raw_app({"/": [ANSWER, HANGUP]}, "ws") as app:
        app.writes["/"] = [message]
        outcome = await called(app.url)

    (error,) = app.kinds("jambonz:error")
    assert error["msg"] == "InvalidMessage"
    assert error["content"] == (message if isinstance(message, str) else json.dumps(message))
    assert error["details"]
    assert outcome.info.status == "completed"


@pytest.mark.parametrize("status", [201, 301, 404, 500])
async def test_a_hook_that_is_answered_with_another_status_is_refused(status: int) -> None:
    async with raw_app({"/": [SAY]}) as app:
        app.status = status
        outcome = await called(app.url)

    assert refused(outcome, "status")


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_an_application_that_is_not_there_is_refused(scheme: str) -> None:
    assert refused(await called(f"{scheme}://127.0.0.1:9"), "reachable")


async def test_a_socket_of_another_subprotocol_is_refused() -> None:
    async with raw_app({"/": [SAY]}, "ws") as app:
        app.subprotocol = None
        assert refused(await called(app.url), "subprotocol")


async def test_a_message_that_nobody_acknowledges_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("listen_server.simulator.platform.sockets._ACK_SECONDS", 0.1)
    async with raw_app({"/": [SAY]}, "ws") as app:
        app.silent = True
        assert refused(await called(app.url), "ack")


async def test_a_message_over_24_kib_costs_the_socket() -> None:
    async with raw_app(
        {"/": [{**DIAL, "actionHook": "/after"}, ANSWER], "/after": []}, "ws"
    ) as app:
        app.writes["/after"] = [command("redirect", [{**SAY, "text": "a" * 25_000}])]
        outcome = await called(app.url, "40 hang up")

    assert refused(outcome, "size")
    assert "is reached again: session:reconnect" in dialogue(outcome)
    assert [message["type"] for message in app.said].count("session:reconnect") == 1


async def test_a_gather_whose_hook_answers_wrongly_is_told_and_the_call_goes_on() -> None:
    gather = {"verb": "gather", "actionHook": "/chosen", "numDigits": 1, "timeout": 5}
    answers = {"/": [gather, SAY, HANGUP], "/chosen": [{"verb": "jump"}]}
    async with raw_app(answers, "ws") as app:
        outcome = await called(app.url, "asked press 1")

    assert refused(outcome, "known verb")
    assert app.kinds("jambonz:error")[0]["msg"] == "invalid actionHook response"
    assert "says 'hello'" in dialogue(outcome)


async def test_a_redirect_whose_hook_answers_wrongly_ends_the_call() -> None:
    answers = {
        "/": [ANSWER, {"verb": "redirect", "actionHook": "/n"}, SAY],
        "/n": [{"verb": "jump"}],
    }

    assert "says 'hello'" not in dialogue(await played(answers))


@pytest.mark.parametrize(
    "file", sorted(Path(__file__).parents[2].glob("jambonz/examples/*.json")), ids=lambda f: f.stem
)
def test_what_our_package_writes_of_an_example_is_what_the_platform_takes(file: Path) -> None:
    example = json.loads(file.read_text())
    if example["kind"] not in {"verb", "application"}:
        return
    given = example["given"]
    made = listen_server.jambonz.Application(
        given if isinstance(given, list) else [given], top_level_transcribe=True
    )
    if made.passed_through:  # the reference hides them, and the platform has them not
        with pytest.raises(Refusal, match="invalid instruction"):
            read_application(made.write())
    else:
        assert len(read_application(made.write())) == len(made)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
)


@given(
    given=json_values
    | st.lists(
        st.fixed_dictionaries(
            {"verb": st.sampled_from(["say", "gather", "dial", "listen", "tag", "config"])},
            optional={
                "text": json_values,
                "target": json_values,
                "say": json_values,
                "data": json_values,
            },
        )
    )
)
def test_any_json_is_read_or_refused(given: Any) -> None:
    with suppress(Refusal):  # and nothing else
        assert isinstance(read_application(given), list)


@pytest.mark.parametrize(
    "verb",
    [
        {**DIAL, "stream": {"url": "wss://audio.example.com"}},
        {"verb": "config", "stream": {"url": "wss://audio.example.com", "enable": True}},
        {"verb": "stream", "url": "wss://audio.example.com"},
        {"verb": "gather", "numDigits": 1},
        {"verb": "transcribe"},
        {"stream": {"url": "wss://audio.example.com"}},
    ],
)
def test_what_the_platform_takes_beside_the_reference_is_taken(verb: dict[str, Any]) -> None:
    assert len(read_application([verb])) == 1


async def test_traps_of_the_reference_are_those_of_the_platform() -> None:
    gather = {"verb": "gather", "input": ["dtmf"], "actionHook": "/chosen", "timeout": 4}
    verbs = [{"verb": "say", "text": "once", "loop": 0}, gather, {"verb": "gather"}, HANGUP]
    async with raw_app({"/": verbs}) as app:
        outcome = await called(app.url, "asked press 1")

    assert dialogue(outcome).count("says 'once'") == 1
    assert "digits" not in app.told("/chosen")[0]
    assert len(app.told("/chosen")) == 1


def test_each_rule_cites_a_source_and_has_a_test() -> None:
    tested = {rule for rule, _ in (*BY_ANSWER, *BY_HOOK, *BY_COMMAND)}

    above = {"status", "reachable", "subprotocol", "ack", "size", "message"}
    in_test_rest = {"update", "update state", "child"}

    assert all(rule.source.startswith(("FS lib/", "VS ", "AS ")) for rule in RULES.values())
    assert set(RULES) - tested == above | in_test_rest


def test_the_readme_names_each_rule() -> None:
    assert package.__file__
    readme = (Path(package.__file__).parent / "README.md").read_text()

    assert all(rule.says in readme and rule.source in readme for rule in RULES.values())


async def test_a_hook_of_basic_and_signature_is_what_our_own_package_takes() -> None:
    from jambonz.desk import Desk
    from jambonz.peer import up

    access = listen_server.jambonz.Access(users={"jambonz": "p"}, secrets=["s"])
    async with up(listen_server.jambonz.served(Desk(), access=access)) as address:
        url = f"http://{address}"
        right = AppAddress(url=url, username="jambonz", password="p", secret="s")  # noqa: S106 - of this test
        wrong = AppAddress(url=url, username="jambonz", password="p", secret="t")  # noqa: S106 - of this test
        assert not (await called(url, "5 hang up", app=right)).refusals
        assert refused(await called(url, app=wrong), "status")


def test_what_the_raw_application_is_asked_for_is_kept() -> None:
    assert RawApp({}).told("/") == []
