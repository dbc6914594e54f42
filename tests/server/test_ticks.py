"""One timer for what falls together."""

import asyncio

from listen_server.server.ticks import GRID, Ticks, ticks_of


async def test_nobody_is_called_later_than_asked_nor_more_than_a_turn_sooner() -> None:
    loop = asyncio.get_running_loop()
    ticks, called = Ticks(loop), asyncio.Event()
    asked = loop.time() + 0.1

    ticks.call_in(0.1, called.set)
    await called.wait()

    assert asked - 2 * GRID < loop.time()


async def test_all_of_one_turn_are_called_in_order_though_one_fails() -> None:
    loop = asyncio.get_running_loop()
    ticks, called, done, reports = Ticks(loop), list[int](), asyncio.Event(), list[object]()
    loop.set_exception_handler(lambda _loop, context: reports.append(context["exception"]))

    def fail() -> None:
        raise ValueError

    while loop.time() % GRID > GRID / 2:  # noqa: ASYNC110 - so that all falls into one turn
        await asyncio.sleep(GRID / 10)
    ticks.call_in(3 * GRID, lambda: called.append(1))
    ticks.call_in(3 * GRID, fail)
    ticks.call_in(3 * GRID, lambda: called.append(2))
    ticks.call_in(3 * GRID, done.set)
    await done.wait()

    assert called == [1, 2]
    assert [type(report) for report in reports] == [ValueError]


async def test_who_is_called_may_ask_again() -> None:
    ticks, done = ticks_of(asyncio.get_running_loop()), asyncio.Event()
    called = []

    def again() -> None:
        called.append(1)
        if len(called) < 5:
            ticks.call_in(0, again)
        else:
            done.set()

    ticks.call_in(0, again)
    await done.wait()

    assert len(called) == 5


async def test_connections_of_one_loop_share_their_ticks() -> None:
    loop = asyncio.get_running_loop()

    assert ticks_of(loop) is ticks_of(loop)
