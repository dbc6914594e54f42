"""The sealed object LSV1: one part of a message. ../FORMAT.md is the page to read."""

from listen_sinks.voicemail.lsv1.header import Header, read_header
from listen_sinks.voicemail.lsv1.layout import CHUNK, LONGEST_PREFIX, SEALED_CHUNK
from listen_sinks.voicemail.lsv1.ranges import Ranges, Read
from listen_sinks.voicemail.lsv1.reader import BodyReader, Damaged, Salvaged
from listen_sinks.voicemail.lsv1.tail import LONGEST_TAIL, split_tails
from listen_sinks.voicemail.lsv1.writer import BodyWriter, new_message_key
from listen_sinks.voicemail.sealed import Refused

__all__ = [
    "CHUNK",
    "LONGEST_PREFIX",
    "LONGEST_TAIL",
    "SEALED_CHUNK",
    "BodyReader",
    "BodyWriter",
    "Damaged",
    "Header",
    "Ranges",
    "Read",
    "Refused",
    "Salvaged",
    "new_message_key",
    "read_header",
    "split_tails",
]
