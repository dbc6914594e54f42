"""Answers that are kept: for their time, within their room, and not when there was none."""

import asyncio

import pytest

from listen_server.jambonz.replays import Answer, Replays

KEY = ("/chosen", "t=1,v1=a")


class Handler:
    """Counts how often it is asked."""

    def __init__(self, size: int = 2) -> None:
        self.asked = 0
        self.size = size

    async def __call__(self) -> Answer:
        self.asked += 1
        await asyncio.sleep(0)
        return 200, b"a" * self.size


async def test_the_same_hook_is_handled_once_even_while_it_is_handled() -> None:
    replays, handler = Replays(600, clock=lambda: 0), Handler()

    answers = await asyncio.gather(*(replays.once(KEY, handler) for _ in range(3)))

    assert answers == [(200, b"aa")] * 3
    assert handler.asked == 1


async def test_another_path_or_signature_is_another_hook() -> None:
    replays, handler = Replays(600, clock=lambda: 0), Handler()

    for key in (KEY, ("/other", KEY[1]), (KEY[0], "t=2,v1=a")):
        await replays.once(key, handler)

    assert handler.asked == 3


async def test_an_answer_is_kept_for_its_time() -> None:
    now = 0.0
    replays, handler = Replays(600, clock=lambda: now), Handler()

    await replays.once(KEY, handler)
    now = 599
    await replays.once(KEY, handler)
    assert handler.asked == 1
    now = 600
    await replays.once(KEY, handler)
    assert handler.asked == 2


async def test_the_oldest_goes_when_there_is_no_room() -> None:
    replays, handler = Replays(600, clock=lambda: 0, most=10_000), Handler(size=3000)

    for number in range(10):
        await replays.once((f"/{number}", "a"), handler)

    assert len(replays) == 2
    await replays.once(("/9", "a"), handler)
    assert handler.asked == 10


async def test_a_handler_that_fails_is_asked_again() -> None:
    replays = Replays(600, clock=lambda: 0)

    async def fails() -> Answer:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await replays.once(KEY, fails)

    assert await replays.once(KEY, Handler()) == (200, b"aa")


async def test_one_that_gives_up_does_not_spoil_it_for_the_other() -> None:
    replays, handler = Replays(600, clock=lambda: 0), Handler()
    first = asyncio.create_task(replays.once(KEY, handler))
    await asyncio.sleep(0)

    first.cancel()

    assert await replays.once(KEY, handler) == (200, b"aa")
    assert handler.asked == 1
