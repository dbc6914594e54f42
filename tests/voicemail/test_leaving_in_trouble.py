"""Leaving a message while something is away: a sentence is heard, and what was said is kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import soundfile
from stored_messages import speech
from voicemail.machine import PATH, TENANT, Machine, Transport, machine

from listen_codecs.formats import AudioBlock
from listen_server.simulator.platform import Line, Outcome, Played, Said
from listen_server.voicemail.others_words import Heard
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.greetings import keep_greeting, set_greeting
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.parts import list_parts
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.keys.provider import KeysAway
from listen_sinks.voicemail.policies import KEPT
from listen_sinks.voicemail.transcribing import transcripts

RATE = 8000  # Hz
DEFAULT = "Nobody can take your call at the moment."
THANKS = "Thank you. Your message is kept. Goodbye."
REVIEW = "To keep your message, press 1."


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Machine]:
    folder = tmp_path_factory.mktemp("server")
    async with machine(folder, voicemail={"review_wait": 1.0, "end_on_silence": 2.0}) as made:
        yield made


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("spoken") / "spoken.wav"
    soundfile.write(file, speech(2.0)[0], 8000, subtype="PCM_16")
    return file


def lines(spoken: Path, *more: str) -> list[str]:
    return [f"recording speak {spoken}", "recording+0.5 press #", *more]


def said(outcome: Outcome) -> list[str]:
    assert outcome.refusals == (), outcome.screenplay.lines
    return [one.text for one in outcome.heard if isinstance(one, Said)]


def assert_said(outcome: Outcome, *wanted: str) -> None:
    texts = said(outcome)
    assert len(texts) == len(wanted), texts
    assert all(text.startswith(one) for text, one in zip(texts, wanted, strict=True)), texts


async def the_message(server: Machine, mailbox: str, outcome: Outcome) -> Message:
    """Return the one message, which has what was streamed last."""

    async with asyncio.timeout(10):
        while not (messages := await server.messages(mailbox, KEPT)):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)
    (message,) = messages
    assert np.array_equal(await server.audio(message), outcome.streams[-1].pcm)
    return message


def away(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, error: Exception) -> None:
    async def gone(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(where, name, gone)


def index_away(monkeypatch: pytest.MonkeyPatch, server: Machine) -> None:
    @asynccontextmanager
    async def gone() -> AsyncIterator[Any]:
        raise IndexAway("away")
        yield

    for name in ("reading", "writing"):
        monkeypatch.setattr(server.plugin.database, name, gone)


@pytest.mark.parametrize("review", [False, True])
async def test_while_the_index_is_away_a_message_is_taken_all_the_same(
    server: Machine, spoken: Path, monkeypatch: pytest.MonkeyPatch, *, review: bool
) -> None:
    number, box = await server.box(review=review, profile={"greeting": "Ours."})

    with monkeypatch.context() as outage:
        index_away(outage, server)
        outcome = await server.call(number, *lines(spoken))

    moment = ["One moment, please."] if review else []
    assert_said(outcome, DEFAULT, *moment, THANKS)
    await the_message(server, box.id, outcome)


async def test_while_the_keys_are_away_the_greeting_is_the_default_one(
    server: Machine, spoken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, box = await server.box(profile={"greeting": "Ours."})

    with monkeypatch.context() as outage:
        away(outage, server.plugin.root, "provider", KeysAway("away"))
        outcome = await server.call(number, *lines(spoken))

    assert_said(outcome, DEFAULT, THANKS)
    await the_message(server, box.id, outcome)


async def test_while_the_store_is_away_a_message_is_taken_all_the_same(
    server: Machine, spoken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, box = await server.box(review=True)

    with monkeypatch.context() as outage:
        away(outage, server.plugin.objects, "put", ObjectsAway("away"))
        outcome = await server.call(number, *lines(spoken))

    assert_said(outcome, DEFAULT, "One moment, please.", THANKS)
    await the_message(server, box.id, outcome)


async def test_a_recording_that_takes_its_time_is_offered_for_review_after_a_moment(
    server: Machine, spoken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, box = await server.box(review=True)
    put, waits = server.plugin.objects.put, asyncio.Event()

    async def slow(*given: Any, **more: Any) -> Any:
        await waits.wait()
        return await put(*given, **more)

    monkeypatch.setattr(server.plugin.objects, "put", slow)
    script = lines(spoken, 'hears "press 1" press 1')

    def shown(line: Line) -> None:
        if "/settled" in line.what:  # one hook has waited for it in vain
            waits.set()

    outcome = await server.call(number, *script, shown=shown)

    assert_said(outcome, DEFAULT, "One moment, please.", REVIEW, THANKS)
    await the_message(server, box.id, outcome)


async def test_a_server_that_has_no_room_says_so(
    server: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, _ = await server.box()
    monkeypatch.setattr(server.plugin, "unavailable", lambda: "the disk is full")

    outcome = await server.call(number)

    assert_said(outcome, "Messages cannot be taken at the moment.")


async def test_an_uploaded_greeting_is_played_and_a_lost_one_gives_way_to_words(
    server: Machine, spoken: Path
) -> None:
    number, box = await server.box()
    plugin, samples = server.plugin, speech(1.0, seed=9)
    greeting = await keep_greeting(plugin.database, plugin.objects, box.id, samples, 8000)
    place = plugin.database, plugin.erasing, plugin.objects
    await set_greeting(*place, box.id, "greeting", greeting)
    await server.refresh()
    outcome = await server.call(number, *lines(spoken))
    (played,) = [one for one in outcome.heard if isinstance(one, Played)]
    assert np.array_equal(played.pcm, samples)
    assert_said(outcome, THANKS)

    (part,) = await list_parts(plugin.database, TENANT, greeting)
    for one in part.ranges:
        await plugin.objects.delete(one.name)
    outcome = await server.call(number, "8 hang up")
    assert_said(outcome, DEFAULT)


class Doorkeeper:
    """Something between jambonz and the server, which turns the first streams away."""

    def __init__(self, turns_away: int) -> None:
        self.turns_away = turns_away
        self.port = 0
        self.to = 0

    @asynccontextmanager
    async def there(self) -> AsyncIterator["Doorkeeper"]:
        server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.turns_away:
            self.turns_away -= 1
            writer.close()
            return
        inner_reader, inner = await asyncio.open_connection("127.0.0.1", self.to)
        await asyncio.gather(_pass_on(reader, inner), _pass_on(inner_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@pytest.mark.parametrize("turned_away", [1, 2])
async def test_a_stream_that_is_refused_is_tried_once_more(
    tmp_path: Path, spoken: Path, turned_away: int
) -> None:
    async with Doorkeeper(turned_away).there() as door:
        public = f"ws://127.0.0.1:{door.port}"
        async with machine(tmp_path, public_audio_url=public) as server:
            door.to = server.server.port
            number, box = await server.box()
            script = lines(spoken) if turned_away == 1 else []
            outcome = await server.call(number, *script)

            again = "One moment, please. Speak after the tone."
            if turned_away == 1:
                assert_said(outcome, DEFAULT, again, THANKS)
                await the_message(server, box.id, outcome)
            else:
                assert_said(outcome, DEFAULT, again, "Messages cannot be taken at the moment.")


async def test_whoever_hangs_up_at_whatever_moment_has_left_what_was_said(
    server: Machine, spoken: Path
) -> None:
    script = [
        *lines(spoken, 'hears "press 3" press 3'),
        *lines(spoken, 'hears "press 2" press 2'),
    ]
    number, _ = await server.box(review=True)
    whole = await server.call(number, *script)
    deeds = [one.at for one in whole.screenplay.lines if one.who == "CALLER" and one.at]
    assert len(deeds) == len(script)
    moments = sorted({round(one.at + 0.25, 2) for one in whole.screenplay.lines})

    async def hang_up(moment: float, transport: Transport) -> None:
        number, box = await server.box(review=True)
        done = [line for line, at in zip(script, deeds, strict=False) if at < moment]
        outcome = await server.call(number, *done, f"{moment} hang up", transport=transport)
        assert outcome.refusals == (), outcome.screenplay.lines
        streams = [one.pcm for one in outcome.streams if one.pcm.shape[1]]
        has_replaced = len(streams) > 1 and streams[-1].shape[1] >= RATE
        await kept_are(server, box.id, streams[-1:] if has_replaced else streams)

    ways: tuple[Transport, ...] = ("http", "ws")
    calls = [hang_up(moment, ways[number % 2]) for number, moment in enumerate(moments)]
    await asyncio.gather(*calls)


async def kept_are(server: Machine, mailbox: str, wanted: list[AudioBlock]) -> None:
    """Wait until a mailbox has these recordings, and nothing else."""
    async with asyncio.timeout(20):
        while True:
            kept = await server.heard(mailbox)
            if len(kept) == len(wanted) and all(map(np.array_equal, kept, wanted)):
                return
            await asyncio.sleep(0.02)


async def test_a_hundred_callers_in_the_same_minute_are_all_heard(server: Machine) -> None:
    boxes = [await server.box() for _ in range(4)]
    outcomes: list[Outcome] = []

    async def callers(first: int) -> None:
        for number in range(first, 100, 10):
            transport: Transport = "ws" if number % 10 else "http"
            to, _ = boxes[number % 4]
            end = "hang up" if number % 5 else "press #"
            outcomes.append(await server.call(to, f"recording+0.5 {end}", transport=transport))

    await asyncio.gather(*map(callers, range(10)))

    for outcome in outcomes:
        assert_said(outcome, DEFAULT, *([] if outcome.info.ended_by == "caller" else [THANKS]))
    async with asyncio.timeout(10):
        for _, box in boxes:
            while len(await server.messages(box.id, KEPT)) != 25:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)


async def test_what_jambonz_understands_is_sealed_to_the_message_and_marked(
    server: Machine, spoken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heard, "last_words", 0.3)
    number, box = await server.box(
        transcribe_by_jambonz=True, profile={"language": "en-GB"}, review=True
    )
    script = [
        f"recording speak {spoken} as Please call me back",
        f"recording speak {spoken} as about the boat",
        "recording+0.5 press #",
    ]

    outcome = await server.call(number, *script)

    message = await the_message(server, box.id, outcome)
    store = await server.store()
    async with asyncio.timeout(10):
        while True:
            found = await transcripts(
                store, server.plugin.database, TENANT, message.id, actor="user:tester"
            )
            if found:
                break
            await asyncio.sleep(0.05)
    (understood,) = found
    assert understood.transcript.text() == "Please call me back about the boat"
    assert understood.transcript.engine == "jambonz"
    assert understood.transcript.complete


async def test_numbers_that_nobody_has_can_go_to_the_catch_all(
    tmp_path: Path, spoken: Path
) -> None:
    async with machine(tmp_path, voicemail={"catch_all": True}) as server:
        _, box = await server.box()
        outcome = await server.call("+15550999999", *lines(spoken))

        assert_said(outcome, DEFAULT, THANKS)
        await the_message(server, box.id, outcome)


@pytest.mark.parametrize("path", ["greeted", "left", "settled", "reviewed", "operated"])
async def test_a_hook_of_a_call_that_nobody_knows_is_answered_with_no_silence(
    server: Machine, path: str
) -> None:
    app = server.app("http", f"{PATH}/{path}")
    body = {"call_sid": "a", "customerData": {"listen_voicemail": "forged"}, "digits": "2"}

    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.post(app.url, json=body, auth=(app.username, app.password))

    verbs = [one["verb"] for one in answer.json()]
    assert answer.status_code == 200
    assert verbs in (["say", "hangup"], ["hangup"], [])  # none: the verbs that jambonz has go on
