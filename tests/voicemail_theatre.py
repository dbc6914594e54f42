"""Screenplays of calls to the voicemail: text files, readable aloud, acted by the simulator.

    A new message is heard and saved.

    mailbox 100 of +15550100001 with PIN 4711
    message of 2 s from +442079460000

    +15550100001 calls the owners
      hears Please enter your PIN
      presses 4711#
      hears New messages: 1.
      hears message 1
      presses 2
      hears The message is saved.
      presses *
      hears Goodbye.
    then message 1 is saved

The first paragraph is the title. What is heard is checked in its order; a deed waits for the last
`hears` before it, and interrupts it; `listens` waits for its end. `meanwhile` happens before the
hook of the next keys is answered. Each screenplay has a tenant of its own, on a server for all.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import soundfile
from harness import Running, serving, settings
from jambonz.peer import up
from starlette.types import ASGIApp, Receive, Scope, Send
from stored_messages import Kept, speech
from ulid import ULID

from listen_codecs.formats import AudioBlock
from listen_server.jambonz import Addresses, Call, served
from listen_server.jambonz.verbs import Verb
from listen_server.simulator.platform import AppAddress, Heard, Order, Outcome, Played, Said, place
from listen_server.simulator.platform.info import Server
from listen_server.simulator.platform.script import read_script
from listen_server.voicemail.applications import Fetching, Leaving
from listen_server.voicemail.config import VoicemailSettings
from listen_server.voicemail.desk import Desk
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.errors import UnknownMessage
from listen_sinks.voicemail.index.mailboxes import add_mailbox, change_mailbox
from listen_sinks.voicemail.index.messages import change_state, delete_message, get_message
from listen_sinks.voicemail.index.numbers import number_key
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.keys import create_key
from listen_sinks.voicemail.pins import Cost, Pins
from listen_sinks.voicemail.plugin import Voicemail

CHEAP: Final = Cost(8, 1, 1)
RATE: Final = 8000  # Hz
FIRST: Final = 1_700_000_000  # Unix time of the oldest message
OWNERS: Final = "the owners"
Scheme = Literal["http", "ws"]
SCHEMES: Final[tuple[Scheme, ...]] = ("http", "ws")
SERVERS: Final[dict[Scheme, Server]] = {"http": "old", "ws": "new"}
"""How names are written: in camelCase, as before April 2021, and as since."""
Deed = Callable[[], Awaitable[None]]


class Watched(Fetching):
    """The application, with something that happens before the hook of some keys is answered."""

    def __init__(self, desk: Desk, meanwhile: list[tuple[str, Deed]]) -> None:
        super().__init__(desk)
        self._meanwhile = meanwhile
        now = time.time()  # it stands still, as in the simulator while the application is asked
        self.clock = lambda: now

    async def taking(self, call: Call, keys: str | None, *given: Any, **more: Any) -> list[Verb]:
        """Answer a hook."""
        if keys and self._meanwhile and self._meanwhile[0][0] == keys:
            await self._meanwhile.pop(0)[1]()
        return await super().taking(call, keys, *given, **more)


@dataclass
class Acted:
    """A call in a screenplay: what its lines are, and what comes of them."""

    who: str
    whom: str
    lines: list[str] = field(default_factory=list)


@dataclass
class Theatre:
    """A server with store, audio and streams, and one on which each call has its application."""

    running: Running
    address: str = ""
    apps: dict[str, ASGIApp] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the application of a call."""
        prefix = "/".join(scope["path"].split("/")[:3])
        await self.apps[prefix](scope, receive, send)


@dataclass
class Stage:
    """One tenant's mailboxes."""

    theatre: Theatre
    tenant: str
    folder: Path
    given: dict[str, Any] = field(default_factory=dict)
    """Of `[voicemail]`."""
    boxes: dict[str, Kept] = field(default_factory=dict)
    messages: list[tuple[str, AudioBlock]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    meanwhile: list[tuple[str, Deed]] = field(default_factory=list)

    @property
    def plugin(self) -> Voicemail:
        """The sink."""
        found = self.theatre.running.app.sinks["voicemail"].plugin
        assert isinstance(found, Voicemail)
        return found

    @property
    def desk(self) -> Desk:
        """A desk as the settings are now."""
        base = f"127.0.0.1:{self.theatre.running.port}"
        addresses = Addresses(web=f"http://{base}", audio=f"ws://{base}")
        wants = VoicemailSettings.model_validate({"tenant": self.tenant, **self.given})
        return Desk(self.plugin, wants, "/listen", addresses)

    async def pins(self) -> Pins:
        """The PINs, at a cost for tests."""
        secret = await asyncio.to_thread(self.plugin.number_secret)
        return Pins(self.plugin.database, secret, cost=CHEAP)

    async def mailbox(
        self, name: str, *numbers: str, pin: str | None = None, must_change: bool = False
    ) -> Kept:
        """Make a mailbox."""
        plugin = self.plugin
        tenant = await ensure_tenant(plugin.database, self.tenant)
        hashed = number_key(await asyncio.to_thread(plugin.number_secret), tenant.salt)
        provider = await plugin.root.provider()
        key = await create_key(provider, str(ULID()))
        addresses = [hashed.mailbox(one) for one in (name, *numbers)]
        await add_mailbox(plugin.database, self.tenant, key, addresses=addresses)
        if pin is not None:
            await (await self.pins()).set(key.public.mailbox, pin, must_change=must_change)
        box = Kept(
            *(plugin.directory, plugin.database, plugin.objects),  # type: ignore[arg-type]
            *(provider, plugin.erasing.audit, key, hashed),  # type: ignore[arg-type]
        )
        self.boxes[name] = box
        await plugin.mailboxes.look_again()
        return box

    async def message(self, seconds: float, caller: str | None, box: str, state: str) -> str:
        """Leave a message."""
        samples = speech(seconds, seed=len(self.messages) + 1)
        meta = f'{{"call": {{"from": "{caller}"}}}}' if caller else '{"call": {}}'
        name = str(ULID.from_timestamp(FIRST + len(self.messages)))
        made = await self.boxes[box].leave(
            samples, message=name, meta=meta.encode(), caller=caller or ""
        )
        self.messages.append((made, samples))
        if state == "deleted":
            await self.delete(made)
        elif state:
            kept = "saved" if state == "saved" else "heard"
            await change_state(self.plugin.database, self.tenant, made, kept, datetime.now(UTC))  # type: ignore[arg-type]
        return made

    async def rule(self, box: str, name: str, value: str) -> None:
        """Set a rule of a mailbox."""
        mailbox = self.boxes[box].key.public.mailbox
        plain = {"yes": True, "no": False}.get(value, value)
        await change_mailbox(self.plugin.database, self.tenant, mailbox, settings={name: plain})
        await self.plugin.mailboxes.look_again()

    async def erase(self, message: str) -> None:
        """Erase a message for good."""
        await erase_message(self.plugin.erasing, self.tenant, message, actor="operator")

    async def delete(self, message: str) -> None:
        """Delete a message."""
        await delete_message(self.plugin.database, self.tenant, message, datetime.now(UTC))

    async def state(self, message: str) -> str:
        """Return what has become of a message."""
        try:
            return (await get_message(self.plugin.database, self.tenant, message)).state
        except UnknownMessage:
            return "gone"

    async def call(self, scheme: Scheme, who: str, whom: str, *lines: str) -> Outcome:
        """Place a call, with lines of the simulator's script."""
        desk = self.desk
        app = Watched(desk, self.meanwhile) if whom == OWNERS else Leaving(desk)
        number = len(self.outcomes)
        prefix = f"/{self.tenant}/{number}"
        self.theatre.apps[prefix] = served(app, prefix=prefix)
        order = Order(
            app=AppAddress(url=f"{scheme}://{self.theatre.address}{prefix}"),
            to=whom.replace(" ", "-"),
            from_=who,
            script=await asyncio.to_thread(read_script, lines),
            audio=None,
            server=SERVERS[scheme],
        )
        outcome = await place(order)
        self.outcomes.append(outcome)
        return outcome


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Theatre]:
    """Serve what all screenplays stand on."""
    made = settings(folder, routes={"/listen": {"sinks": ["voicemail"]}})
    async with serving(made) as running:
        theatre = Theatre(running)
        async with up(theatre) as theatre.address:
            yield theatre


async def act(text: str, theatre: Theatre, folder: Path, scheme: Scheme) -> Stage:
    """Act a screenplay, and check what is heard and what becomes of it."""
    stage = Stage(theatre, f"t{str(ULID()).lower()[-20:]}", folder)
    for part in _parts(text):
        if isinstance(part, Acted):
            await _call(stage, scheme, part)
        else:
            await _line(stage, part)
    return stage


def _parts(text: str) -> Iterator[str | Acted]:
    """Yield lines, and calls with theirs, after the title."""
    _, _, play = text.partition("\n\n")
    acted: Acted | None = None
    for line in filter(str.strip, play.splitlines()):
        if line.startswith(" ") and acted is not None:
            acted.lines.append(line.strip())
            continue
        if acted is not None:
            yield acted
            acted = None
        if found := re.fullmatch(r"(\S+) calls (.+)", line):
            acted = Acted(found[1], found[2])
        else:
            yield line
    if acted is not None:
        yield acted


async def _line(stage: Stage, line: str) -> None:
    if found := re.fullmatch(
        r"mailbox (\S+)(?: of (\S+))?(?: with PIN (\d+))?( that must be changed)?", line
    ):
        name, number, pin, must = found.groups()
        await stage.mailbox(name, *filter(None, [number]), pin=pin, must_change=bool(must))
    elif found := re.fullmatch(
        r"message of ([\d.]+) s(?: from (\S+))?(?: to (\S+))?(?:, (heard|saved|deleted))?", line
    ):
        seconds, caller, box, state = found.groups()
        await stage.message(float(seconds), caller, box or next(iter(stage.boxes)), state or "")
    elif found := re.fullmatch(r"rule of (\S+): (\w+) (\S+)", line):
        await stage.rule(*found.groups())
    elif found := re.fullmatch(r"setting (\w+) (.+)", line):
        stage.given[found[1]] = _value(found[2])
    else:
        await _deed(stage, line.removeprefix("then ").removeprefix("meanwhile "))


def _value(text: str) -> Any:
    plain = {"on": True, "off": False, "yes": True, "no": False}
    return plain.get(text, text.split() if text.startswith("+") else text)


async def _deed(stage: Stage, line: str) -> None:
    if found := re.fullmatch(r"message (\d+) is (erased|deleted)", line):
        message, _ = stage.messages[int(found[1]) - 1]
        await (stage.erase(message) if found[2] == "erased" else stage.delete(message))
    elif found := re.fullmatch(r"message (\d+) stays (\w+)", line):
        message, _ = stage.messages[int(found[1]) - 1]
        assert await stage.state(message) == found[2], line
    elif found := re.fullmatch(r"the operator unlocks (\S+)", line):
        await (await stage.pins()).unlock(stage.boxes[found[1]].key.public.mailbox)
    elif line == "nobody is dialled":
        assert not any("calls +" in one.what for one in stage.outcomes[-1].screenplay.lines), line
    else:
        raise AssertionError(f"the screenplay has a line that is not understood: {line!r}")


async def _call(stage: Stage, scheme: Scheme, acted: Acted) -> None:
    lines, phrase, spoken = [], "", 0
    meanwhile: list[str] = []
    for line in acted.lines:
        verb, _, rest = line.partition(" ")
        if verb == "hears":
            phrase = '"/audio/"' if re.match(r"(message|recording) \d", rest) else f'"{rest}"'
        elif verb == "listens":
            phrase = "asked"
        elif verb == "meanwhile":
            meanwhile.append(rest)
        elif verb == "party":
            lines.append(line)
        elif verb == "speaks":
            spoken += 1
            file = await asyncio.to_thread(_speech, stage.folder, float(rest.split()[0]), spoken)
            lines.append(f"recording speak {file}")
            phrase = ""
        else:
            if verb == "presses":
                keys = rest.removesuffix("#") if len(rest) > 1 else rest
                if meanwhile:
                    stage.meanwhile.append((keys, _Later(stage, meanwhile)))
                meanwhile = []
            cue = phrase if phrase in {"", "asked"} else f"hears {phrase}"
            lines.append(f"{cue or '+0.5'} {'hang up' if verb == 'hangs' else f'press {rest}'}")
            phrase = ""
    outcome = await stage.call(scheme, acted.who, acted.whom, *lines)
    _check(stage, acted, outcome)


@dataclass
class _Later:
    stage: Stage
    deeds: list[str]

    async def __call__(self) -> None:
        for deed in self.deeds:
            await _deed(self.stage, deed)


def _speech(folder: Path, seconds: float, number: int) -> Path:
    file = folder / f"spoken-{number}-{ULID()}.wav"
    soundfile.write(file, speech(seconds, seed=1000 + number)[0], RATE, subtype="PCM_16")
    return file


def _check(stage: Stage, acted: Acted, outcome: Outcome) -> None:
    """Check what was heard: each line in some sound, and none before the one of the line before."""
    said = "\n".join(str(line) for line in outcome.screenplay.lines)
    assert outcome.refusals == (), said
    assert "gone wrong" not in said, said
    number = 0
    for line in acted.lines:
        verb, _, rest = line.partition(" ")
        if verb != "hears":
            continue
        while number < len(outcome.heard) and not _is(stage, outcome.heard[number], rest):
            number += 1
        assert number < len(outcome.heard), f"{line!r} was not heard in\n{said}"
        if isinstance(outcome.heard[number], Played):
            number += 1


def _is(stage: Stage, sound: Heard, wanted: str) -> bool:
    if isinstance(sound, Said):
        return wanted.casefold() in sound.text.casefold()
    if not isinstance(sound, Played):
        return False
    if found := re.fullmatch(r"recording (\d+)", wanted):
        streams = [stream.pcm for outcome in stage.outcomes for stream in outcome.streams]
        return np.array_equal(sound.pcm, streams[int(found[1]) - 1])
    if found := re.fullmatch(r"message (\d+)(?: from second ([\d.]+))?", wanted):
        samples = stage.messages[int(found[1]) - 1][1]
        first = round(float(found[2] or 0) * RATE)
        return np.array_equal(sound.pcm, samples[:, first:])
    return False
