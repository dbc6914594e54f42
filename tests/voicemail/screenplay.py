"""Screenplays of calls that leave a message: text files, readable aloud, acted on a real server.

    A caller leaves a message.

    mailbox wants review yes
    somebody calls
      hears Nobody can take your call
      hears the tone
      speaks 2 s
      presses #
      hears To keep your message, press 1.
      presses 2
      hears recording 1
    then the mailbox has recording 1

The first paragraph is the title. All that is heard is in the lines, in its order, each by its
beginning. A key is pressed when the line before it has been said, `later`, half a second after
that; between two streams the caller is silent. `somebody else calls` at the same time.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from stored_messages import speech
from voicemail.machine import Machine, Transport

from listen_codecs.formats import AudioBlock
from listen_server.simulator.platform import Beeped, Heard, Outcome, Played, Said, Streamed
from listen_server.simulator.platform.info import Server

RATE: Final = 8000  # Hz
_PROFILE: Final = ("name", "greeting", "temporary_greeting", "operator", "language", "voice")


@dataclass
class Acted:
    """One of the calls."""

    lines: list[str] = field(default_factory=list)
    outcome: Outcome | None = None


@dataclass
class Play:
    """A screenplay that is read."""

    wants: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    calls: list[list[Acted]] = field(default_factory=list)
    """Those that follow each other, each with those beside it."""
    then: list[str] = field(default_factory=list)
    number: str | None = None


async def act(
    text: str, machine: Machine, folder: Path, transport: Transport, server: Server
) -> None:
    """Act a screenplay, and check what is heard and what becomes of it."""
    play = _read(text)
    number, box = await machine.box(profile=play.profile, **play.wants)
    scripts = Scripts(folder)
    for beside in play.calls:
        made = [await asyncio.to_thread(scripts.of, one.lines) for one in beside]
        placing = [
            machine.call(play.number or number, *lines, transport=transport, server=server)
            for lines in made
        ]
        for one, outcome in zip(beside, await asyncio.gather(*placing), strict=True):
            one.outcome = outcome
        for one in beside:
            _check(one)
    streams = [stream for beside in play.calls for one in beside for stream in _streams(one)]
    for line in play.then:
        await _check_mailbox(line, machine, box.id, streams)


class Scripts:
    """Lines of a screenplay as those of the simulator."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spoken = 0

    def of(self, lines: list[str]) -> list[str]:
        """Return the script of one call; writes what is spoken into files."""
        script, phrase = [], ""
        for line in lines:
            verb, _, rest = line.partition(" ")
            if verb == "hears":
                phrase = '"/audio/"' if re.match(r"recording|greeting", rest) else f'"{rest}"'
                phrase = "recording" if rest == "the tone" else f"hears {phrase}"
            elif verb == "party":
                script.append(line)
            elif verb == "speaks":
                script.append(f"recording speak {self._file(rest)}")
                phrase = "recording"
            elif verb in {"presses", "hangs"}:
                what = "hang up" if verb == "hangs" else f"press {rest.split()[0]}"
                cue = phrase or "+0.5"
                waits = rest.endswith("later") or (cue == "recording" and "at once" not in rest)
                later = "+0.5" if waits else ""
                script.append(f"{cue}{later} {what}")
                phrase = ""
            else:
                raise AssertionError(f"the screenplay has a line that is not understood: {line!r}")
        return script

    def _file(self, what: str) -> str:
        found = re.fullmatch(r"([\d.]+) s(?: saying (.+))?", what)
        assert found, what
        self._spoken += 1
        file = self._folder / f"spoken-{self._spoken}.wav"
        samples = speech(float(found[1]), seed=self._spoken)
        soundfile.write(file, samples[0], RATE, subtype="PCM_16")
        return f"{file} as {found[2]}" if found[2] else str(file)


def _read(text: str) -> Play:
    play = Play()
    acted: Acted | None = None
    _, _, body = text.partition("\n\n")
    for line in filter(str.strip, body.splitlines()):
        if line.startswith(" ") and acted is not None:
            acted.lines.append(line.strip())
        elif line == "somebody calls":
            play.calls.append([acted := Acted()])
        elif line == "somebody else calls at the same time":
            play.calls[-1].append(acted := Acted())
        elif found := re.fullmatch(r"mailbox wants (\w+) (\w+)", line):
            play.wants[found[1]] = {"yes": True}.get(found[2], found[2])
        elif found := re.fullmatch(r"mailbox has (\w+) (.+)", line):
            play.profile[found[1]] = found[2]
        elif found := re.fullmatch(r"the number called is (\S+)", line):
            play.number = found[1]
        else:
            assert line.startswith("then "), f"not understood: {line!r}"
            play.then.append(line.removeprefix("then "))
    return play


def _streams(acted: Acted) -> Iterator[Streamed]:
    assert acted.outcome is not None
    yield from acted.outcome.streams


def _check(acted: Acted) -> None:
    outcome = acted.outcome
    assert outcome is not None
    said = "\n".join(str(line) for line in outcome.screenplay.lines)
    assert outcome.refusals == (), said
    wanted = [line.removeprefix("hears ") for line in acted.lines if line.startswith("hears ")]
    heard = [sound for sound in outcome.heard if sound.stopped_after != 0]
    streams = list(_streams(acted))
    right = [_is(sound, one, streams) for sound, one in zip(heard, wanted, strict=False)]
    assert (len(heard), right) == (len(wanted), [True] * len(wanted)), f"{wanted}\n{said}"


def _is(sound: Heard, wanted: str, streams: list[Streamed]) -> bool:
    if isinstance(sound, Said):
        return sound.text.startswith(wanted)
    if isinstance(sound, Beeped):
        return wanted == "the tone"
    found = re.fullmatch(r"recording (\d+)", wanted)
    assert isinstance(sound, Played)
    return bool(found) and np.array_equal(sound.pcm, streams[int(found[1]) - 1].pcm)  # type: ignore[index]


async def _check_mailbox(
    line: str, machine: Machine, mailbox: str, streams: list[Streamed]
) -> None:
    found = re.fullmatch(r"the mailbox has (nothing|recordings? [\d, ]+)", line)
    assert found, f"not understood: {line!r}"
    wanted = [streams[int(number) - 1].pcm for number in re.findall(r"\d+", found[1])]

    audio: list[AudioBlock] = []

    async def there() -> bool:
        nonlocal audio
        audio = await machine.heard(mailbox)
        has = [any(np.array_equal(one, other) for other in audio) for one in wanted]
        return len(audio) == len(wanted) and all(has)  # at the same time, they come in any order

    with suppress(TimeoutError):  # what was recorded again goes when nobody waits for it
        async with asyncio.timeout(20):
            while not await there():  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.02)
    assert await there(), ([one.shape for one in audio], [one.shape for one in wanted])
