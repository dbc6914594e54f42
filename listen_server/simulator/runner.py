"""Many calls at once, and the way to end them early. cli.py starts it, report.py shows it."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from listen_server.simulator.live import CallResult, SimulatedCall
from listen_server.simulator.report import Report

STAGGER: Final = 0.013  # seconds between two calls; no multiple of a packet, to spread the load
_LOOK: Final = 0.1  # seconds between two looks at how far the calls are


async def run_calls(calls: Sequence[SimulatedCall], report: Report) -> list[CallResult]:
    """Play all calls, a little apart, and return their results in order.

    SIGINT and SIGTERM hang all of them up, as callers do; the results come all the same.
    """
    with _hanging_up(calls):
        shown = asyncio.create_task(_show(report))
        try:
            return await asyncio.gather(
                *(_run(number, call, report) for number, call in enumerate(calls, 1))
            )
        finally:
            shown.cancel()


async def _run(number: int, call: SimulatedCall, report: Report) -> CallResult:
    await asyncio.sleep((number - 1) * STAGGER)
    result = await call.run()
    report.ended(number, result)
    return result


async def _show(report: Report) -> None:
    while True:
        report.moved()
        await asyncio.sleep(_LOOK)


@contextmanager
def _hanging_up(calls: Sequence[SimulatedCall]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def hang_up() -> None:
        for number in signals:
            loop.remove_signal_handler(number)  # the second one means now
        for call in calls:
            call.hang_up()

    for number in signals:
        loop.add_signal_handler(number, hang_up)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
