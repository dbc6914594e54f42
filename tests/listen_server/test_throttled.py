"""One wait per tick and no message lost, on a `receive` written by hand."""

import asyncio
import gc
import warnings
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_server.throttled import MAX_BATCH, Message, ThrottledReceive

TICK = 0.02


class Server:
    """An ASGI server's side of one connection: what it has, and who waits for it."""

    def __init__(self, *messages: Message) -> None:
        self.queue: deque[Message] = deque(messages)
        self.waits = 0  # times that somebody had to wait
        self.cancelled = 0
        self.closed = 0
        self._news = asyncio.Event()

    def put(self, *messages: Message) -> None:
        self.queue.extend(messages)
        self._news.set()

    async def receive(self) -> Message:
        while not self.queue:
            self._news.clear()
            self.waits += 1
            try:
                await self._news.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            except GeneratorExit:
                self.closed += 1
                raise
        return self.queue.popleft()


def audio(number: int) -> Message:
    return {"type": "websocket.receive", "bytes": bytes([number % 256]), "number": number}


def numbers(batch: list[Message]) -> list[int]:
    return [message["number"] for message in batch]


GONE: Message = {"type": "websocket.disconnect", "code": 1000}


@pytest.fixture(autouse=True)
def nothing_is_left_unawaited() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        gc.collect()


async def test_what_is_there_comes_at_once_and_in_order() -> None:
    server = Server(*map(audio, range(5)))
    throttled = ThrottledReceive(server.receive, 3600)

    assert numbers(await throttled.batch()) == [0, 1, 2, 3, 4]

    throttled.close()


async def test_what_comes_within_a_tick_comes_in_one_batch() -> None:
    loop, server = asyncio.get_running_loop(), Server()
    throttled = ThrottledReceive(server.receive, 10 * TICK)
    for number in range(5):
        loop.call_later(number * TICK, server.put, audio(number))

    started = loop.time()
    batch = await throttled.batch()

    assert numbers(batch) == [0, 1, 2, 3, 4]
    assert loop.time() - started >= 9 * TICK
    throttled.close()


async def test_there_is_one_wait_per_tick_however_much_comes() -> None:
    server = Server()
    throttled = ThrottledReceive(server.receive, 0.0)
    batches = []

    for number in range(3):
        waiting = asyncio.ensure_future(throttled.batch())
        await asyncio.sleep(TICK)
        server.put(*map(audio, range(10 * number, 10 * number + 10)))
        batches.append(numbers(await waiting))

    assert batches == [list(range(10)), list(range(10, 20)), list(range(20, 30))]
    assert server.waits == 4  # the fourth has just begun
    throttled.close()


async def test_a_message_that_comes_after_the_tick_is_waited_for() -> None:
    loop, server = asyncio.get_running_loop(), Server()
    throttled = ThrottledReceive(server.receive, 0.0)
    loop.call_later(5 * TICK, server.put, audio(1))

    assert numbers(await throttled.batch()) == [1]

    throttled.close()


async def test_a_disconnect_is_the_last_of_its_batch() -> None:
    server = Server(audio(1), GONE, GONE)
    throttled = ThrottledReceive(server.receive, TICK)

    batch = await throttled.batch()

    assert [message["type"] for message in batch] == ["websocket.receive", "websocket.disconnect"]
    assert server.waits == 0
    throttled.close()


async def test_a_flood_is_cut_and_others_have_their_turn() -> None:
    server, turns = Server(*map(audio, range(3 * MAX_BATCH))), 0
    throttled = ThrottledReceive(server.receive, TICK)

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    neighbour = asyncio.ensure_future(other())
    seen: list[int] = []
    for _ in range(3):
        batch = await throttled.batch()
        assert len(batch) == MAX_BATCH
        seen += numbers(batch)

    assert seen == list(range(3 * MAX_BATCH))
    assert turns >= 2
    neighbour.cancel()
    throttled.close()


async def cancelled_after(work: Awaitable[Any], loops: int) -> None:
    """Cancel something after so many turns of the loop."""
    task = asyncio.ensure_future(work)
    for _ in range(loops):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("tick", [0.0, TICK])
async def test_cancelling_at_any_moment_loses_no_message(turns: int, tick: float) -> None:
    server = Server()
    throttled = ThrottledReceive(server.receive, tick)
    taken: list[int] = []

    async def read() -> None:
        taken.extend(numbers(await throttled.batch()))

    await cancelled_after(read(), turns)
    server.put(audio(1), audio(2))
    await cancelled_after(read(), turns)
    server.put(audio(3))
    while len(taken) < 3:
        await read()

    assert taken == [1, 2, 3]
    throttled.close()


@given(st.lists(st.tuples(st.sampled_from(["put", "cancel", "turn"]), st.integers(1, 4))))
@settings(deadline=None)
def test_no_order_of_messages_and_cancellations_loses_or_turns_one(
    steps: list[tuple[str, int]],
) -> None:
    async def run() -> tuple[list[int], int]:
        server, taken, sent = Server(), [], 0
        throttled = ThrottledReceive(server.receive, 0.0)

        async def read() -> None:
            while True:
                taken.extend(numbers(await throttled.batch()))

        reader = asyncio.ensure_future(read())
        for step, amount in [*steps, ("turn", 10)]:
            if step == "put":
                server.put(*map(audio, range(sent, sent + amount)))
                sent += amount
            elif step == "cancel":
                reader.cancel()
                await asyncio.wait([reader])
                reader = asyncio.ensure_future(read())
            for _ in range(amount if step == "turn" else 0):
                await asyncio.sleep(0)
        reader.cancel()
        await asyncio.wait([reader])
        throttled.close()
        return taken, sent

    taken, sent = asyncio.run(run())

    assert taken == list(range(sent))


async def test_a_cancellation_reaches_a_receive_that_waits() -> None:
    server = Server()
    throttled = ThrottledReceive(server.receive, 0.0)

    await cancelled_after(throttled.batch(), 5)

    assert server.cancelled == 1
    server.put(audio(1))
    assert numbers(await throttled.batch()) == [1]
    throttled.close()


async def test_a_receive_may_answer_a_cancellation_with_a_message() -> None:
    async def receive() -> Message:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # it cleans up
        return GONE

    throttled = ThrottledReceive(receive, 0.0)
    reading = asyncio.ensure_future(throttled.batch())
    for _ in range(5):
        await asyncio.sleep(0)
    reading.cancel()

    assert await reading == [GONE]


async def test_what_receive_raises_is_raised() -> None:
    async def receive() -> Message:
        raise ConnectionError

    throttled = ThrottledReceive(receive, TICK)

    for _ in range(2):
        with pytest.raises(ConnectionError):
            await throttled.batch()


async def test_what_receive_raises_after_waiting_is_raised() -> None:
    async def receive() -> Message:
        await asyncio.sleep(TICK)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await ThrottledReceive(receive, TICK).batch()


async def test_messages_before_an_error_are_not_lost() -> None:
    server = Server(audio(1), audio(2))

    async def receive() -> Message:
        if not server.queue:
            raise ConnectionError
        return await server.receive()

    throttled = ThrottledReceive(receive, TICK)

    assert numbers(await throttled.batch()) == [1, 2]
    with pytest.raises(ConnectionError):
        await throttled.batch()


@pytest.mark.parametrize("turns", [0, 3])
async def test_closing_gives_up_a_receive_that_waits(turns: int) -> None:
    server = Server()
    throttled = ThrottledReceive(server.receive, 3600)

    await cancelled_after(throttled.batch(), turns)
    throttled.close()
    throttled.close()

    assert server.closed == (1 if turns else 0)


async def test_closing_before_and_after_everything_is_nothing() -> None:
    server = Server(audio(1), GONE)
    throttled = ThrottledReceive(server.receive, TICK)

    throttled.close()
    await throttled.batch()
    throttled.close()

    assert server.closed == 0


class Odd:
    """Something to await that is no coroutine and cannot be thrown into or closed."""

    def __init__(self, future: asyncio.Future[Message]) -> None:
        self._steps = iter(future.__await__())

    def __await__(self) -> Generator[Any, Any, Message]:
        return self  # type: ignore[return-value] # an iterator, which is all that is asked for

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._steps)


async def test_a_receive_that_is_no_coroutine_is_read_all_the_same() -> None:
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(3)]
    coming = iter(futures)
    throttled = ThrottledReceive(lambda: Odd(next(coming)), 0.0)

    futures[0].set_result(audio(1))
    loop.call_later(TICK, futures[1].set_result, audio(2))
    assert numbers(await throttled.batch()) == [1]
    assert numbers(await throttled.batch()) == [2]

    throttled.close()


def test_it_works_on_uvloop_as_on_asyncio() -> None:
    uvloop = pytest.importorskip("uvloop")
    cases: list[Callable[[], Coroutine[Any, Any, None]]] = [
        test_what_comes_within_a_tick_comes_in_one_batch,
        test_there_is_one_wait_per_tick_however_much_comes,
        test_a_message_that_comes_after_the_tick_is_waited_for,
        test_a_flood_is_cut_and_others_have_their_turn,
        test_a_cancellation_reaches_a_receive_that_waits,
        test_a_receive_may_answer_a_cancellation_with_a_message,
        test_what_receive_raises_after_waiting_is_raised,
        test_a_receive_that_is_no_coroutine_is_read_all_the_same,
    ]
    for case in cases:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(case())
    for turns in range(8):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(test_cancelling_at_any_moment_loses_no_message(turns, TICK))
