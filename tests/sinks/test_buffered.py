"""A sink behind its queue: what it may do to itself, and that nobody else notices."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, DtmfPressed, Gap, Outcome, Sink, StreamEvent
from listen_sinks.buffered import MAX_EVENTS, MAX_QUEUED, Buffered, Limits
from listen_sinks.fanout import FanOut
from listen_sinks.testing import make_call, make_outcome, packets, tone

Method: TypeAlias = Literal["start", "audio", "event", "finish"]
METHODS: Sequence[Method] = ("start", "audio", "event", "finish")
SOON = 0.02  # seconds that a method may take where it is to take too long


class Scripted(Sink):
    """Remembers everything, and does something odd in one of its methods."""

    def __init__(
        self, odd: str | None = None, act: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self.odd, self.act = odd, act
        self.called: list[str] = []
        self.blocks: list[AudioBlock] = []
        self.events: list[tuple[StreamEvent, float]] = []
        self.order: list[object] = []
        self.outcome: Outcome | None = None
        self.busy = False

    async def start(self, call: Call) -> None:
        self.call = call
        await self._do("start")

    async def audio(self, block: AudioBlock) -> None:
        await self._do("audio")
        self.blocks.append(block)
        self.order.append(block)

    async def event(self, event: StreamEvent, at: float) -> None:
        await self._do("event")
        self.events.append((event, at))
        self.order.append(event)

    async def finish(self, outcome: Outcome) -> None:
        self.outcome = outcome
        await self._do("finish")

    async def _do(self, method: str) -> None:
        assert not self.busy, "a method was called before the one before it had returned"
        self.busy = True
        self.called.append(method)
        try:
            if self.act and method == self.odd:
                await self.act()
        finally:
            self.busy = False

    @property
    def samples(self) -> list[int]:
        return [int(sample) for block in self.blocks for sample in block[0]]


@dataclass
class Watched:
    """Remembers what became of sinks."""

    waiting: float = 0.0
    most: float = 0.0
    dropped: float = 0.0
    failures: list[tuple[str, str, str]] = field(default_factory=list)

    def queued(self, sink: str, seconds: float) -> None:
        del sink
        self.waiting += seconds
        self.most = max(self.most, self.waiting)

    def lost(self, sink: str, seconds: float) -> None:
        del sink
        self.dropped += seconds

    def failed(self, sink: str, stream_id: str, method: str, error: BaseException) -> None:
        del stream_id
        self.failures.append((sink, method, type(error).__name__))


def buffered(sink: Sink, watched: Watched | None = None, **limits: Any) -> Buffered:
    given: dict[str, Any] = {
        "queue_seconds": 10.0,
        "when_full": "drop_oldest",
        "timeout": 30.0,
        "finish_timeout": 30.0,
        **limits,
    }
    return Buffered("ours", sink, Limits(**given), watched or Watched())


def ramp(first: int, frames: int) -> AudioBlock:
    """Samples of which each is its own place in the stream."""
    return np.arange(first, first + frames).astype(np.int16)[np.newaxis]


async def let_it_work() -> None:
    """Give the sink's task every chance to go on."""
    for _ in range(50):
        await asyncio.sleep(0)


async def stream(sink: Sink, audio: AudioBlock) -> None:
    """Give a stream with a key press in its middle, as fast as it can be read."""
    blocks = packets(audio, 160)
    for number, block in enumerate(blocks):
        if number == len(blocks) // 2:
            await sink.event(DtmfPressed("5", None), number * 0.02)
        await sink.audio(block)
        await asyncio.sleep(0)


async def hang() -> None:
    await asyncio.Event().wait()


async def raise_something() -> None:
    raise ValueError("of the sink")


async def cancel_itself() -> None:
    raise asyncio.CancelledError


async def leave_the_program() -> None:
    raise SystemExit(3)


async def wait_for_something_cancelled() -> None:
    task = asyncio.ensure_future(hang())
    task.cancel()
    await task


async def test_a_sink_gets_everything_in_order_and_one_end() -> None:
    sink, call = Scripted(), make_call()
    wrapped = buffered(sink)
    audio, outcome = tone(call, 1.0), make_outcome(call, 8000)

    await wrapped.start(call)
    await stream(wrapped, audio)
    await wrapped.finish(outcome)
    await wrapped.wait()

    assert np.array_equal(np.concatenate(sink.blocks, axis=1), audio)
    assert sink.events == [(DtmfPressed("5", None), 0.5)]
    assert isinstance(sink.order[25], DtmfPressed)
    assert sink.outcome is outcome
    assert sink.called[0] == "start"
    assert sink.called.index("finish") == len(sink.called) - 1


async def test_a_block_reaches_its_sink_as_it_is() -> None:
    sink, call = Scripted(), make_call()
    wrapped = buffered(sink)
    block = tone(call, 0.1)

    await wrapped.start(call)
    await wrapped.audio(block)
    await wrapped.finish(make_outcome(call, 800))
    await wrapped.wait()

    assert sink.blocks[0] is block


async def test_an_idle_sink_has_a_block_before_the_next_one_is_read() -> None:
    sink, watched, call = Scripted(), Watched(), make_call()
    wrapped = buffered(sink, watched)
    block = tone(call, 0.1)

    await wrapped.start(call)
    await let_it_work()
    await wrapped.audio(block)

    assert sink.blocks == [block]
    assert watched.most == 0
    await wrapped.finish(make_outcome(call, 800))
    await wrapped.wait()


async def test_blocks_stay_behind_one_that_waits_and_behind_events() -> None:
    gate = asyncio.Event()

    async def be_slow() -> None:
        await gate.wait()

    sink, call = Scripted("audio", be_slow), make_call()
    wrapped = buffered(sink)
    first, second, key, third = (
        ramp(0, 800),
        ramp(800, 800),
        DtmfPressed("1", None),
        ramp(1600, 800),
    )

    await wrapped.start(call)
    await let_it_work()
    await wrapped.audio(first)
    await wrapped.audio(second)
    gate.set()
    await let_it_work()
    await wrapped.event(key, 0.2)
    await wrapped.audio(third)
    await wrapped.finish(make_outcome(call, 2400))
    await wrapped.wait()

    assert [id(item) for item in sink.order] == [id(item) for item in (first, second, key, third)]


async def test_a_sink_is_in_one_task_and_one_context_all_its_life() -> None:
    mine: ContextVar[str] = ContextVar("mine", default="not set")
    seen: list[tuple[object, str]] = []

    class Curious(Sink):
        async def start(self, call: Call) -> None:
            del call
            mine.set("set at the start")

        async def audio(self, block: AudioBlock) -> None:
            del block
            seen.append((asyncio.current_task(), mine.get()))
            await asyncio.sleep(0)
            seen.append((asyncio.current_task(), mine.get()))

        async def finish(self, outcome: Outcome) -> None:
            del outcome
            seen.append((asyncio.current_task(), mine.get()))

    wrapped, call = buffered(Curious()), make_call()

    await wrapped.start(call)
    await stream(wrapped, tone(call, 0.2))
    await wrapped.finish(make_outcome(call, 1600))
    await wrapped.wait()

    assert len(seen) == 21
    assert set(seen) == {(wrapped._task, "set at the start")}
    assert mine.get() == "not set"


async def test_a_block_begun_when_the_server_gives_up_is_cancelled_not_dropped() -> None:
    told: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    sink, call = Scripted("audio", wait), make_call()
    wrapped = buffered(sink)
    await wrapped.start(call)
    await let_it_work()

    await wrapped.audio(tone(call, 0.1))
    wrapped._task.cancel()
    await asyncio.gather(wrapped._task, return_exceptions=True)

    assert told == ["cancelled"]


async def test_a_sink_that_awaits_what_is_no_coroutine_gets_its_audio() -> None:
    class Odd(Sink):
        frames = 0

        def audio(self, block: AudioBlock) -> asyncio.Future[None]:  # type: ignore[override]
            self.frames += block.shape[1]
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done

    sink, watched, call = Odd(), Watched(), make_call()
    wrapped = buffered(sink, watched)

    await wrapped.start(call)
    await stream(wrapped, tone(call, 0.2))
    await wrapped.finish(make_outcome(call, 1600))
    await wrapped.wait()

    assert sink.frames == 1600
    assert watched.failures == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "act",
    [raise_something, cancel_itself, leave_the_program, wait_for_something_cancelled, hang],
    ids=lambda act: act.__name__,
)
async def test_a_sink_that_fails_leaves_its_neighbours_every_sample(
    method: Method, act: Callable[[], Awaitable[None]]
) -> None:
    odd, neighbour, watched, call = Scripted(method, act), Scripted(), Watched(), make_call()
    limits = {"timeout": SOON, "finish_timeout": SOON} if act is hang else {}
    bad, good = buffered(odd, watched, **limits), buffered(neighbour)
    both = FanOut([bad, good])
    audio = tone(call, 1.0)
    outcome = make_outcome(call, 8000)

    await both.start(call)
    await stream(both, audio)
    await both.finish(outcome)
    await asyncio.gather(bad.wait(), good.wait())

    assert np.array_equal(np.concatenate(neighbour.blocks, axis=1), audio)
    assert neighbour.events == [(DtmfPressed("5", None), 0.5)]
    assert neighbour.outcome is outcome
    assert [failure[:2] for failure in watched.failures] == [("ours", method)]
    assert odd.called.count("finish") == (0 if method == "start" else 1)
    assert odd.called[-1] == ("start" if method == "start" else "finish")
    assert watched.waiting == pytest.approx(0)


@pytest.mark.parametrize("method", ["audio", "event"])
async def test_a_sink_that_raised_is_finished_at_once_and_gets_nothing_more(
    method: Method,
) -> None:
    sink, call = Scripted(method, raise_something), make_call()
    wrapped = buffered(sink)

    await wrapped.start(call)
    await stream(wrapped, tone(call, 1.0))
    await wrapped.wait()

    assert sink.outcome is not None
    assert (sink.outcome.state, sink.outcome.reason) == ("failed", f"{method} raised")
    assert 0 < sink.outcome.frames < 8000
    assert sink.outcome.seconds == sink.outcome.frames / 8000
    seen = list(sink.called)
    await wrapped.finish(make_outcome(call, 8000))
    await wrapped.wait()
    assert sink.called == seen


@pytest.mark.parametrize("method", ["audio", "event"])
async def test_a_sink_that_hangs_is_told_that_it_took_too_long(method: Method) -> None:
    sink, watched, call = Scripted(method, hang), Watched(), make_call()
    wrapped = buffered(sink, watched, timeout=SOON)

    await wrapped.start(call)
    await stream(wrapped, tone(call, 1.0))
    await wrapped.wait()

    assert sink.outcome is not None
    assert (sink.outcome.state, sink.outcome.reason) == ("failed", f"{method} took too long")
    assert watched.failures == [("ours", method, "TimeoutError")]


async def test_a_timeout_of_the_sinks_own_is_not_taken_for_ours() -> None:
    async def give_up() -> None:
        raise TimeoutError

    sink, call = Scripted("audio", give_up), make_call()
    wrapped = buffered(sink)

    await wrapped.start(call)
    await wrapped.audio(tone(call, 0.1))
    await wrapped.wait()

    assert sink.outcome is not None
    assert sink.outcome.reason == "audio raised"


async def test_a_sink_that_forgot_to_be_async_is_left() -> None:
    class Forgetful(Sink):
        def start(self, call: Call) -> None:  # type: ignore[override] # that is its mistake
            raise ValueError(call.stream_id)

    watched, call = Watched(), make_call()
    wrapped = buffered(Forgetful(), watched)

    await wrapped.start(call)
    await wrapped.finish(make_outcome(call))
    await wrapped.wait()

    assert watched.failures == [("ours", "start", "ValueError")]


async def test_a_slow_start_loses_nothing_that_the_queue_can_hold() -> None:
    ready = asyncio.Event()

    async def get_ready() -> None:
        await ready.wait()

    sink, call = Scripted("start", get_ready), make_call()
    wrapped = buffered(sink)
    audio = tone(call, 1.0)

    await wrapped.start(call)
    await stream(wrapped, audio)
    assert sink.called == ["start"]
    ready.set()
    await wrapped.finish(make_outcome(call, 8000))
    await wrapped.wait()

    assert np.array_equal(np.concatenate(sink.blocks, axis=1), audio)


async def test_a_slow_sink_loses_the_oldest_audio_and_is_told_where_and_how_much() -> None:
    gate = asyncio.Event()

    async def be_slow() -> None:
        await gate.wait()

    sink, watched, call = Scripted("audio", be_slow), Watched(), make_call()
    wrapped = buffered(sink, watched, queue_seconds=1.0)

    await wrapped.start(call)
    await wrapped.audio(ramp(0, 800))
    await let_it_work()  # it has the first block in its hands
    for number in range(1, 31):
        await wrapped.audio(ramp(800 * number, 800))
    gate.set()
    await wrapped.finish(make_outcome(call, 31 * 800))
    await wrapped.wait()

    assert sink.samples == [*range(800), *range(21 * 800, 31 * 800)]
    ((gap, at),) = sink.events
    assert isinstance(gap, Gap)
    assert (gap.at, gap.seconds) == pytest.approx((0.1, 2.0))
    assert gap.reason == "sink too slow"
    assert at == pytest.approx(0.1)
    assert sink.order[1] is gap
    assert watched.dropped == pytest.approx(2.0)
    assert sink.outcome is not None
    assert sink.outcome.state == "complete"


async def test_a_loss_does_not_move_the_events_around_it() -> None:
    gate = asyncio.Event()

    async def be_slow() -> None:
        await gate.wait()

    sink, call = Scripted("start", be_slow), make_call()
    wrapped = buffered(sink, queue_seconds=1.0)

    await wrapped.start(call)
    for number in range(4):
        await wrapped.audio(ramp(4000 * number, 4000))
        await wrapped.event(DtmfPressed(str(number), None), 0.0)
    gate.set()
    await wrapped.finish(make_outcome(call, 16000))
    await wrapped.wait()

    assert [(type(event).__name__, at) for event, at in sink.events] == [
        ("Gap", 0.0),
        ("DtmfPressed", 0.5),
        ("Gap", 0.5),
        ("DtmfPressed", 1.0),
        ("DtmfPressed", 1.5),
        ("DtmfPressed", 2.0),
    ]
    assert sink.samples == [*range(8000, 16000)]


async def test_a_sink_that_may_not_lose_audio_fails_when_it_falls_too_far_behind() -> None:
    gate = asyncio.Event()

    async def be_slow() -> None:
        await gate.wait()

    sink, watched, call = Scripted("audio", be_slow), Watched(), make_call()
    wrapped = buffered(sink, watched, queue_seconds=1.0, when_full="fail")

    await wrapped.start(call)
    for number in range(30):
        await wrapped.audio(ramp(800 * number, 800))
        await let_it_work()
    gate.set()
    await wrapped.finish(make_outcome(call, 30 * 800))
    await wrapped.wait()

    assert sink.samples == [*range(800)]
    assert sink.outcome is not None
    assert (sink.outcome.state, sink.outcome.reason) == ("failed", "fell too far behind")
    assert watched.failures == [("ours", "audio", "SinkError")]
    assert watched.waiting == pytest.approx(0)


@pytest.mark.parametrize("when_full", ["drop_oldest", "fail"])
async def test_a_block_longer_than_the_queue_is_taken_by_a_sink_that_keeps_up(
    when_full: str,
) -> None:
    sink, call = Scripted(), make_call()
    wrapped = buffered(sink, queue_seconds=0.5, when_full=when_full)

    await wrapped.start(call)
    for number, frames in enumerate([800, 1600, 2400, 8000, 8000]):  # 0.1 + 0.2 + 0.3 is not 0.6
        await let_it_work()
        await wrapped.audio(ramp(number, frames))
    await wrapped.finish(make_outcome(call, 20800))
    await wrapped.wait()

    assert len(sink.samples) == 20800
    assert sink.outcome is not None
    assert sink.outcome.state == "complete"


async def test_a_flood_of_events_is_bounded() -> None:
    gate = asyncio.Event()

    async def be_slow() -> None:
        await gate.wait()

    sink, call = Scripted("start", be_slow), make_call()
    wrapped = buffered(sink)

    await wrapped.start(call)
    for _ in range(3 * MAX_EVENTS):
        await wrapped.event(DtmfPressed("1", None), 0.0)
    await wrapped.audio(ramp(0, 800))
    gate.set()
    await wrapped.finish(make_outcome(call, 800))
    await wrapped.wait()

    assert len(sink.events) == MAX_EVENTS
    assert sink.samples == [*range(800)]


async def test_a_flood_of_tiny_blocks_is_bounded_too() -> None:
    gate = asyncio.Event()

    async def be_slow() -> None:
        await gate.wait()

    sink, watched, call = Scripted("start", be_slow), Watched(), make_call()
    wrapped = buffered(sink, watched)

    await wrapped.start(call)
    for number in range(MAX_QUEUED + 2000):
        await wrapped.audio(ramp(number, 1))
        assert len(wrapped._queue) <= MAX_QUEUED
    gate.set()
    await wrapped.finish(make_outcome(call, MAX_QUEUED + 2000))
    await wrapped.wait()

    ((gap, _),) = sink.events
    assert isinstance(gap, Gap)
    assert round(gap.seconds * 8000) + len(sink.samples) == MAX_QUEUED + 2000


async def test_the_queue_of_a_sink_without_end_is_given_up_after_the_stream() -> None:
    async def be_slow() -> None:
        await asyncio.sleep(SOON)

    sink, call = Scripted("audio", be_slow), make_call()
    wrapped = buffered(sink, queue_seconds=1000.0, finish_timeout=2 * SOON)

    await wrapped.start(call)
    await stream(wrapped, tone(call, 10.0))
    await wrapped.finish(make_outcome(call, 80000))
    async with asyncio.timeout(5):
        await wrapped.wait()

    assert sink.outcome is not None
    assert (sink.outcome.state, sink.outcome.reason) == ("failed", "its queue took too long")
    assert len(sink.blocks) < 100


async def test_a_sink_that_does_not_let_itself_be_cancelled_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_go = asyncio.Event()

    async def cling() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    monkeypatch.setattr("listen_sinks.buffered._GRACE", SOON)
    sink, watched, call = Scripted("audio", cling), Watched(), make_call()
    wrapped = buffered(sink, watched, timeout=SOON, finish_timeout=SOON)

    await wrapped.start(call)
    await wrapped.audio(ramp(0, 800))
    await wrapped.finish(make_outcome(call, 800))
    async with asyncio.timeout(5):
        await wrapped.wait()

    assert watched.failures == [("ours", "finish", "TimeoutError")]
    let_go.set()
    await let_it_work()


async def test_waiting_can_be_given_up_without_harm_to_the_sink() -> None:
    gate = asyncio.Event()

    async def be_slow() -> None:
        await gate.wait()

    sink, call = Scripted("finish", be_slow), make_call()
    wrapped = buffered(sink)
    await wrapped.start(call)
    await wrapped.finish(make_outcome(call))
    await let_it_work()

    waiting = asyncio.ensure_future(wrapped.wait())
    await let_it_work()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    gate.set()
    await wrapped.wait()

    assert sink.called == ["start", "finish"]
    assert sink.outcome is not None
    assert sink.outcome.state == "complete"


async def test_how_full_a_queue_is_can_be_asked() -> None:
    gate = asyncio.Event()

    async def be_slow() -> None:
        await gate.wait()

    call = make_call()
    wrapped = buffered(Scripted("start", be_slow), queue_seconds=2.0)
    await wrapped.start(call)
    assert wrapped.fullness == 0

    await wrapped.audio(tone(call, 1.0))

    assert wrapped.fullness == 0.5
    assert wrapped.has_room(8000)
    assert not wrapped.has_room(8001)
    gate.set()
    await wrapped.finish(make_outcome(call, 8000))
    await wrapped.wait()
    assert wrapped.fullness == 0
    assert wrapped.has_room(10**6)


steps = st.lists(
    st.one_of(
        st.integers(1, 3000).map(lambda frames: ("audio", frames)),
        st.just(("event", 0)),
        st.integers(1, 5).map(lambda blocks: ("work", blocks)),
    ),
    max_size=60,
)


async def slowly(steps: list[tuple[str, int]], room: int) -> tuple[Scripted, int]:
    """Play a sink that takes a block only when told; return it and the frames that were sent."""
    allowed = asyncio.Semaphore(0)

    async def work() -> None:
        await allowed.acquire()

    sink, watched, call = Scripted("audio", work), Watched(), make_call()
    wrapped = buffered(sink, watched, queue_seconds=room / 8000)
    await wrapped.start(call)
    sent = longest = 0
    for step, amount in [*steps, ("work", len(steps))]:
        if step == "audio":
            await wrapped.audio(ramp(sent, amount))
            sent += amount
            longest = max(longest, amount)
        elif step == "event":
            await wrapped.event(DtmfPressed("1", None), 0.0)
        else:
            for _ in range(amount):
                allowed.release()
            await let_it_work()
        assert watched.waiting <= max(room, longest) / 8000 + 1e-9
    await wrapped.finish(make_outcome(call, sent))
    await wrapped.wait()
    assert watched.waiting == pytest.approx(0)
    return sink, sent


@given(steps=steps, room=st.sampled_from([100, 800, 4000]))
@settings(deadline=None)
def test_whatever_a_sink_loses_its_gaps_and_its_samples_make_up_the_stream(
    steps: list[tuple[str, int]], room: int
) -> None:
    sink, sent = asyncio.run(slowly(steps, room))

    position = keys = 0
    for item in sink.order:
        if isinstance(item, np.ndarray):
            assert np.array_equal(item, ramp(position, item.shape[1]))
            position += item.shape[1]
        elif isinstance(item, Gap):
            assert round(item.at * 8000) == position
            position += round(item.seconds * 8000)
        else:
            keys += 1
    assert position == sent
    assert keys == [step for step, _ in steps].count("event")
