import asyncio

import pytest

from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.turns import Turns


async def test_everybody_has_a_turn_in_the_order_they_came() -> None:
    turns = Turns()
    order: list[int] = []
    alone = asyncio.Lock()

    async def take(number: int) -> None:
        async with turns.mine():
            assert not alone.locked()
            async with alone:
                await asyncio.sleep(0)
                order.append(number)

    await asyncio.gather(*[take(number) for number in range(20)])

    assert order == list(range(20))


async def test_who_finds_the_database_away_tells_all_who_wait_and_nobody_later() -> None:
    turns = Turns()
    tries = 0

    async def fail() -> None:
        nonlocal tries
        async with turns.mine():
            tries += 1
            await asyncio.sleep(0)
            raise IndexAway("locked")

    told = await asyncio.gather(*[fail() for _ in range(20)], return_exceptions=True)

    assert {type(one) for one in told} == {IndexAway}
    assert tries == 1
    async with turns.mine():
        pass


async def test_another_error_and_a_cancelled_wait_are_nobody_elses_affair() -> None:
    turns = Turns()
    done: list[str] = []

    async def fail() -> None:
        async with turns.mine():
            await asyncio.sleep(0)
            raise ZeroDivisionError

    async def succeed() -> None:
        async with turns.mine():
            done.append("done")

    failing, cancelled, waiting = map(asyncio.create_task, (fail(), succeed(), succeed()))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(failing, cancelled, waiting, return_exceptions=True)

    with pytest.raises(ZeroDivisionError):
        failing.result()
    assert done == ["done"]
