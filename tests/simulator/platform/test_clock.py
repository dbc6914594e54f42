"""The clock: it jumps in order, stands still while held, and is real time when asked."""

import asyncio

import pytest

from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.scope import Scope, Stopped


async def test_moments_come_in_their_order_at_once() -> None:
    clock = Clock()
    seen: list[float] = []

    async def wait(seconds: float) -> None:
        await clock.after(seconds)
        seen.append(clock.now)

    running = asyncio.create_task(clock.run())
    async with asyncio.timeout(2):
        await asyncio.gather(*(wait(seconds) for seconds in (3600, 1, 60)))
    running.cancel()

    assert seen == [1, 60, 3600]


async def test_a_clock_that_is_held_stands_still() -> None:
    clock = Clock()
    running = asyncio.create_task(clock.run())
    with clock.held():
        later = clock.after(1)
        for _ in range(200):
            await asyncio.sleep(0)
        assert not later.done()
    async with asyncio.timeout(2):
        await later
    running.cancel()

    assert clock.now == 1


@pytest.mark.parametrize("speed", [1.0, 5.0])
async def test_a_speed_is_times_real_time(speed: float) -> None:
    clock = Clock(speed)
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(clock.run())
    began = loop.time()
    await clock.after(0.3 * speed)
    took = loop.time() - began
    running.cancel()

    assert 0.28 < took < 2
    assert clock.now == pytest.approx(0.3 * speed)


async def test_a_watcher_is_told_of_time_in_small_steps() -> None:
    clock = Clock()
    steps: list[float] = []

    async def watch(now: float) -> None:
        steps.append(now)

    clock.watch(watch)
    running = asyncio.create_task(clock.run())
    async with asyncio.timeout(2):
        await clock.after(10)
    clock.unwatch(watch)
    running.cancel()

    assert len(steps) >= 20
    assert steps[-1] == 10


async def test_what_waits_in_a_scope_ends_with_what_it_is_inside_of() -> None:
    outer = Scope(Clock())
    inner = outer.inside()
    waiting = asyncio.create_task(inner.sleep(5))
    await asyncio.sleep(0)
    outer.stop("replaced")

    with pytest.raises(Stopped):
        await waiting
    assert inner.reason == "replaced"
    assert outer.inside().reason == "replaced"


async def test_a_scope_that_stops_leaves_the_one_around_it_alone() -> None:
    outer = Scope(Clock())
    inner = outer.inside()
    inner.stop()

    assert outer.reason is None
