import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import Running, say, serving, settings, until
from process import command
from webhook_receiver import HERE, SECRET, Receiver
from websockets.exceptions import InvalidStatus

from listen_server.errors import ConfigError
from listen_server.settings import load_settings
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.event_log import Which, list_events, list_targets

RIGHT = {"url": "https://example.com/events", "secret": SECRET}
FIRST = '{"callSid":"a-call","from":"+15551230001","to":"+15551230002","sampleRate":8000}'


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().running() as running:
        yield running


def with_webhook(receiver: Receiver, **changes: Any) -> dict[str, Any]:
    given = {"url": receiver.url, "secret": receiver.secret, "allow_networks": [HERE]}
    return {"webhooks": {"crm": {**given, **changes}}}


async def call(server: Running, path: str = "/listen") -> None:
    async with server.connect(path) as socket:
        await say(socket, FIRST, np.zeros(8000, np.int16).tobytes())


async def test_a_server_without_voicemail_tells_of_its_recordings(
    tmp_path: Path, receiver: Receiver
) -> None:
    made = settings(
        tmp_path, routes={"/listen": {"sinks": ["recording"]}}, **with_webhook(receiver)
    )
    async with serving(made) as server:
        await call(server)
        await receiver.until_accepted(1)
        counted = {"type": "recording.saved", "outcome": "delivered"}
        await until(lambda: server.metric("listen_events_total", **counted))

    (one,) = receiver.received
    data = one.told["data"]
    assert one.told["type"] == "recording.saved"
    assert (data["tenant"], data["state"], data["seconds"]) == ("local", "complete", 1.0)
    day, stream = data["day"].replace("-", "/"), data["stream"]
    assert (tmp_path / "recordings" / day / f"{stream}.json").is_file()
    assert b"1555123" not in one.body


async def test_messages_are_told_of_when_they_are_in_their_mailbox(
    tmp_path: Path, receiver: Receiver
) -> None:
    made = settings(
        tmp_path, routes={"/listen": {"sinks": ["voicemail"]}}, **with_webhook(receiver)
    )
    async with serving(made) as server:
        await call(server)
        await receiver.until_accepted(2)
        in_spool = {"sink": "voicemail", "what": "spool"}
        await until(lambda: server.metric("listen_waiting_items", **in_spool) == 0)
        await until(lambda: server.metric("listen_events_waiting", state="waiting") is not None)

    counts, one = sorted(receiver.received, key=lambda request: str(request.told["type"]))
    assert (counts.told["type"], counts.told["data"]["new"]) == ("mailbox.counts", 1)
    assert one.told["type"] == "message.received"
    assert one.told["data"].keys() == {
        *("tenant", "message", "part", "mailbox", "outcome", "reason"),
        *("started_at", "ended_at", "seconds", "size"),
    }
    assert one.told["data"]["seconds"] == 1.0
    assert b"1555123" not in one.body
    assert await asyncio.to_thread(files_with, b"1555123", tmp_path) == []


async def test_refusals_are_summed_up(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("listen_server.outbox.EVERY", 0.3)
    async with serving(settings(tmp_path, **with_webhook(receiver))) as server:
        for _ in range(20):
            with pytest.raises(InvalidStatus):
                async with server.connect("/nowhere"):
                    pass
        await receiver.until(lambda: _refusals(receiver) == 20)

    assert len(receiver.received) < 10
    assert {one.told["data"]["reason"] for one in receiver.received} == {"no route"}


async def test_a_recording_that_cannot_begin_is_told_of(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings(
        tmp_path, routes={"/listen": {"sinks": ["recording"]}}, **with_webhook(receiver)
    )

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("listen_sinks.recording.sidecar.write_first", full)
    async with serving(made) as server:
        await call(server)
        await receiver.until_accepted(1)

    assert receiver.told() == ["recording.failed"]
    assert receiver.received[0].told["data"]["tenant"] == "local"


async def test_where_no_file_can_be_written_events_go_on(
    tmp_path: Path, receiver: Receiver
) -> None:
    (tmp_path / "events").touch()  # in the place of the folder
    made = settings(
        tmp_path, routes={"/listen": {"sinks": ["recording"]}}, **with_webhook(receiver)
    )
    async with serving(made) as server:
        await call(server)
        await receiver.until_accepted(1)

    assert receiver.told() == ["recording.saved"]


async def test_only_what_was_asked_for_is_told(tmp_path: Path, receiver: Receiver) -> None:
    wanted = with_webhook(receiver, events=["stream.rejected"])
    made = settings(tmp_path, routes={"/listen": {"sinks": ["recording"]}}, **wanted)
    async with serving(made) as server:
        await call(server)
        await until(lambda: list((tmp_path / "recordings").glob("2*/**/*.json")))
        await asyncio.sleep(0)

    assert receiver.received == []
    assert not list((tmp_path / "events").glob("*"))


async def test_what_could_not_be_put_is_put_by_the_next_server(
    tmp_path: Path, receiver: Receiver
) -> None:
    (tmp_path / "index.db").mkdir()  # the database is away
    made = settings(
        tmp_path, routes={"/listen": {"sinks": ["recording"]}}, **with_webhook(receiver)
    )
    async with serving(made) as server:
        await call(server)
        await until(lambda: list((tmp_path / "events").glob("*.json")))
    assert receiver.received == []

    (tmp_path / "index.db").rmdir()
    async with serving(made):
        await receiver.until_accepted(1)

    assert receiver.told() == ["recording.saved"]


async def test_without_webhooks_there_is_no_outbox(tmp_path: Path) -> None:
    made = settings(tmp_path, routes={"/listen": {"sinks": ["recording"]}})
    async with serving(made) as server:
        await call(server)
        await until(lambda: list((tmp_path / "recordings").glob("2*/**/*.json")))

    assert not (tmp_path / "index.db").exists()
    assert not (tmp_path / "events").exists()


async def test_a_webhook_that_is_configured_no_more_is_told_nothing(
    tmp_path: Path, receiver: Receiver
) -> None:
    routes = {"/listen": {"sinks": ["voicemail"]}}
    async with serving(settings(tmp_path, routes=routes, **with_webhook(receiver))):
        pass
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/index.db")
    assert await list_targets(database) == {"crm": "on"}

    async with serving(settings(tmp_path, routes=routes)) as server:
        await _until_retired(database)
        await call(server)

    assert await list_events(database, Which()) == []
    await database.close()


def test_a_fault_in_a_webhook_is_told_without_its_secret() -> None:
    wrong = {**RIGHT, "secret": "hunter2-hunter2", "evnts": [], "timeout": "soon"}

    with pytest.raises(ConfigError) as refused:
        load_settings(webhooks={"crm": wrong, "c r m": RIGHT})

    told = str(refused.value)
    assert "hunter2" not in told
    assert "webhooks.crm.secret" in told
    assert "did you mean `events`?" in told
    assert "webhooks.crm.timeout" in told


def test_a_webhook_that_cannot_work_keeps_the_server_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text('[webhooks.crm]\nurl = "https://example.com/"\nsecret_file = "no.secret"\n')
    done = command("serve", "--config", str(file), "--data-dir", str(tmp_path), "--port", "0")

    assert done.returncode == 2
    assert "webhook 'crm': secret_file has no secret" in done.stderr


def files_with(needle: bytes, folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if needle in path.read_bytes()]


def _refusals(receiver: Receiver) -> int:
    return sum(one.told["data"]["count"] for one in receiver.received)


async def _until_retired(database: Database) -> None:
    async with asyncio.timeout(10):
        while await list_targets(database) != {"crm": "retired"}:
            pass
