"""The voicemail sink: one stream becomes one sealed message. plugin.py has all that it stands on.

Here is only the order of things; what blocks runs in the spool's thread.
"""

import json
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from listen_codecs.formats import AudioBlock
from listen_sinks.api import (
    Call,
    DtmfPressed,
    Gap,
    MetadataArrived,
    Outcome,
    Sink,
    SinkError,
    StreamEvent,
)
from listen_sinks.description import (
    Document,
    add_event,
    add_gap,
    add_metadata,
    conclude,
    encode,
)
from listen_sinks.faults import explain
from listen_sinks.transcript.board import BOARD
from listen_sinks.transcript.kept import SHELF
from listen_sinks.voicemail.beginning import described, prepare
from listen_sinks.voicemail.open_audio import OpenAudio
from listen_sinks.voicemail.spoken import Spoken, with_words
from listen_sinks.voicemail.spool import End, SpooledStream, State, Stored

if TYPE_CHECKING:
    from listen_sinks.voicemail.plugin import Voicemail

MOST_EVENT_BYTES: Final = 2**18
"""Bytes of events that are kept of one call: they are sealed into a row of the index."""

_TOO_MANY: Final = "some events were too much to be kept"


class VoicemailSink(Sink):
    """Keeps one stream."""

    def __init__(self, plugin: "Voicemail") -> None:
        self._plugin = plugin
        self._event_bytes = 0
        self._told = False  # the server knows why this message ends

    async def start(self, call: Call) -> None:
        """Begin a message: its key and header last before the first sample is taken."""
        self._call = call
        self._tell(kept=False)  # until it has begun
        await self._begin(call)
        self._tell(kept=True)

    async def _begin(self, call: Call) -> None:
        self._caller: str | None = None
        self._document: Document = described(call)
        place = await self._plugin.mailboxes.place(call)
        self._key = place.destination.key
        posting = BOARD.find(call.stream_id)
        self._spoken = Spoken(posting) if posting else None
        words = self._spoken.taken() if self._spoken else None
        defaults = {"min_seconds": self._plugin.config.min_seconds}
        self._stream: SpooledStream = await self._plugin.told(
            self._plugin.spool.begin(partial(prepare, call, place, self._document, defaults, words))
        )
        self._audio = OpenAudio(self._stream)
        self._take_back = SHELF.lend(call.stream_id, self._audio)

    async def audio(self, block: AudioBlock) -> None:
        """Take a block, shape (channels, frames), int16; wait for a disk that is far behind."""
        self._raise(self._stream.error)
        self._stream.put(block)
        if self._stream.behind:
            await self._stream.catch_up()
        if self._spoken is not None and self._spoken.due:
            await self._keep_words(self._spoken)

    async def event(self, event: StreamEvent, at: float) -> None:
        """Take what is to be sealed with the audio at its end; metadata that comes late, now."""
        if isinstance(event, Gap):
            add_gap(self._document, event)
            if event.reason == "sink too slow":
                self._audio.skip(at, event.seconds)
        elif isinstance(event, MetadataArrived):
            await self._take_metadata(event)
        elif not isinstance(event, DtmfPressed) or self._plugin.config.dtmf:
            self._take_event(event, at)

    async def finish(self, outcome: Outcome) -> None:
        """Seal the message, and have it shipped; it is durable when this returns."""
        self._take_back()
        self._tell(kept=None)  # until the last of it is on the disk, or is not
        if self._spoken is not None and self._spoken.new:
            await self._keep_words(self._spoken)
        conclude(self._document, outcome)
        meta = partial(encode, self._document)
        stored, problem = await self._stream.end(self._end(outcome), meta)
        discarded = stored.end.state == "discarded"
        if not discarded:
            stored = await self._stream.outlined(stored)
        self._tell(kept=None if discarded else stored.end.state != "failed" and not problem)
        if not discarded:
            stored = await self._with_words(stored)
        self._plugin.shipping.add([stored])
        self._raise(problem)

    def _end(self, outcome: Outcome) -> End:
        state: State = outcome.state
        reason = outcome.reason
        if unwanted := self._stream.note.discarded(outcome.frames):
            state, reason = "discarded", unwanted
        return End(state, reason, outcome.ended_at, caller=self._caller)

    async def _keep_words(self, spoken: Spoken) -> None:
        with suppress(OSError):  # the audio has the same disk, and says so
            await self._stream.keep("words", spoken.taken)

    async def _with_words(self, stored: Stored) -> Stored:
        """Wait a little for the last words; the rest comes in a part of its own.

        Who came with a ticket is on the phone, and waits to hear what became of the audio.
        """
        spoken = self._spoken
        if spoken is None:
            return stored
        wait = 0.0 if self._call.granted.get("ticket") else self._plugin.config.transcript_wait
        if not await spoken.ended(wait):
            self._plugin.words.follow(stored, self._key, spoken)
        label, engine = spoken.label, spoken.engine
        return with_words(stored, label, await self._stream.seal_late(label, spoken.taken), engine)

    async def _take_metadata(self, event: MetadataArrived) -> None:
        add_metadata(self._document, event)
        self._caller = self._plugin.mailboxes.caller(
            self._call.tenant, self._document["call"]["from"]
        )
        copy = partial(encode, dict(self._document))
        await self._plugin.told(self._stream.keep("meta", copy))

    def _take_event(self, event: StreamEvent, at: float) -> None:
        events = self._document["events"]
        before = len(events)
        add_event(self._document, event, at)
        self._event_bytes += sum(len(json.dumps(one, default=repr)) for one in events[before:])
        if self._event_bytes > MOST_EVENT_BYTES:
            del events[before:]
            if _TOO_MANY not in self._document["notes"]:
                self._document["notes"].append(_TOO_MANY)

    def _tell(self, *, kept: bool | None) -> None:
        """Tell whoever sent the caller here what becomes of it."""
        self._plugin.fates.tell(self._call.granted.get("ticket"), kept=kept)

    def _raise(self, failure: Exception | None) -> None:
        """Tell the server what went wrong, once."""
        if failure and not self._told:
            self._told = True
            self._tell(kept=False)
            raise SinkError(explain(failure, self._plugin.spool.directory)) from failure
