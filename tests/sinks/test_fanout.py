"""Many sinks as one: the same blocks and events for everybody, in order."""

from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, DtmfPressed, Outcome, Sink, StreamEvent
from listen_sinks.fanout import FanOut
from listen_sinks.testing import make_call, make_outcome, tone


class Diary(Sink):
    def __init__(self, name: str, diary: list[tuple[str, object]]) -> None:
        self._name, self._diary = name, diary

    async def start(self, call: Call) -> None:
        self._diary.append((self._name, call))

    async def audio(self, block: AudioBlock) -> None:
        self._diary.append((self._name, id(block)))

    async def event(self, event: StreamEvent, at: float) -> None:
        self._diary.append((self._name, (event, at)))

    async def finish(self, outcome: Outcome) -> None:
        self._diary.append((self._name, outcome))


async def test_every_sink_gets_everything_in_order() -> None:
    diary: list[tuple[str, object]] = []
    both, call = FanOut([Diary("a", diary), Diary("b", diary)]), make_call()
    block, event, outcome = tone(call, 0.1), DtmfPressed("5", None), make_outcome(call, 800)

    await both.start(call)
    await both.audio(block)
    await both.event(event, 0.1)
    await both.finish(outcome)

    everything = [call, id(block), (event, 0.1), outcome]
    assert diary == [(name, item) for item in everything for name in "ab"]


async def test_no_sink_at_all_is_fine() -> None:
    nobody, call = FanOut([]), make_call()

    await nobody.start(call)
    await nobody.audio(tone(call, 0.1))
    await nobody.event(DtmfPressed("5", None), 0.1)
    await nobody.finish(make_outcome(call, 800))


async def test_fan_outs_can_be_nested() -> None:
    diary: list[tuple[str, object]] = []
    nested = FanOut([FanOut([Diary("a", diary)]), FanOut([Diary("b", diary)])])

    await nested.start(call := make_call())

    assert diary == [("a", call), ("b", call)]
