"""The REST API: what it changes in a simulated call, what it refuses, and who stands behind it."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from harness import Running, serving, settings
from simulator.platform.raw_app import HANGUP, RawApp, at, called, dialogue, raw_app

from listen_server.simulator.platform import Outcome, RestApi, rest_api

TOKEN = "key-1"  # noqa: S105 - of this test
NUMBER = "+15550100003"
PARTY = f"party {NUMBER} answers after 1 for 30"
SAY = {"verb": "say", "text": "hello"}
DIAL: dict[str, Any] = {
    "verb": "dial",
    "target": [{"type": "phone", "number": NUMBER}],
    "actionHook": "/dialled",
    "dtmfCapture": ["*1"],
    "dtmfHook": "/keys",
}


class Changed:
    """A call that was changed when its caller pressed a key, and the answers."""

    def __init__(self, outcome: Outcome, app: RawApp, answers: list[httpx2.Response]) -> None:
        self.outcome = outcome
        self.app = app
        self.statuses = [answer.status_code for answer in answers]
        self.answers = answers


async def changed(
    *changes: Any,
    verbs: list[Any] | None = None,
    scheme: str = "http",
    sid: str = "call_sid",
    **answers: Any,
) -> Changed:
    """Have a call changed 5 s after it began, while it is dialled."""
    given = []
    async with (
        rest_api(TOKEN) as rest,
        raw_app({"/": verbs or [DIAL, SAY, HANGUP]}, scheme) as app,
        httpx2.AsyncClient(
            verify=False, trust_env=False, headers={"authorization": f"Bearer {TOKEN}"}
        ) as http,
    ):

        async def keys(told: Any) -> Any:
            leg = told[sid] if sid != "child" else child_of(app)
            url = f"{rest.url}/Accounts/{told['account_sid']}/Calls/{leg}"
            given.extend([await http.put(url, json=change) for change in changes])
            return []

        app.answers |= {f"/{path}": answer for path, answer in answers.items()}
        app.answers["/keys"] = keys
        outcome = await called(app.url, PARTY, "5 press *1", rest=rest)
    return Changed(outcome, app, given)


def child_of(app: RawApp) -> str:
    """Return the name of the leg that was dialled."""
    told = [one for one in app.told("/call-status") if "parent_call_sid" in one]
    return str(told[0]["call_sid"])


async def test_it_hangs_up() -> None:
    made = await changed({"call_status": "completed"})

    assert made.statuses == [202]
    assert (made.outcome.info.ended_by, made.outcome.info.duration) == ("jambonz", 5)


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_a_call_hook_brings_other_verbs(scheme: str) -> None:
    new = [{"verb": "say", "text": "new"}, HANGUP]
    made = await changed({"call_hook": "/new"}, scheme=scheme, new=new)

    assert made.statuses == [202]
    assert at(made.outcome, "says 'new'") < 6
    assert "says 'hello'" not in dialogue(made.outcome)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"mute_status": "mute"}, "mutes the caller"),
        ({"whisper": SAY}, "says 'hello'"),
        ({"tag": {"desk": 4}}, "keeps desk with the call"),
        ({"dub": {"action": "addTrack", "track": "t"}}, "addTrack t; tracks under the call: t"),
        (
            {"record": {"action": "startCallRecording", "siprecServerURL": "sip:a@example.com"}},
            "recording is on",
        ),
        ({"dtmf": {"digit": "4"}}, "passes over dtmf, which is not simulated"),
    ],
)
async def test_it_does_what_commands_do(change: Any, line: str) -> None:
    made = await changed(change)

    assert made.statuses == [202]
    assert line in dialogue(made.outcome)
    assert not made.outcome.refusals


async def test_a_leg_that_was_dialled_is_muted_by_its_own_name() -> None:
    made = await changed({"mute_status": "mute"}, sid="child")

    assert f"mutes {NUMBER}" in dialogue(made.outcome)


async def test_a_sip_request_is_answered_with_what_the_other_end_says() -> None:
    request = {"method": "INFO", "content_type": "text/plain", "content": "hello"}
    made = await changed({"sip_request": request})

    assert (made.statuses, made.answers[0].json()) == ([200], {"status": 200, "reason": "OK"})
    assert "sends SIP INFO (text/plain)" in dialogue(made.outcome)


@pytest.mark.parametrize(
    "change",
    [
        {},
        [],
        {"waitHook": "/a"},
        {"mute_status": "mute", "listen_status": "pause"},
        {"call_status": "busy"},
        {"sip_request": {"method": "INFO"}},
        {"record": {"action": "stopCallRecording"}},
        {"tag": [1]},
        {"dtmf": {"digit": ""}},
    ],
)
async def test_a_change_that_is_none_is_refused(change: Any) -> None:
    made = await changed(change)

    assert made.statuses == [400]
    assert [one.rule for one in made.outcome.refusals] == ["update"]
    assert "says 'hello'" in dialogue(made.outcome)


async def test_a_change_of_any_shape_is_survived() -> None:
    kinds = ["call_hook", "child_call_hook", "whisper", "dub", "tag", "record", "sip_request"]
    odd: list[Any] = [1, "a", [1], {"a": 1}, {"url": 1}, {"url": ""}]
    changes = [{kind: one} for kind in kinds for one in odd if (kind, one) != ("call_hook", "a")]
    hold = {"conf_hold_status": "hold", "wait_hook": 1}
    made = await changed(*changes, hold, {"call_status": "completed"}, verbs=[DIAL])

    assert set(made.statuses) <= {200, 202, 400}
    assert made.outcome.info.status == "completed"


async def test_what_does_not_fit_the_state_of_the_call_is_refused() -> None:
    made = await changed({"call_status": "no-answer"})

    assert made.statuses == [422]
    assert [one.rule for one in made.outcome.refusals] == ["update state"]


async def test_what_the_platform_takes_and_then_drops_is_told_here() -> None:
    made = await changed({"conf_mute_status": "mute"})

    assert made.statuses == [202]
    assert [one.rule for one in made.outcome.refusals] == ["in conference"]


@pytest.mark.parametrize(
    ("method", "path", "token", "body", "status"),
    [
        ("PUT", "/Accounts/a/Calls/b", "wrong", b"{}", 401),
        ("PUT", "/Accounts/a/Calls/b", TOKEN, b'{"mute_status": "mute"}', 404),
        ("PUT", "/Elsewhere", TOKEN, b"{}", 404),
        ("PUT", "/Accounts/a/Calls/b", TOKEN, b"no json", 400),
        ("PUT", "/Accounts/a/Calls/b", TOKEN, b"[" * 10_000, 400),
        ("PUT", "/Accounts/a/Calls/b", TOKEN, b" " * 70_000, 400),
        ("GET", "/Accounts/a/Calls/b", TOKEN, b"", 404),
    ],
)
async def test_a_request_for_no_call_is_answered_as_such(
    method: str, path: str, token: str, body: bytes, status: int
) -> None:
    headers = {"authorization": f"Bearer {token}"}
    async with (
        rest_api(TOKEN) as rest,
        httpx2.AsyncClient(verify=False, trust_env=False, timeout=60) as http,
    ):
        answer = await http.request(method, f"{rest.url}{path}", content=body, headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_a_child_call_hook_makes_the_leg_a_call_of_its_own(scheme: str) -> None:
    alone = [{"verb": "say", "text": "you are alone"}, {"verb": "pause", "length": 100}]
    made = await changed({"child_call_hook": "/alone"}, scheme=scheme, alone=alone)

    outcome, app = made.outcome, made.app
    spoken = dialogue(outcome)
    assert f"[{NUMBER}] says 'you are alone'" in spoken
    assert spoken.index("says 'hello'") < spoken.index(f"[{NUMBER}] tells the status: completed")
    assert at(outcome, "says 'hello'") < 6  # its own dial is over
    assert outcome.screenplay.lines[-1].at == 31  # who was dialled hangs up
    if scheme == "http":
        (told,) = app.told("/adulting")
    else:
        (told,) = app.kinds("session:adulting")
        assert app.paths[1] == "/adulting"
    assert told["parent_call_info"]["call_sid"] == outcome.info.call_sid
    assert told["call_sid"] != outcome.info.call_sid


async def test_a_leg_of_its_own_has_hooks_of_its_own() -> None:
    gather = {"verb": "gather", "actionHook": "/mine", "timeout": 2}
    made = await changed({"child_call_hook": "/alone"}, alone=[gather])

    (told,) = made.app.told("/mine")
    assert told["parent_call_sid"] == made.outcome.info.call_sid
    assert (told["to"], told["reason"]) == (NUMBER, "timeout")


async def test_a_child_call_hook_without_a_child_is_refused() -> None:
    async with (
        rest_api(TOKEN) as rest,
        raw_app({}) as app,
        httpx2.AsyncClient(
            verify=False, trust_env=False, headers={"authorization": f"Bearer {TOKEN}"}
        ) as http,
    ):

        async def again(told: Any) -> Any:
            url = f"{rest.url}/Accounts/{told['account_sid']}/Calls/{told['call_sid']}"
            await http.put(url, json={"child_call_hook": "/alone"})
            return [HANGUP]

        app.answers |= {"/": [SAY, {"verb": "redirect", "actionHook": "/again"}], "/again": again}
        outcome = await called(app.url, rest=rest)

    assert [one.rule for one in outcome.refusals] == ["child"]


async def _commanded(running: Running, rest: RestApi, name: str, data: Any) -> tuple[Outcome, Any]:
    """Command a call of an application without a socket, by this server's own API."""
    asked: list[asyncio.Task[Any]] = []
    async with (
        raw_app({}) as app,
        httpx2.AsyncClient(verify=False, trust_env=False, timeout=60) as http,
    ):

        async def keys(told: Any) -> Any:
            url = f"http://127.0.0.1:{running.port}/api/v1/calls/{told['call_sid']}/commands"
            asked.append(asyncio.create_task(http.post(url, json={"command": name, "data": data})))
            await asyncio.shield(asked[0])
            return []

        dial = {**DIAL, "listen": {"url": running.url()}}
        app.answers |= {"/": lambda told: [named(dial, told["call_sid"]), SAY, HANGUP]}
        app.answers["/keys"] = keys
        party = f"party {NUMBER} answers after 1 for 6"
        outcome = await called(app.url, party, "5 press *1", rest=rest)
        return outcome, await asked[0]  # a call that is hung up may be over before it is there


def named(dial: dict[str, Any], call_sid: str) -> dict[str, Any]:
    """Return a dial whose stream says that it is the caller's."""
    return {**dial, "listen": {**dial["listen"], "metadata": {"callSid": call_sid}}}


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("listen:status", {"listen_status": "pause"}, "pauses the stream"),
        ("mute:status", {"mute_status": "mute"}, "mutes the caller"),
        ("call:status", {"call_status": "completed"}, "hangs up, as it was told to"),
    ],
)
async def test_commands_of_this_server_reach_a_call_whose_application_has_no_socket(
    tmp_path: Path, name: str, data: Any, line: str
) -> None:
    async with rest_api(TOKEN) as rest:
        account = {"local": {"url": rest.url, "token": TOKEN}}
        async with serving(settings(tmp_path, jambonz=account)) as running:
            outcome, answer = await _commanded(running, rest, name, data)

    assert answer.json() == {"status": "written", "way": "rest", "errors": [], "not_checked": []}
    assert line in dialogue(outcome)
    assert not outcome.refusals
