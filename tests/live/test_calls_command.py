"""`listen-server calls`, against a real server with a call on it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from live.live_server import HERE, SID, Api, api, application, stream
from terminal import Ended, run


@pytest.fixture(autouse=True)
def desk_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)


async def calls(on: Api, *arguments: str, **options: Any) -> Ended:
    """Run the command for this server and credential."""
    user, secret = on.auth
    given = {"url": f"http://127.0.0.1:{on.server.port}", "user": user, "password": secret}
    named = [part for key, value in {**given, **options}.items() for part in (f"--{key}", value)]
    return await asyncio.to_thread(run, "calls", *arguments, *named)


async def test_calls_that_are_on_are_a_table(tmp_path: Path) -> None:
    async with api(tmp_path) as on:
        nothing = await calls(on, "list")
        async with stream(on), application(on), stream(on, callSid="[red]\x1b[2J"):
            listed = await calls(on, "list")

    assert (nothing.status, nothing.told) == (0, "no call is on\n")
    (line,) = [line.split() for line in listed.told.splitlines() if SID in line]
    assert line[0] == SID
    assert line[-3:] == ["1", "memory", "yes"]
    assert "[red]?[2J" in listed.told  # which commands no terminal


async def test_calls_without_a_stream_are_told_apart_by_their_time_and_application(
    tmp_path: Path,
) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    async with api(tmp_path) as on, application(on):
        listed = await calls(on, "list")

    (line,) = [line.split() for line in listed.told.splitlines() if SID in line]
    assert began <= datetime.fromisoformat(f"{line[1]}T{line[2]}+00:00") <= datetime.now(UTC)
    assert line[3:] == ["Desk", "0", "yes"]


async def test_a_verb_that_is_unknown_here_is_passed_on_and_named(tmp_path: Path) -> None:
    async with api(tmp_path) as on, application(on) as jambonz:
        written = await calls(on, "command", SID, "redirect", '[{"verb": "sya"}]')
        sent = await jambonz.commands.get()

    assert sent["data"] == [{"verb": "sya"}]
    assert (written.status, "not checked here: sya\n" in written.told) == (0, True)


async def test_a_status_is_given_as_a_word_and_verbs_as_json(tmp_path: Path) -> None:
    async with api(tmp_path) as on, stream(on), application(on) as jambonz:
        paused = await calls(on, "command", SID, "stream:status", "pause")
        verbs = '[{"verb": "hangup"}]'
        redirected = await calls(on, "command", SID, "redirect", verbs, "--queue")
        commands = [await jambonz.commands.get() for _ in range(2)]

    for one in (paused, redirected):
        assert one.told.endswith("written, by the application's socket\n")
    by_name = {one["command"]: one for one in commands}
    assert by_name["listen:status"]["data"] == {"listen_status": "pause"}
    assert by_name["redirect"]["queueCommand"] is True


async def test_what_is_wrong_with_a_command_is_one_sentence(tmp_path: Path) -> None:
    async with api(tmp_path) as on, application(on):
        wrong = await calls(on, "command", SID, "mute:status", "perhaps")
        no_json = await calls(on, "command", SID, "whisper", "perhaps")
        nobody = await calls(on, "command", "nobody", "mute:status", "mute")
        stranger = await calls(on, "list", password="guess")  # noqa: S106 - a test's
    away = await calls(on, "list")

    assert "the server refused (422): `mute_status` of the data of mute:status" in wrong.told
    assert "must be JSON" in no_json.told
    assert "(404): no such call is on here" in nobody.told
    assert "(401)" in stranger.told
    assert "no server answers at" in away.told
    assert {one.status for one in (wrong, no_json, nobody, stranger, away)} == {2}
