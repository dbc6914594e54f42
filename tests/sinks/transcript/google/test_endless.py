"""Words exactly once and in order: through ends of streams and all faults."""

import asyncio
import random

import pytest
from google_calls import UNHURRIED, both, google, listening, silence, standing_in

from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.stand_in import Faults, Limits, Relay, spoken

THOUSAND = list(range(1000))


async def test_half_an_hour_of_speech_has_every_word_once_although_streams_last_five_minutes() -> (
    None
):
    clock = Clock(300)
    numbers = list(range(1800))
    audio = spoken(numbers, 8000, gap=0.5, group=4, rest=1.6)

    async with (
        standing_in(clock=clock) as (stand_in, address),
        google(address, clock=clock, interim_results=False, **UNHURRIED) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(audio, 8000)
        await listener.hang_up()

    assert audio.shape[1] == 1800 * 8000
    assert listener.words() == numbers
    assert stand_in.streams >= 7


@pytest.mark.parametrize("api", ["v2", "v1"])
async def test_a_stream_that_google_ends_by_its_age_costs_no_word(api: str) -> None:
    clock = Clock(100)
    numbers = list(range(600))

    async with (
        standing_in(clock=clock, limits=Limits(stream=30.0)) as (stand_in, address),
        google(address, clock=clock, api=api, **UNHURRIED) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(spoken(numbers, 8000), 8000)
        await listener.hang_up()

    assert listener.words() == numbers
    assert stand_in.ends.count("OUT_OF_RANGE" if api == "v1" else "ABORTED") >= 3


async def test_a_service_that_is_unavailable_at_random_costs_no_word_and_repeats_none() -> None:
    clock = Clock(100)
    faults = Faults(unavailable=0.01)

    async with (
        standing_in(clock=clock, faults=faults) as (stand_in, address),
        google(address, clock=clock, **UNHURRIED) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(spoken(THOUSAND, 8000), 8000)
        await listener.hang_up()

    assert listener.words() == THOUSAND
    assert stand_in.ends.count("UNAVAILABLE") >= 10


async def test_connections_that_are_lost_at_random_cost_no_word_and_repeat_none() -> None:
    clock = Clock(100)
    chance = random.Random(7)  # noqa: S311 - the same cuts every time
    cuts = 0

    async with standing_in(clock=clock) as (_, address):
        relay = Relay(address)
        async with (
            google(await relay.start(), clock=clock, **UNHURRIED) as plugin,
            listening(plugin) as listener,
        ):

            async def cut_now_and_then() -> None:
                nonlocal cuts
                while True:
                    await clock.sleep(chance.uniform(10, 30))
                    cuts += relay.cut()

            cutting = asyncio.create_task(cut_now_and_then())
            await listener.say(spoken(THOUSAND, 8000), 8000)
            cutting.cancel()
            await listener.hang_up()
        await relay.stop()

    assert listener.words() == THOUSAND
    assert cuts >= 3


async def test_both_parties_of_a_stereo_call_keep_every_word_through_faults() -> None:
    clock = Clock(60)
    caller, callee = list(range(200)), list(range(1000, 1150))
    audio = both(spoken(caller, 16000, group=5), spoken(callee, 16000, gap=0.25, group=9))

    async with (
        standing_in(clock=clock, faults=Faults(unavailable=0.01)) as (stand_in, address),
        google(address, clock=clock, **UNHURRIED) as plugin,
        listening(plugin, 16000, "stereo") as listener,
    ):
        await listener.say(audio, 16000)
        await listener.hang_up()

    assert listener.words(0) == caller
    assert listener.words(1) == callee
    assert "UNAVAILABLE" in stand_in.ends


async def test_somebody_who_never_pauses_is_cut_between_streams_as_late_as_can_be() -> None:
    clock = Clock(100)
    numbers = list(range(400))

    async with (
        standing_in(clock=clock) as (stand_in, address),
        google(address, clock=clock, stream_seconds=20.0, **UNHURRIED) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(spoken(numbers, 8000, group=400), 8000)
        await listener.hang_up()

    lost = set(numbers) - set(listener.words())
    assert len(listener.words()) == len(set(listener.words()))
    assert len(lost) <= stand_in.streams
    assert 3 <= stand_in.streams <= 6


async def test_times_are_those_of_the_call_after_pauses_and_restarts() -> None:
    clock = Clock(100)
    first, second = spoken([1, 2], 8000), spoken([3, 4], 8000)

    async with (
        standing_in(clock=clock) as (stand_in, address),
        google(address, clock=clock, **UNHURRIED) as plugin,
        listening(plugin) as listener,
    ):
        for audio in (silence(20), first, silence(30), second):
            await listener.say(audio, 8000)
        await listener.hang_up()

    words = [word for result in listener.results if result.is_final for word in result.words]
    assert [word.text for word in words] == ["1", "2", "3", "4"]
    assert [word.start for word in words] == pytest.approx([20.0, 20.2, 50.4, 50.6], abs=0.02)
    assert stand_in.streams == 2
