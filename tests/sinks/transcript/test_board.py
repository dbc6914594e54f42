"""Whoever is in the process reads what is understood, while it is; nothing stays."""

import asyncio

import pytest

from listen_sinks.transcript import board as board_module
from listen_sinks.transcript.api import Result
from listen_sinks.transcript.board import Board
from listen_sinks.transcript.collected import Transcript


def result(text: str, *, final: bool = True) -> Result:
    return Result(text, 0, 0.0, 1.0, is_final=final)


async def test_a_follower_gets_what_there_was_and_all_that_comes() -> None:
    posting = Board().post("stream", Transcript("google", "en-US"))
    posting.post(result("before"))
    posting.post(result("passing", final=False))
    heard: list[str] = []

    async def follow() -> None:
        heard.extend([one.text async for one in posting.follow()])

    following = asyncio.create_task(follow())
    await asyncio.sleep(0)
    posting.post(result("aft", final=False))
    posting.post(result("after"))
    posting.end()
    await following
    assert heard == ["before", "aft", "after"]


async def test_a_follower_who_is_slow_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "MOST_WAITING", 3)
    posting = Board().post("stream", Transcript("google", "en-US"))
    follower = posting.follow()
    posting.post(result("0"))
    first = await anext(follower)
    for number in range(1, 9):
        posting.post(result(str(number)))
    posting.end()
    assert [first.text, *[one.text async for one in follower]] == ["0", "6", "7", "8"]


async def test_a_posting_is_found_until_its_last_word() -> None:
    board = Board()
    posting = board.post("stream", Transcript("google", "en-US"))
    second = board.post("stream", Transcript("pocketsphinx", "en-US"))
    assert board.find("stream") is posting
    assert not await posting.wait(0.001)
    second.end()
    assert board.find("stream") is posting
    posting.end()
    posting.end()
    assert board.find("stream") is None
    assert await posting.wait()


async def test_a_subscriber_that_raises_is_left_out_and_the_others_go_on() -> None:
    board = Board()
    heard: list[tuple[str, str]] = []

    def broken(stream_id: str, one: Result) -> None:
        raise RuntimeError(stream_id, one.text)

    board.subscribe(broken)
    end = board.subscribe(lambda stream_id, one: heard.append((stream_id, one.text)))
    posting = board.post("stream", Transcript("google", "en-US"))
    posting.post(result("one"))
    posting.post(result("two", final=False))
    end()
    posting.post(result("three"))
    assert heard == [("stream", "one"), ("stream", "two")]
