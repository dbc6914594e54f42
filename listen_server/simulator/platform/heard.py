"""What the caller of a simulated call hears, in order; verbs/prompts.py adds to it.

caller.py waits for it, where a cue of the script reacts to what is said.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from listen_codecs.formats import AudioBlock
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.scope import Stopped
from listen_server.simulator.platform.voices import APPLICATION_VOICE, Voice


@dataclass(slots=True, kw_only=True)
class _Sound:
    """Something that is heard for a while. Two are equal if what is heard is."""

    at: float = field(default=0.0, compare=False)
    """Seconds since the call began."""
    seconds: float = field(default=0.0, compare=False)
    """How long it lasts, if nothing ends it."""
    stopped_after: float | None = field(default=None, compare=False)
    """Seconds after which a key, a command or a hang-up cut it off; None if it was heard whole."""


@dataclass(slots=True)
class Said(_Sound):
    """A text, as speech."""

    text: str
    voice: Voice = field(default=APPLICATION_VOICE, compare=False)

    def moment_of(self, phrase: str) -> float | None:
        """Return when a phrase has been said; None if it is not in the text."""
        start = self.text.casefold().find(phrase.casefold())
        if start < 0:
            return None
        return self.at + self.seconds * (start + len(phrase)) / max(1, len(self.text))


@dataclass(slots=True, eq=False)
class Played(_Sound):
    """A file, as its address had it; `stopped_after` says how much of it was heard."""

    url: str
    pcm: AudioBlock
    """Shape (channels, frames), int16: the file, whatever was heard of it. It begins where the
    verb's `seekOffset` says."""
    sample_rate: int  # Hz

    def moment_of(self, phrase: str) -> float | None:
        """Return when it begins, if the phrase is part of its address."""
        return self.at if phrase in self.url else None

    @property
    def heard_pcm(self) -> AudioBlock:
        """What was heard of it: shape (channels, frames), int16."""
        whole = self.pcm.shape[1]
        heard = self.seconds if self.stopped_after is None else self.stopped_after
        return self.pcm[:, : min(whole, round(heard * self.sample_rate))]


@dataclass(slots=True)
class Beeped(_Sound):
    """The tone before a recording."""

    def moment_of(self, phrase: str) -> float | None:
        """Never: it has no words."""
        del phrase
        return None


Heard: TypeAlias = Said | Played | Beeped
NOTHING: Final[AudioBlock] = np.zeros((1, 0), np.int16)


class Hearing:
    """All that the caller has heard so far."""

    def __init__(self, clock: Clock) -> None:
        self.all: list[Heard] = []
        self._clock = clock
        self._news = asyncio.Event()

    @contextmanager
    def of(self, sound: Heard) -> Iterator[None]:
        """Add something for as long as the block goes on; Stopped cuts it off."""
        sound.at = self._clock.now
        self.all.append(sound)
        self._news.set()
        try:
            yield
        except Stopped:
            sound.stopped_after = round(self._clock.now - sound.at, 3)
            raise

    async def reached(self, phrase: str, since: int) -> None:
        """Wait until a phrase is heard, in `all[since]` or later."""
        number = since
        while True:
            for sound in self.all[number:]:
                number += 1
                moment = sound.moment_of(phrase)
                if moment is None:
                    continue
                await self._clock.at(moment)
                if sound.stopped_after is None or sound.at + sound.stopped_after >= moment:
                    return
            self._news.clear()
            await self._news.wait()
