"""A coroutine begun on behalf of a task, and gone on with by that task."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from listen_sinks.first_step import Begun, go_on, take_first_step

name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


class Owner:
    """A task that goes on with whatever was begun for it."""

    def __init__(self) -> None:
        self.begun: asyncio.Future[Begun] = asyncio.get_running_loop().create_future()
        self.context = contextvars.copy_context()
        self.context.run(name.set, "owner")
        self.task = asyncio.create_task(self._live(), context=self.context)

    async def _live(self) -> str:
        await go_on(await self.begun)
        return "went on to the end"

    async def begin(self, act: Callable[[], Awaitable[None]]) -> Begun | None:
        """Begin here what the task is to go on with."""
        await asyncio.sleep(0)  # it has to wait for something before it can be spoken for
        begun = take_first_step(_whole(act), self.task, self.context)
        if begun is not None:
            self.begun.set_result(begun)
        return begun

    async def leave(self) -> None:
        """Let go of it."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def _whole(act: Callable[[], Awaitable[None]]) -> None:
    await act()


async def test_what_does_not_wait_is_done_at_once() -> None:
    owner, done = Owner(), []

    async def act() -> None:
        done.append("it")

    assert await owner.begin(act) is None
    assert done == ["it"]
    await owner.leave()


async def test_from_its_first_step_to_its_last_it_is_in_its_own_task_and_context() -> None:
    owner, seen = Owner(), list[tuple[Any, str]]()

    async def act() -> None:
        for _ in range(3):
            seen.append((asyncio.current_task(), name.get()))
            await asyncio.sleep(0)
        name.set("changed")

    mine = asyncio.current_task()
    await owner.begin(act)
    assert (asyncio.current_task(), name.get()) == (mine, "nobody")

    assert await owner.task == "went on to the end"
    assert seen == [(owner.task, "owner")] * 3
    assert owner.context[name] == "changed"


async def test_what_it_raises_at_once_is_raised_here_and_changes_nothing_else() -> None:
    owner, mine = Owner(), asyncio.current_task()

    async def act() -> None:
        raise ValueError("of the sink")

    with pytest.raises(ValueError, match="of the sink"):
        await owner.begin(act)
    assert asyncio.current_task() is mine
    await owner.leave()


async def test_what_it_raises_later_is_raised_in_its_task() -> None:
    owner = Owner()

    async def act() -> None:
        await asyncio.sleep(0)
        raise ValueError("of the sink")

    await owner.begin(act)

    with pytest.raises(ValueError, match="of the sink"):
        await owner.task


async def test_a_timeout_of_its_own_interrupts_it_and_nobody_else() -> None:
    owner, ended = Owner(), []

    async def act() -> None:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append("its wait")

    await owner.begin(act)

    assert await owner.task == "went on to the end"
    assert ended == ["its wait"]


async def test_a_result_that_is_there_before_its_task_comes_to_it_is_not_missed() -> None:
    owner, got = Owner(), []
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def act() -> None:
        got.append(await answer)

    await owner.begin(act)
    answer.set_result(42)

    assert await owner.task == "went on to the end"
    assert got == [42]


async def test_it_is_cancelled_with_its_task() -> None:
    owner, told = Owner(), []

    async def act() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    await owner.begin(act)
    await asyncio.sleep(0)
    await owner.leave()

    assert told == ["cancelled"]
    assert owner.task.cancelled()


async def test_it_can_be_told_of_an_error_in_the_place_of_what_it_waits_for() -> None:
    owner, told = Owner(), []

    async def act() -> None:
        try:
            await asyncio.Event().wait()
        except ValueError as error:
            told.append(str(error))
        await asyncio.sleep(0)  # and it goes on

    await asyncio.sleep(0)
    begun = take_first_step(_whole(act), owner.task, owner.context)
    assert begun is not None
    await go_on(begun, ValueError("no more"))

    assert told == ["no more"]
    await owner.leave()


async def test_it_can_be_begun_where_no_task_is_current() -> None:
    owner, seen = Owner(), list[Any]()
    began = asyncio.get_running_loop().create_future()

    async def act() -> None:
        seen.append(asyncio.current_task())

    def begin() -> None:
        seen.append(asyncio.current_task())
        began.set_result(take_first_step(_whole(act), owner.task, owner.context))
        seen.append(asyncio.current_task())

    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(begin)

    assert await began is None
    assert seen == [None, owner.task, None]
    await owner.leave()
