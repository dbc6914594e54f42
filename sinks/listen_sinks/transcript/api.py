"""The whole contract between the transcript sink and an engine: all that its author needs.

    TranscriberPlugin.open -> engine() -> Engine.open -> audio ..., results -> drain -> close

A plugin lives as long as the server. An engine serves one stream, or the rest of one that another
engine had to leave: then audio comes again from where that had no final result.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from pydantic import BaseModel

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_sinks.api import NoConfig, SinkContext

ENTRY_POINT_GROUP: Final = "listen_server.transcribers"


class EngineAway(Exception):  # noqa: N818 - a state of the world; whoever waits may succeed
    """The engine cannot be reached, or broke off. The sink opens another, with overlap.

    `covered`: from which second of the audio that it was given nothing is covered. Before it all
    final results were given, in every channel, and of the rest there is nothing to say. None if the
    engine cannot tell: then that is where its final results end, or what it had for long enough.
    """

    def __init__(self, why: str = "", *, covered: float | None = None) -> None:
        super().__init__(why)
        self.covered = covered


class EngineRefused(Exception):  # noqa: N818 - the operator's to mend, as its sentence says
    """The engine will not take this stream, now or later. The sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was said."""

    text: str = field(repr=False)
    start: float  # seconds of received audio before it
    end: float
    confidence: float | None = None  # 0 to 1, where the engine tells


@dataclass(frozen=True, slots=True)
class Result:
    """What was understood of a stretch of one channel."""

    text: str = field(repr=False)
    channel: int  # 0: what this endpoint's party says; 1: what is sent to it
    start: float  # seconds of the audio that this engine was given
    end: float
    is_final: bool  # an interim result is replaced by the next of its channel
    confidence: float | None = None  # 0 to 1, where the engine tells
    words: tuple[Word, ...] = ()  # where the engine tells
    language: str | None = None  # BCP 47, where the engine decides


class Engine:
    """Understands one stream.

    No method is called before the one before it has returned, but for `results`, which is read
    from `open` on, beside all others. Each may raise EngineAway or EngineRefused; results that
    came before stay good.
    """

    async def open(self, audio_format: AudioFormat, language: str) -> None:
        """Get ready for audio of this format, in this language (BCP 47)."""
        raise NotImplementedError

    async def audio(self, block: AudioBlock) -> None:
        """Take samples of shape (channels, frames), int16, read-only; wait if it is too many."""
        raise NotImplementedError

    def results(self) -> AsyncIterator[Result]:
        """Give results as they come, final ones in order within a channel; end after the drain."""
        raise NotImplementedError

    async def drain(self) -> None:
        """Take note that no audio will come; return when `results` has had the last words."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of everything, at any moment."""
        raise NotImplementedError


class TranscriberPlugin:
    """What an entry point in the group `listen_server.transcribers` names: a maker of engines."""

    Config: ClassVar[type[BaseModel]] = NoConfig
    """What the table `[sinks.transcript.options]` may hold for this engine."""

    def __init__(self, config: Any, context: SinkContext) -> None:
        self.config = config
        self.context = context

    async def open(self) -> None:
        """Get ready before the first stream. Raises SinkError, with a sentence for the operator."""

    def engine(self) -> Engine:
        """Make the engine of one stream. Nothing slow here: that is for `Engine.open`."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of everything; after the last engine was closed."""
