"""The first moments of a message: its key, its envelope, and what is said of the call.

Runs in the spool's thread, before the first sample is taken.
"""

from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

from listen_sinks.api import Call
from listen_sinks.description import Document, describe, encode
from listen_sinks.voicemail.keys.mailbox import seal_message_key
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.lsv1 import BodyWriter, Header, new_message_key
from listen_sinks.voicemail.mailboxes import Place
from listen_sinks.voicemail.policies import effective_settings
from listen_sinks.voicemail.sealed import seal
from listen_sinks.voicemail.spool.note import Kind, Note
from listen_sinks.voicemail.spool.open_message import Beginning

FIRST_PART: Final = 0
VERSION: Final = 1
SOMETHING: Final = 0.02
"""Seconds that a caller who was sent here must stay to have left a message: one packet."""
_FULL: Final = "the mailbox was full"


def described(call: Call) -> Document:
    """Begin what is sealed with the audio: all that jambonz said of the call."""
    return {
        "version": VERSION,
        "stream_id": call.stream_id,
        "tenant": call.tenant,
        "route": call.route,
        "path_params": call.path_params,
        "started_at": call.started_at.astimezone(UTC).isoformat(),
        "sample_rate": call.format.sample_rate,
        "mix": call.format.mix,
        **describe(call),
    }


def prepare(
    call: Call,
    place: Place,
    document: Document,
    defaults: Mapping[str, Any],
    words: bytes | None = None,
) -> Beginning:
    """Make a message's key, and seal it to the mailbox. Nothing secret is needed for it.

    Raises ValueError for a stream id that is no ULID.
    """
    to = place.destination.key
    kind: Kind = "greeting" if call.granted.get("kind") == "greeting" else "message"
    settings = effective_settings({**defaults, **place.destination.settings})
    message_key = new_message_key()
    header = Header(
        message=call.stream_id,
        part=FIRST_PART,
        mailbox=to.mailbox,
        key_version=to.version,
        sample_rate=call.format.sample_rate,
        channels=call.format.channels,
    )
    context = value_context(call.stream_id, FIRST_PART)
    values = {"meta": seal(message_key, "meta", context, encode(document))}
    if words is not None:  # so that it can be told that there should be more
        values["words"] = seal(message_key, "words", context, words)
    least = SOMETHING if call.granted else 0.0
    note = Note(
        message=call.stream_id,
        part=FIRST_PART,
        mailbox=to.mailbox,
        key_version=to.version,
        kem=to.kem,
        envelope=seal_message_key(message_key, to, call.stream_id, FIRST_PART),
        format=call.format,
        started_at=call.started_at,
        caller=place.caller,
        least_seconds=0.0 if kind == "greeting" else max(settings.min_seconds, least),
        unwanted=_FULL if place.destination.full and kind != "greeting" else None,
        values=values,
        ticket=call.granted.get("ticket"),
        kind=kind,
    )
    return Beginning(note, BodyWriter(message_key, header), message_key)
