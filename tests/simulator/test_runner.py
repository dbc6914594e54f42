import asyncio
import os
import signal

import pytest
from simulator.bare_server import CLOSE, BareServer, bare_server
from simulator.virtual_time import run_in_virtual_time

from listen_server.simulator.live import CallResult, SimulatedCall
from listen_server.simulator.order import Order
from listen_server.simulator.runner import STAGGER, run_calls


class Heard:
    """A report that remembers."""

    def __init__(self) -> None:
        self.moves = 0
        self.numbers: list[int] = []

    def moved(self) -> None:
        self.moves += 1

    def ended(self, number: int, result: CallResult) -> None:
        del result
        self.numbers.append(number)


def calls_to(server: BareServer, count: int, speed: float) -> list[SimulatedCall]:
    return Order(url=server.url, calls=count, speed=speed).place()


def test_calls_begin_a_little_apart_and_report_as_they_go() -> None:
    async def main() -> tuple[list[CallResult], Heard, float]:
        loop, heard = asyncio.get_running_loop(), Heard()
        async with bare_server() as server:
            calls = await asyncio.to_thread(calls_to, server, 3, 1.0)
            start = loop.time()
            results = await run_calls(calls, heard)
            return results, heard, loop.time() - start

    results, heard, took = run_in_virtual_time(main())

    assert [result.ended for result in results] == ["completed"] * 3
    assert heard.numbers == [1, 2, 3]
    assert heard.moves >= 50
    assert took == pytest.approx(5.6 + 2 * STAGGER, abs=0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_hangs_up_all_calls_and_keeps_their_results(number: signal.Signals) -> None:
    async with bare_server() as server:
        calls = await asyncio.to_thread(calls_to, server, 1, 1.0)
        running = asyncio.create_task(run_calls(calls, Heard()))
        await server.until(lambda: server.audio)
        os.kill(os.getpid(), number)
        (result,) = await running
        await server.gone.wait()

    assert result.ended == "hung up"
    assert server.frames[-1].opcode == CLOSE
