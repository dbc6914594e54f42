"""Words about a message that somebody else understood, such as jambonz: a part of its own, sealed.

late_words.py is for those of our own engine; transcribing.py reads both.
"""

import asyncio
import hashlib
from typing import Final

from listen_sinks.transcript.collected import Transcript, encode
from listen_sinks.voicemail.beginning import FIRST_PART
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.parts import list_parts
from listen_sinks.voicemail.index.records import Message, Part, ShippedPart
from listen_sinks.voicemail.index.shipping import Recorded
from listen_sinks.voicemail.index.transcripts import WHOLE, record_words
from listen_sinks.voicemail.keys import PublicKey, seal_message_key
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.lsv1 import new_message_key
from listen_sinks.voicemail.sealed import seal
from listen_sinks.voicemail.spoken import WORDS_PART

_MOST: Final = 8
"""Parts of such words that one message may have: each process that hears some adds its own."""


async def keep_words(
    database: Database, message: Message, to: PublicKey, transcript: Transcript
) -> Recorded:
    """Add words to a message, marked with their engine; `to` is the newest key of its mailbox.

    Raises UnknownMessage if its audio is not there, IndexAway.
    """
    parts = await list_parts(database, message.tenant, message.id)
    if not parts:
        return "erased"
    taken = {one.part for one in parts}
    for number in range(WORDS_PART + 1, WORDS_PART + 1 + _MOST):
        if number in taken:
            continue
        words = await asyncio.to_thread(_sealed, message.id, number, parts[0], to, transcript)
        done = await record_words(database, words, of=FIRST_PART, engine=transcript.engine)
        if done != "known":  # else somebody was faster
            return done
    return "known"


def _sealed(
    message: str, number: int, of: Part, to: PublicKey, transcript: Transcript
) -> ShippedPart:
    key = new_message_key()
    plain = encode(transcript)
    return ShippedPart(
        message=message,
        part=number,
        mailbox=to.mailbox,
        key_version=to.version,
        envelope=seal_message_key(key, to, message, number),
        format=of.format,
        started_at=of.started_at,
        ended_at=of.ended_at,
        outcome=of.outcome,
        reason=of.reason,
        frames=0,
        size=0,
        digest=hashlib.sha256().digest(),
        ranges=(),
        values={WHOLE: seal(key, WHOLE, value_context(message, number), plain)},
        transcribed_by=transcript.engine,
    )
