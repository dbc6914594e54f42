"""Calls that are on: shown and commanded, over a real server, as jambonz and its users meet it."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from harness import serving, settings
from jambonz.peer import Socket
from live.live_server import (
    HERE,
    LEG,
    PAUSE,
    SID,
    Api,
    api,
    application,
    made,
    rest_api,
    stream,
)
from websockets.exceptions import InvalidStatus

from listen_server.live.audit import CommandAudit
from listen_server.live.seen import SeenCall
from listen_sinks.voicemail.index.audit_check import check_audit
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.own_secrets import audit_key


@pytest.fixture(autouse=True)
def desk_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)


async def test_a_call_is_listed_with_its_streams_sinks_and_socket(tmp_path: Path) -> None:
    async with api(tmp_path) as on, stream(on), application(on):
        (call,) = await on.calls()
        (one,) = call["streams"]

        assert call["call_sid"] == SID
        assert call["application_socket"] is True
        assert (one["route"], one["sinks"], one["sample_rate"]) == ("/listen", ["memory"], 8000)


async def test_a_call_that_is_over_is_not_listed(tmp_path: Path) -> None:
    async with api(tmp_path) as on:
        async with stream(on):
            pass
        await on.server.recording()
        assert await on.calls() == []


async def test_a_command_reaches_the_call_and_is_told_as_written(tmp_path: Path) -> None:
    async with api(tmp_path) as on, stream(on), application(on) as jambonz:
        answer = await on.command({"command": "redirect", "data": [{"verb": "hangup"}]})
        sent = await jambonz.commands.get()

    assert answer.status_code == 202
    assert answer.json() == {"status": "written", "way": "socket", "errors": [], "not_checked": []}
    assert (sent["command"], sent["data"]) == ("redirect", [{"verb": "hangup"}])


async def test_what_jambonz_minds_is_told_to_who_commanded(tmp_path: Path) -> None:
    async def mind(jambonz: Socket) -> None:
        sent = await jambonz.commands.get()
        wrong = {"msg": "InvalidMessage", "details": "no such verb", "content": sent}
        await jambonz.tell("jambonz:error", wrong)

    async with api(tmp_path) as on, application(on) as jambonz:
        minding = asyncio.create_task(mind(jambonz))
        answer = await on.command({"command": "redirect", "data": [{"verb": "hangup"}]})
        await minding

    assert answer.json()["errors"] == ["InvalidMessage: no such verb"]


async def test_a_leg_is_commanded_over_the_socket_of_its_call(tmp_path: Path) -> None:
    async with (
        api(tmp_path) as on,
        application(on) as jambonz,
        stream(on, callSid=LEG, parentCallSid=SID),
    ):
        await on.command({"command": "mute:status", "data": {"mute_status": "mute"}}, sid=LEG)
        sent = await jambonz.commands.get()

    assert sent["callSid"] == LEG


async def test_a_pause_by_command_is_no_lost_audio(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with api(tmp_path, tick=0.02) as on, application(on):
        async with stream(on) as socket:
            await feed(socket, 2.0)
            began = loop.time()
            answer = await on.command(PAUSE)  # takes a second
            took = loop.time() - began
            assert answer.status_code == 202
            await feed(socket, 3.5)
        recording = await on.server.recording()

    assert recording.outcome is not None
    (gap,) = recording.outcome.gaps
    assert gap.reason == "paused"
    assert 0.7 < gap.seconds < took + 0.6


async def feed(socket: Any, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for packet in range(round(seconds * 50)):
        await asyncio.sleep(max(0.0, began + packet * 0.02 - loop.time()))
        await socket.send(bytes(320))


async def test_a_call_without_a_socket_is_commanded_over_the_rest_api(tmp_path: Path) -> None:
    async with (
        rest_api() as (rest, account),
        api(tmp_path, jambonz=account) as on,
        stream(on),
    ):
        answer = await on.command(PAUSE)

    assert answer.json() == {"status": "written", "way": "rest", "errors": [], "not_checked": []}
    path, token, change = rest.asked[0]
    assert path == f"/v1/Accounts/acc-1/Calls/{SID}"
    assert token == "Bearer key-1"  # noqa: S105 - a test's
    assert change == {"listen_status": "pause"}


@pytest.mark.parametrize(
    ("command", "change"),
    [
        (("call:status", {"call_status": "completed"}), {"call_status": "completed"}),
        (("mute:status", "mute"), {"mute_status": "mute"}),
        (
            ("conf:hold-status", {"conf_hold_status": "hold", "wait_hook": "/w"}),
            {"conf_hold_status": "hold", "wait_hook": "/w"},
        ),
        (
            ("record", {"action": "stopCallRecording", "siprecServerURL": "sip:rec@example.com"}),
            {"record": {"action": "stopCallRecording", "siprecServerURL": "sip:rec@example.com"}},
        ),
        (
            ("sip:request", {"method": "INFO", "content_type": "text/plain", "content": "x"}),
            {"sip_request": {"method": "INFO", "content_type": "text/plain", "content": "x"}},
        ),
    ],
)
async def test_the_rest_api_gets_each_command_in_its_own_shape(
    tmp_path: Path, command: tuple[str, Any], change: Any
) -> None:
    async with rest_api() as (rest, account), api(tmp_path, jambonz=account) as on, stream(on):
        answer = await on.command({"command": command[0], "data": command[1]})

    assert answer.status_code == 202, answer.text
    assert rest.asked[0][2] == change


async def test_a_command_for_a_leg_goes_to_that_leg_over_the_rest_api(tmp_path: Path) -> None:
    async with rest_api() as (rest, account), api(tmp_path, jambonz=account) as on, stream(on):
        await on.command({"command": "mute:status", "data": "mute", "callSid": LEG})
        nonsense = await on.command({"command": "mute:status", "data": "mute", "callSid": "../a"})

    assert [path for path, _, _ in rest.asked] == [f"/v1/Accounts/acc-1/Calls/{LEG}"]
    assert nonsense.status_code == 409


@pytest.mark.parametrize(
    "text",
    [b'{"command": "dtmf", "data": {"a": NaN}}', b'{"command": "dtmf", "data": {"a": "\\ud800"}}'],
)
async def test_what_has_no_form_in_json_does_not_go_to_the_rest_api(
    tmp_path: Path, text: bytes
) -> None:
    async with rest_api() as (rest, account), api(tmp_path, jambonz=account) as on, stream(on):
        answer = await on.command(text)

    assert answer.status_code == 422
    assert "no form in JSON" in answer.json()["error"]
    assert rest.asked == []


async def test_a_record_that_the_rest_api_would_refuse_is_told_before(tmp_path: Path) -> None:
    async with rest_api() as (rest, account), api(tmp_path, jambonz=account) as on, stream(on):
        answer = await on.command({"command": "record", "data": {"action": "stopCallRecording"}})

    assert answer.status_code == 409
    assert "siprecServerURL" in answer.json()["error"]
    assert rest.asked == []


@pytest.mark.parametrize(("theirs", "ours"), [(404, 404), (401, 502), (500, 502)])
async def test_what_the_rest_api_refuses_is_told(tmp_path: Path, theirs: int, ours: int) -> None:
    async with rest_api() as (rest, account), api(tmp_path, jambonz=account) as on, stream(on):
        rest.status = theirs
        answer = await on.command(PAUSE)

    assert answer.status_code == ours
    assert answer.json()["error"]


async def test_a_rest_api_that_is_away_is_told(tmp_path: Path) -> None:
    account = {"acme": {"url": "http://127.0.0.1:9/v1", "token": "t"}}
    async with api(tmp_path, jambonz=account) as on, stream(on):
        answer = await on.command(PAUSE)

    assert answer.status_code == 504


async def test_a_call_of_another_pod_is_commanded_where_the_account_is_named(
    tmp_path: Path,
) -> None:
    async with rest_api() as (rest, account):
        account["acme"]["account_sid"] = "acc-2"
        async with api(tmp_path, jambonz=account) as on:
            answer = await on.command(PAUSE)
            rest.status = 404
            over = await on.command(PAUSE)
            nonsense = await on.command(PAUSE, sid="no%20such")

    assert (answer.status_code, over.status_code, nonsense.status_code) == (202, 404, 409)
    assert [path for path, _, _ in rest.asked] == [f"/v1/Accounts/acc-2/Calls/{SID}"] * 2


async def test_verbs_need_a_socket(tmp_path: Path) -> None:
    async with rest_api() as (rest, account), api(tmp_path, jambonz=account) as on, stream(on):
        answer = await on.command({"command": "redirect", "data": [{"verb": "hangup"}]})

    assert answer.status_code == 409
    assert rest.asked == []


async def test_where_there_is_no_way_the_answer_says_what_to_configure(tmp_path: Path) -> None:
    async with api(tmp_path) as on, stream(on):
        answer = await on.command(PAUSE)

    assert answer.status_code == 409
    assert "[jambonz.acme]" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", 400),
        (b"[" * 10_000, 400),
        (b'"text"', 422),
        ({"command": "no:such", "data": {}}, 422),
        ({"command": "mute:status", "data": {"mute_status": "perhaps"}}, 422),
        (b" " * 70_000, 413),
    ],
)
async def test_a_wrong_command_gets_a_sentence(tmp_path: Path, body: Any, status: int) -> None:
    async with api(tmp_path) as on, stream(on), application(on) as jambonz:
        answer = await on.command(body)
        assert jambonz.commands.empty()

    assert answer.status_code == status
    assert answer.json()["error"]


async def test_calls_of_another_tenant_are_not_there(tmp_path: Path) -> None:
    stranger = await asyncio.to_thread(made, tmp_path, "other", ("api",))
    async with api(tmp_path) as on, stream(on), application(on) as jambonz:
        other = Api(on.server, stranger, on.client)
        assert await other.calls() == []
        assert (await other.command(PAUSE)).status_code == 404
        assert jambonz.commands.empty()


async def test_a_credential_of_another_tenant_brings_no_hook_to_an_application(
    tmp_path: Path,
) -> None:
    stranger = await asyncio.to_thread(made, tmp_path, "other", ("listen", "api"))
    async with api(tmp_path) as on:
        other = Api(on.server, stranger, on.client)
        desk = f"http://127.0.0.1:{on.server.port}/desk"
        own = await on.client.post(desk, json={"call_sid": SID}, auth=on.auth)
        theirs = await on.client.post(desk, json={"call_sid": SID}, auth=other.auth)
        with pytest.raises(InvalidStatus) as caught:
            async with application(other):
                pass

    assert (own.status_code, theirs.status_code) == (200, 401)
    assert caught.value.response.status_code == 401


async def test_a_call_that_is_over_cannot_be_commanded(tmp_path: Path) -> None:
    async with api(tmp_path) as on:
        assert (await on.command(PAUSE)).status_code == 404


async def test_only_the_scope_api_opens_it(tmp_path: Path) -> None:
    streamer = await asyncio.to_thread(made, tmp_path, "acme", ("listen",))
    async with api(tmp_path) as on:
        wrong = Api(on.server, streamer, on.client)
        assert (await wrong.command(PAUSE)).status_code == 403
        assert (await on.command(PAUSE, auth=("acme", "guess"))).status_code == 401
        assert (await on.command(PAUSE, auth=None)).status_code == 401


async def test_no_web_page_commands_a_server_that_asks_for_no_credential(tmp_path: Path) -> None:
    ready = await asyncio.to_thread(lambda: settings(tmp_path))
    async with serving(ready) as server, httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        url = f"http://127.0.0.1:{server.port}/api/v1/calls"
        from_page = await client.get(url, headers={"Origin": "https://elsewhere.example"})
        from_own_name = await client.get(url, headers={"Host": "page.example"})  # DNS rebinding
        from_program = await client.get(url)

    assert [each.status_code for each in (from_page, from_own_name, from_program)] == [
        403,
        403,
        200,
    ]


async def test_every_command_is_in_the_audit_log(tmp_path: Path) -> None:
    async with api(tmp_path) as on, stream(on), application(on):
        await on.command(PAUSE)

    key = await asyncio.to_thread(audit_key, tmp_path / "audit.key")
    database = await asyncio.to_thread(Database, f"sqlite+aiosqlite:///{tmp_path / 'index.db'}")
    report = await check_audit(database, AuditLog(key).trusted)
    await database.close()
    assert report.problems == ()
    assert report.entries == 2  # the beginning of the chain, and the command


@pytest.mark.parametrize("tenant", ["acme", "1234567"])
async def test_whatever_a_tenant_is_called_its_commands_are_written_down(
    tmp_path: Path, tenant: str
) -> None:
    audit = CommandAudit(tmp_path, [])

    await audit(f"{tenant}.123456", SeenCall(tenant, SID))
    await audit.close()

    assert (tmp_path / "index.db").exists()


async def test_no_command_goes_that_cannot_be_written_down(tmp_path: Path) -> None:
    async with api(tmp_path) as on, application(on) as jambonz:
        await asyncio.to_thread((tmp_path / "index.db").mkdir)
        answer = await on.command(PAUSE)
        assert jambonz.commands.empty()

    assert answer.status_code == 503
