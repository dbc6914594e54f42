import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from spooled import files_below
from webhook_receiver import HERE, Received, Receiver

from listen_sinks.api import DtmfPressed, Gap, MetadataArrived, SinkContext
from listen_sinks.conformance import SinkContract
from listen_sinks.testing import make_call, make_outcome, tone
from listen_sinks.webhook import line
from listen_sinks.webhook.plugin import Webhook

NOBODY = "http://127.0.0.1:9/events"


class TestWebhook(SinkContract):
    """As any sink; here its service is never there."""

    @pytest.fixture
    def plugin(self, tmp_path: Path) -> Webhook:
        return make_plugin(tmp_path, NOBODY)


def make_plugin(data_dir: Path, url: str, **changes: Any) -> Webhook:
    given = {
        "url": url,
        "secret": Receiver().secret,
        "allow_networks": [HERE],
        "close_timeout": 0,
        "timeout": 5,
        **changes,
    }
    return Webhook(Webhook.Config.model_validate(given), SinkContext("webhook", data_dir))


@asynccontextmanager
async def telling(data_dir: Path, receiver: Receiver, **changes: Any) -> AsyncIterator[Webhook]:
    plugin = make_plugin(data_dir, receiver.url, **changes)
    await plugin.open()
    yield plugin
    await plugin.close()


async def a_whole_call(plugin: Webhook, events: int = 0) -> str:
    call = make_call()
    sink = plugin.sink(call)
    await sink.start(call)
    await sink.audio(tone(call))
    await sink.event(DtmfPressed("5", 0.2), 0.5)
    await sink.event(MetadataArrived({"callSid": "late"}, "exact"), 0.6)
    for number in range(events or 1):
        await sink.event(Gap(float(number), 0.25, "not received"), 1.0)
    await sink.finish(make_outcome(call, 8000))
    return call.stream_id


async def test_a_stream_is_told_in_order_without_keys_and_numbers(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with telling(tmp_path, receiver) as plugin:
        stream = await a_whole_call(plugin)
        await receiver.until_accepted(3)

    assert receiver.told() == ["stream.started", "stream.gap", "stream.ended"]
    assert receiver.accepted == [f"{stream}.{number}" for number in range(3)]
    started, gap, ended = (data["data"] for data in (one.told for one in receiver.received))
    assert started["sample_rate"] == 8000
    assert started["call_sid"]
    assert "from" not in started
    assert (gap["at"], gap["seconds"]) == (0.0, 0.25)
    assert (ended["outcome"], ended["seconds"], ended["lost"]) == ("complete", 1.0, 0)


async def test_keys_and_numbers_are_told_where_the_operator_allows_it(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with telling(tmp_path, receiver, dtmf=True, metadata=True) as plugin:
        await a_whole_call(plugin)
        await receiver.until_accepted(5)

    assert receiver.told()[:3] == ["stream.started", "stream.dtmf", "stream.metadata"]
    started, key, metadata = (one.told["data"] for one in receiver.received[:3])
    assert started["from"] == "+15551230001"
    assert started["metadata"]["mixType"] == "mono"
    assert (key["digit"], key["at"]) == ("5", 0.5)
    assert metadata["metadata"] == {"callSid": "late"}


async def test_the_call_does_not_wait_for_a_service_that_hangs(
    tmp_path: Path, receiver: Receiver
) -> None:
    async def hang(_: Received) -> int:
        await asyncio.Event().wait()
        return 200

    receiver.answer = hang
    async with telling(tmp_path, receiver, timeout=60) as plugin:
        async with asyncio.timeout(20):
            for _ in range(20):
                await a_whole_call(plugin)
        await receiver.until(lambda: len(receiver.received) == 20)

    assert set(receiver.told()) == {"stream.started"}


async def test_what_is_refused_comes_again_under_its_id_before_what_is_behind_it(
    tmp_path: Path, receiver: Receiver
) -> None:
    refusals = 2

    def answer(one: Received) -> int:
        nonlocal refusals
        refusals -= one.told["type"] == "stream.gap"
        return 500 if one.told["type"] == "stream.gap" and refusals >= 0 else 200

    receiver.answer = answer
    async with telling(tmp_path, receiver) as plugin:
        stream = await a_whole_call(plugin)
        await receiver.until_accepted(3)

    gap = f"{stream}.1"
    assert [one.id for one in receiver.received] == [f"{stream}.0", gap, gap, gap, f"{stream}.2"]


async def test_of_too_many_events_the_end_arrives_and_says_how_many_are_lost(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MOST", 100)
    answers = asyncio.Event()

    async def later(_: Received) -> int:
        await answers.wait()
        return 200

    receiver.answer = later
    async with telling(tmp_path, receiver) as plugin:
        await a_whole_call(plugin, events=150)
        answers.set()
        await receiver.until(lambda: receiver.told()[-1:] == ["stream.ended"])

    assert len(receiver.received) == 101
    assert receiver.received[-1].told["data"]["lost"] == 51


async def test_a_service_that_is_gone_is_told_nothing_more_of_a_stream(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answer = lambda _: 410
    async with telling(tmp_path, receiver, close_timeout=10) as plugin:
        await a_whole_call(plugin)

    assert receiver.told() == ["stream.started"]


async def test_what_could_not_be_delivered_in_time_is_dropped(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answer = lambda _: 500
    async with telling(tmp_path, receiver, patience=0.01, close_timeout=10) as plugin:
        await a_whole_call(plugin)

    assert receiver.told()[-1] == "stream.ended"


async def test_a_server_that_stops_delivers_what_it_can(tmp_path: Path, receiver: Receiver) -> None:
    async with telling(tmp_path, receiver, close_timeout=10) as plugin:
        for _ in range(20):
            await a_whole_call(plugin)

    assert len(receiver.accepted) == 60


async def test_nothing_of_it_is_on_a_disk(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answer = lambda _: 500
    async with telling(tmp_path, receiver, dtmf=True, metadata=True) as plugin:
        await a_whole_call(plugin)
        await receiver.until(lambda: len(receiver.received) >= 2)

        assert files_below(tmp_path) == set()
