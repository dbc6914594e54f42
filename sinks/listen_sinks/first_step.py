"""The first step of a coroutine, taken at once, on behalf of the task that it belongs to.

What does not wait has ended with that step, and no task had to be woken for it. What waits is
gone on with by the task itself: buffered.py has it.
"""

import asyncio
from asyncio import _enter_task, _leave_task  # documented in asyncio's page "Extending"
from collections.abc import Coroutine, Generator
from contextvars import Context
from types import coroutine
from typing import Any, NamedTuple


class Begun(NamedTuple):
    """A coroutine that waits for something."""

    rest: Coroutine[Any, Any, None]
    waits_for: Any  # what it yielded; its task is to yield it in turn


def take_first_step(
    whole: Coroutine[Any, Any, None], task: "asyncio.Task[Any]", context: Context
) -> Begun | None:
    """Run a coroutine until it waits, or to its end (None). Raises whatever it raises.

    Meanwhile `task` is the current one, and `context` is in force: its own, and not entered.
    """
    loop = task.get_loop()
    current = asyncio.current_task(loop)
    if current is not None:
        _leave_task(loop, current)
    _enter_task(loop, task)
    try:
        return Begun(whole, context.run(whole.send, None))
    except StopIteration:
        return None
    finally:
        _leave_task(loop, task)
        if current is not None:
            _enter_task(loop, current)


@coroutine
def go_on(begun: Begun, error: BaseException | None = None) -> Generator[Any, None, None]:
    """Await the rest of it, in its own task; an error is what its waiting comes to instead."""
    rest, waits_for = begun
    try:
        if error is not None:
            waits_for = rest.throw(error)
        while True:
            try:
                yield waits_for
            except BaseException as raised:  # noqa: BLE001 - all of it is for the coroutine
                waits_for = rest.throw(raised)
            else:
                waits_for = rest.send(None)
    except StopIteration:
        return
