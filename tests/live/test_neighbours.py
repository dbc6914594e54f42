"""Another worker, asked over its Unix socket: what it answers, and what it may do to the asker."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from live.worker_calls import TENANT, Worker

from listen_server.jambonz import Unreachable, commands
from listen_server.jambonz.errors import Refused
from listen_server.live.door import Door
from listen_server.live.here import Away
from listen_server.live.neighbours import Neighbour, Neighbours

REDIRECT = commands.redirect([{"verb": "say", "text": "One moment."}], queue=True, call_sid="leg")


@asynccontextmanager
async def behind_a_door(worker: Worker, folder: Path) -> AsyncIterator[Neighbour]:
    """Let a worker be asked."""
    neighbours = await asyncio.to_thread(Neighbours, folder, 1, 2)
    door = Door(neighbours, worker)
    await door.open()
    try:
        yield Neighbour(neighbours.address(neighbours.own))
    finally:
        await door.close()


async def test_what_a_neighbour_has_comes_back_whole(tmp_path: Path) -> None:
    worker = Worker()
    worker.streams("a", parent_call_sid="b", account_sid="acc-1", direction="inbound")
    worker.sockets.open("a")

    async with behind_a_door(worker, tmp_path / "run") as neighbour:
        assert await neighbour.look(TENANT) == await worker.look(TENANT)
        assert await neighbour.look(TENANT, ["a", "none"]) == await worker.look(TENANT, ["a"])
        assert await neighbour.look("other") == []


async def test_a_command_is_written_by_a_neighbour_as_it_would_be_here(tmp_path: Path) -> None:
    worker = Worker()
    worker.sockets.open("a")

    async with behind_a_door(worker, tmp_path / "run") as neighbour:
        assert await neighbour.write(TENANT, "a", REDIRECT) == []

    assert json.loads(worker.sockets.written[0]) == REDIRECT.write()


async def test_what_jambonz_minds_comes_back_from_a_neighbour(tmp_path: Path) -> None:
    worker = Worker()
    call = worker.sockets.open("a")
    loop = asyncio.get_running_loop()

    async def mind(_message: bytes) -> None:
        loop.call_soon(lambda: [one({"msg": "InvalidMessage"}) for one in call.minders])

    call.attach(mind, patience=0.05)
    async with behind_a_door(worker, tmp_path / "run") as neighbour:
        assert await neighbour.write(TENANT, "a", REDIRECT) == ["InvalidMessage"]


async def test_a_neighbour_says_why_it_could_not_write(tmp_path: Path) -> None:
    worker = Worker()
    worker.sockets.open("a")
    long = commands.redirect([{"verb": "say", "text": "x" * 25_000}])

    async with behind_a_door(worker, tmp_path / "run") as neighbour:
        with pytest.raises(Refused, match="24576"):
            await neighbour.write(TENANT, "a", long)
        with pytest.raises(Unreachable):
            await neighbour.write(TENANT, "b", REDIRECT)
        with pytest.raises(Unreachable):
            await neighbour.write("other", "a", REDIRECT)


async def test_a_pause_is_marked_in_the_neighbours_streams(tmp_path: Path) -> None:
    worker = Worker()
    worker.streams("a")

    async with behind_a_door(worker, tmp_path / "run") as neighbour:
        await neighbour.pausing(TENANT, "a")

    assert worker.paused == ["a"]


async def test_a_neighbour_that_hangs_or_is_dead_is_away_in_time(tmp_path: Path) -> None:
    hung = socket.socket(socket.AF_UNIX)
    hung.bind(str(tmp_path / "hung"))
    hung.listen()
    with hung, pytest.raises(Away):  # it is connected to, and says nothing
        await Neighbour(str(tmp_path / "hung"), patience=0.05).look(TENANT)
    with pytest.raises(Away):  # its socket is still there, and nobody behind it
        await Neighbour(str(tmp_path / "hung")).look(TENANT)
    with pytest.raises(Away):
        await Neighbour(str(tmp_path / "never")).look(TENANT)


async def test_a_command_is_not_written_by_the_dead_and_perhaps_by_who_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("listen_server.live.neighbours.WRITE", 0.05)
    with pytest.raises(Unreachable):  # so another way may be tried
        await Neighbour(str(tmp_path / "never")).write(TENANT, "a", REDIRECT)
    hung = socket.socket(socket.AF_UNIX)
    hung.bind(str(tmp_path / "hung"))
    hung.listen()
    with hung, pytest.raises(Away, match="may have written"):
        await Neighbour(str(tmp_path / "hung")).write(TENANT, "a", REDIRECT)


async def test_a_neighbour_that_dies_in_the_middle_of_its_answer_is_away(tmp_path: Path) -> None:
    async def die(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'[{"tenant": "ac')
        writer.close()

    server = await asyncio.start_unix_server(die, tmp_path / "dying")
    async with server:
        with pytest.raises(Away):
            await Neighbour(str(tmp_path / "dying")).look(TENANT)


@pytest.mark.parametrize(
    "question", [b"\n", b"not json\n", b"[]\n", b'{"tenant": "acme"}\n', b"x" * 300_000, b"cut"]
)
async def test_nonsense_gets_no_answer_and_harms_nobody(tmp_path: Path, question: bytes) -> None:
    async with behind_a_door(Worker(), tmp_path / "run") as neighbour:
        reader, writer = await asyncio.open_unix_connection(next(doors(tmp_path)))
        writer.write(question)
        writer.write_eof()
        try:
            answer = await reader.read()
        except ConnectionResetError:
            answer = b""
        writer.close()

        assert answer == b""
        assert await neighbour.look(TENANT) == []


def doors(data_dir: Path) -> "map[str]":
    return map(str, (data_dir / "run").iterdir())


async def test_a_folder_with_a_long_name_is_no_hindrance(tmp_path: Path) -> None:
    worker = Worker()
    worker.streams("a")

    async with behind_a_door(worker, tmp_path / ("long" * 30) / "run") as neighbour:
        assert len(await neighbour.look(TENANT)) == 1


async def test_only_this_user_can_ask_and_nothing_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    async with behind_a_door(Worker(), tmp_path / "run"):
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700

    assert list((tmp_path / "run").iterdir()) == []


async def test_a_door_is_opened_where_a_killed_worker_with_our_number_had_its_own(
    tmp_path: Path,
) -> None:
    killed = socket.socket(socket.AF_UNIX)
    (tmp_path / "run").mkdir()
    with killed:
        killed.bind(str(tmp_path / "run" / f"1-{os.getpid()}.sock"))

    async with behind_a_door(Worker(), tmp_path / "run") as neighbour:
        assert await neighbour.look(TENANT) == []


async def test_workers_of_another_server_are_no_neighbours(tmp_path: Path) -> None:
    async with behind_a_door(Worker(), tmp_path / "run"):
        other = await asyncio.to_thread(Neighbours, tmp_path / "run", 2, 3)

        assert await other.others() == ([], 2)

        await asyncio.to_thread(other.close)
