"""What a user meets when Google refuses, hangs, is late or is not there; and what is quiet."""

import asyncio

import numpy as np
import pytest
from google_calls import (
    UNHURRIED,
    Listener,
    both,
    google,
    listening,
    silence,
    standing_in,
)

from listen_sinks.transcript.api import EngineAway, EngineRefused
from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.stand_in import Ended, Faults, Limits, spoken
from listen_sinks.transcript.google.stand_in.faults import (
    NO_QUOTA,
    NOT_ALLOWED,
    NOT_ENABLED,
    NOT_KNOWN,
    UNAVAILABLE,
)

WORDS = list(range(16))
SAID = spoken(WORDS, 8000)


@pytest.mark.parametrize(
    ("fault", "fix"),
    [
        (NOT_ALLOWED, "roles/speech.client"),
        (NOT_ENABLED, "enable speech.googleapis.com"),
        (NOT_KNOWN, "make a new key"),
        (Ended("NOT_FOUND", "no such recognizer"), "recognizer, the location or the project"),
        (Ended("INVALID_ARGUMENT", "model 'x' does not exist"), "check language, model"),
    ],
)
async def test_what_the_operator_must_mend_is_said_in_a_sentence_and_not_tried_again(
    fault: Ended, fix: str
) -> None:
    async with (
        standing_in(faults=Faults(always=fault)) as (stand_in, address),
        google(address) as plugin,
        listening(plugin) as listener,
    ):
        await listener.engine.audio(SAID)
        with pytest.raises(EngineRefused, match=fix):
            await listener.engine.drain()
        with pytest.raises(EngineRefused, match=fault.code):
            await listener.reader
        with pytest.raises(EngineRefused):
            await listener.engine.audio(SAID)

    assert stand_in.streams == 1


async def test_a_language_that_google_does_not_know_is_refused_with_what_to_set() -> None:
    async with (
        standing_in() as (_, address),
        google(address) as plugin,
        listening(plugin, language="xx-XX") as listener,
    ):
        await listener.engine.audio(SAID)
        with pytest.raises(EngineRefused, match="set a language"):
            await listener.engine.drain()


async def test_a_quota_that_is_free_again_soon_costs_no_word() -> None:
    clock = Clock(20)
    faults = Faults()
    faults.next.extend([NO_QUOTA] * 3)

    async with (
        standing_in(clock=clock, faults=faults) as (stand_in, address),
        google(address, clock=clock, **UNHURRIED) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(SAID, 8000)
        await listener.hang_up()

    assert listener.words() == WORDS
    assert stand_in.ends == ["RESOURCE_EXHAUSTED"] * 3 + ["OK"]


async def test_a_quota_that_stays_used_up_is_told_to_the_operator() -> None:
    clock = Clock(100)

    async with (
        standing_in(clock=clock, faults=Faults(always=NO_QUOTA)) as (stand_in, address),
        google(address, clock=clock, patience=30.0) as plugin,
        listening(plugin) as listener,
    ):
        await listener.engine.audio(SAID)
        with pytest.raises(EngineRefused, match="raise the quotas"):
            await listener.engine.drain()

    assert stand_in.streams < 30


async def test_a_service_that_stays_away_is_left_to_the_sink_after_a_while() -> None:
    clock = Clock(100)

    async with (
        standing_in(clock=clock, faults=Faults(always=UNAVAILABLE)) as (stand_in, address),
        google(address, clock=clock) as plugin,
        listening(plugin) as listener,
    ):
        await listener.engine.audio(SAID)
        with pytest.raises(EngineAway, match="UNAVAILABLE"):
            await listener.reader
        with pytest.raises(EngineAway):
            await listener.engine.audio(SAID)

    assert 3 <= stand_in.streams < 100


async def test_nobody_listening_at_the_address_is_the_same_as_a_service_that_is_away() -> None:
    clock = Clock(100)
    async with standing_in() as (_, address):
        pass

    async with google(address, clock=clock) as plugin, listening(plugin) as listener:
        await listener.engine.audio(SAID)
        with pytest.raises(EngineAway, match="UNAVAILABLE"):
            await listener.engine.drain()


async def test_words_before_a_fault_stay_good() -> None:
    clock = Clock(50)

    async with (
        standing_in(clock=clock) as (stand_in, address),
        google(address, clock=clock) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(SAID, 8000)
        await listener.say(silence(7), 8000)
        stand_in.faults.always = NOT_ALLOWED
        await listener.engine.audio(SAID)
        with pytest.raises(EngineRefused):
            await listener.hang_up()

    assert listener.words() == WORDS


async def test_a_service_that_goes_away_leaves_behind_what_is_covered_silence_included() -> None:
    clock = Clock(50)

    async with (
        standing_in(clock=clock) as (stand_in, address),
        google(address, clock=clock, patience=5.0) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(SAID, 8000)
        await listener.say(silence(7), 8000)
        stand_in.faults.always = UNAVAILABLE
        await listener.engine.audio(SAID)
        with pytest.raises(EngineAway) as raised:
            await listener.hang_up()

    said = SAID.shape[1] / 8000
    assert listener.words() == WORDS
    assert raised.value.covered is not None
    assert said + 5 < raised.value.covered <= said + 7


async def test_an_engine_that_takes_nothing_any_more_is_noticed() -> None:
    clock = Clock(100)
    faults = Faults()

    async with (
        standing_in(clock=clock, faults=faults) as (_, address),
        google(address, clock=clock) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(SAID, 8000)
        faults.hang = True
        await listener.engine.audio(SAID)
        with pytest.raises(EngineAway, match="DEADLINE_EXCEEDED"):
            await listener.hang_up()


async def test_an_engine_that_takes_audio_and_answers_nothing_is_noticed() -> None:
    clock = Clock(100)
    numbers = list(range(600))

    async with (
        standing_in(clock=clock, faults=Faults(deaf=True)) as (stand_in, address),
        google(address, clock=clock, patience=300.0, held_seconds=20.0) as plugin,
        listening(plugin) as listener,
    ):
        talking = asyncio.create_task(listener.say(spoken(numbers, 8000), 8000))
        while "CANCELLED" not in stand_in.ends:
            await clock.sleep(1)
        stand_in.faults.deaf = False
        await talking
        await listener.hang_up()

    assert listener.words() == numbers


async def test_last_words_that_come_late_after_hang_up_are_waited_for() -> None:
    clock = Clock(50)

    async with (
        standing_in(clock=clock, faults=Faults(late=8.0)) as (stand_in, address),
        google(address, clock=clock, answer_timeout=60.0) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(spoken([1, 2, 3], 8000, rest=0), 8000)
        before = listener.words()
        await listener.hang_up()

    assert before == []
    assert listener.words() == [1, 2, 3]
    assert stand_in.ends == ["OK"]


async def test_a_call_that_goes_on_in_silence_does_not_wait_for_late_answers_for_ever() -> None:
    clock = Clock(50)

    async with (
        standing_in(clock=clock, faults=Faults(late=8.0)) as (stand_in, address),
        google(address, clock=clock, answer_timeout=60.0) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(SAID, 8000)
        await listener.say(silence(40), 8000)
        await listener.say(SAID, 8000)
        await listener.hang_up()

    assert listener.words() == WORDS + WORDS
    assert stand_in.ends == ["OK", "OK"]


async def test_silence_only_opens_no_stream_and_gives_no_word() -> None:
    clock = Clock(100)

    async with (
        standing_in(clock=clock) as (stand_in, address),
        google(address, clock=clock) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(silence(60), 8000)
        await listener.hang_up()

    assert listener.results == []
    assert stand_in.streams == 0


async def test_silence_is_sent_where_voice_activity_is_off() -> None:
    clock = Clock(20)  # a tenth of a second would be ten without audio, which Google does not wait

    async with (
        standing_in(clock=clock) as (stand_in, address),
        google(address, clock=clock, voice_activity=False, **UNHURRIED) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(silence(30), 8000)
        await listener.say(SAID, 8000)
        await listener.hang_up()

    assert listener.words() == WORDS
    assert listener.results[-1].end == pytest.approx(30 + SAID.shape[1] / 8000, abs=1.0)
    assert stand_in.ends == ["OK"]


@pytest.mark.parametrize("voice_activity", [True, False])
async def test_a_paused_call_closes_its_stream_before_google_does(voice_activity: bool) -> None:  # noqa: FBT001 - both cases
    clock = Clock(50)

    async with (
        standing_in(clock=clock) as (stand_in, address),
        google(address, clock=clock, voice_activity=voice_activity, **UNHURRIED) as plugin,
        listening(plugin) as listener,
    ):
        await listener.say(SAID, 8000)
        await clock.sleep(30)
        ended = list(stand_in.ends)
        await listener.say(SAID, 8000)
        await listener.hang_up()

    assert ended == ["OK"]
    assert listener.words() == WORDS + WORDS
    assert stand_in.ends == ["OK", "OK"]


async def test_64_khz_stereo_is_resampled_and_its_channels_are_told_apart() -> None:
    clock = Clock(10)
    caller, callee = [1, 2, 3, 4, 5, 6], [11, 12, 13, 14]

    async with (
        standing_in(clock=clock) as (stand_in, address),
        google(address, clock=clock, **UNHURRIED) as plugin,
        listening(plugin, 64000, "stereo") as listener,
    ):
        await listener.say(both(spoken(caller, 64000), spoken(callee, 64000)), 64000)
        await listener.hang_up()

    assert listener.words(0) == caller
    assert listener.words(1) == callee
    assert stand_in.ends == ["OK"]


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 32000, 48000])
@pytest.mark.parametrize("mix", ["mono", "stereo"])
async def test_every_other_rate_goes_to_google_as_it_is(rate: int, mix: str) -> None:
    said = spoken([7, 8, 9], rate)
    audio = np.repeat(said, 2 if mix == "stereo" else 1, axis=0)

    async with (
        standing_in() as (stand_in, address),
        google(address) as plugin,
        listening(plugin, rate, "stereo" if mix == "stereo" else "mono") as listener,
    ):
        await listener.engine.audio(audio)
        await listener.hang_up()

    assert listener.words() == [7, 8, 9]
    assert stand_in.ends == ["OK"]


async def test_a_hundred_calls_that_end_at_once_all_get_their_last_words() -> None:
    async with standing_in() as (stand_in, address), google(address) as plugin:
        calls = [Listener(plugin) for _ in range(100)]
        for number, call in enumerate(calls):
            await call.open(8000)
            await call.engine.audio(spoken([number, number + 100, number + 200], 8000))
        await asyncio.gather(*(call.hang_up() for call in calls))
        await asyncio.gather(*(call.close() for call in calls))

    for number, call in enumerate(calls):
        assert call.words() == [number, number + 100, number + 200]
    assert stand_in.ends == ["OK"] * 100


async def test_an_engine_can_be_closed_at_any_moment() -> None:
    clock = Clock(20)

    async with standing_in(clock=clock) as (stand_in, address), google(address) as plugin:
        for after in (0.0, 0.01, 0.05):
            async with listening(plugin) as listener:
                await listener.engine.audio(SAID[:, :8000])
                await asyncio.sleep(after)
        unopened = plugin.engine()
        await unopened.drain()
        await unopened.close()
        await stand_in.idle()


async def test_closing_the_plugin_ends_engines_that_are_left() -> None:
    async with standing_in() as (_, address):
        async with google(address) as plugin:
            listener = Listener(plugin)
            await listener.open(8000)
            await listener.engine.audio(SAID)

        await listener.reader


async def test_interim_results_come_while_somebody_speaks_and_can_be_left_out() -> None:
    clock = Clock(50)

    async with standing_in(clock=clock) as (_, address):
        for interim in (True, False):
            async with (
                google(address, clock=clock, interim_results=interim, **UNHURRIED) as plugin,
                listening(plugin) as listener,
            ):
                await listener.say(SAID, 8000)
                await listener.hang_up()
            shown = [one.text.split() for one in listener.results if not one.is_final]
            begun = [one.text.split()[0] for one in listener.results if one.is_final]
            assert bool(shown) is interim
            assert all(words[0] in begun for words in shown), "a part of it was taken for all"
            assert listener.words() == WORDS


async def test_audio_that_comes_at_once_is_sent_at_a_pace_that_google_takes() -> None:
    clock = Clock(100)
    numbers = list(range(400))
    limits = Limits(ahead=10.0, pace=4.0)

    async with (
        standing_in(clock=clock, limits=limits) as (stand_in, address),
        google(address, clock=clock, **UNHURRIED) as plugin,
        listening(plugin) as listener,
    ):
        audio = spoken(numbers, 8000)
        for start in range(0, audio.shape[1], 8000):
            await listener.engine.audio(audio[:, start : start + 8000])
        await listener.hang_up()

    assert listener.words() == numbers
    assert "OUT_OF_RANGE" not in stand_in.ends
