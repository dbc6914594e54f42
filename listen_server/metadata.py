"""The first text frame, read as well as it can be. protocol.py asks; nothing here does IO.

jambonz passes the frame through a FreeSWITCH command line, so it arrives cut at 8192 bytes,
with quotes and backslashes eaten, with a word before it or an apostrophe behind it
(mod_audio_fork's MAX_METADATA_LEN; switch_utils.c, cleanup_separated_string). Three readings
are tried: JSON as it should be, the first JSON object in it, the members that still stand.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from listen_codecs.formats import MIXES, SAMPLE_RATES, AudioFormat, Mix
from listen_sinks.api import MetadataQuality

MAX_TEXT: Final = 65_536  # characters; jambonz sends at most 8192 bytes
_MAX_MENDED: Final = 16_384  # mending looks back and forth: not over text of any length
_KEY = re.compile(r'[\s,{]*"([^"\\]{1,200})"\s*:\s*')
_MEMBER_END = re.compile(r"\s*[,}]")
_NEXT_MEMBER = re.compile(r'"?\s*(?:,\s*"[^"\\]{1,200}"\s*:|\}[\s\'}]*$)')
_LENIENT = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What was understood of the first text frame."""

    quality: MetadataQuality
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    rest: str = field(default="", repr=False)  # text behind the object: more events, perhaps


def read_metadata(text: str) -> Metadata:
    """Read the first text frame: exactly, leniently, or not at all. Never raises."""
    if len(text) > MAX_TEXT:
        return Metadata("missing")
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _read_leniently(text)
    return Metadata("exact", value) if isinstance(value, dict) else Metadata("missing")


def json_values(text: str) -> Iterator[Any]:
    """Yield the JSON values that a text frame holds, one after the other.

    Older media servers append queued texts into one frame: `{...}{...}`. What cannot be read
    ends the sequence with a ValueError.
    """
    position = 0
    while (position := _skip_space(text, position)) < len(text):
        try:
            value, position = _LENIENT.raw_decode(text, position)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        yield value


def format_of(
    attributes: Mapping[str, Any], default: AudioFormat
) -> tuple[AudioFormat, tuple[str, ...]]:
    """Return the format that the metadata names, and what had to be assumed for want of it.

    User metadata is merged over jambonz's own fields and can name any rate, so only rates that
    jambonz can send are believed and nothing is ever sized from the value.
    """
    flags = []
    rate = _sample_rate(attributes.get("sampleRate"))
    if rate is None:
        flags.append("sample rate assumed")
    mix = attributes.get("mixType")
    if mix not in MIXES:
        mix = None
        flags.append("mix assumed")
    chosen = AudioFormat(rate or default.sample_rate, cast("Mix", mix) or default.mix)
    return chosen, tuple(flags)


def label(attributes: Mapping[str, Any], key: str) -> str | None:
    """Return a call attribute as text of a bounded length, or None.

    JSON can have half a surrogate pair, which no UTF-8 has: a question mark stands for it.
    """
    value = attributes.get(key)
    if not isinstance(value, str) or not value:
        return None
    return value[:256].encode(errors="replace").decode()


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n\x00":
        position += 1
    return position


def _sample_rate(value: object) -> int | None:
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) < len("100000")
    ):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value in SAMPLE_RATES else None


def _read_leniently(text: str) -> Metadata:
    start = text.find("{")
    if start < 0:
        return Metadata("missing")
    try:
        value, end = _LENIENT.raw_decode(text, start)
    except (ValueError, RecursionError):
        members = _members_that_stand(text[start : start + _MAX_MENDED])
        return Metadata("lenient", members) if members else Metadata("missing")
    return Metadata("lenient", value, text[end:].strip("' \t\r\n\x00"))


def _members_that_stand(text: str) -> dict[str, Any]:
    """Collect top-level members one by one, passing over what is broken.

    jambonz writes its own fields first, so the first of two equal keys is the one to believe:
    a later one may come from inside a broken object.
    """
    members: dict[str, Any] = {}
    position = 0
    while key := _KEY.match(text, position):
        value, position = _value_at(text, key.end())
        if value is not _CUT:
            members.setdefault(key[1], value)
    return members


_CUT: Final = object()


def _value_at(text: str, start: int) -> tuple[Any, int]:
    """Return the value that starts here, mended if need be, and where the next member is."""
    try:
        value, end = _LENIENT.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    else:
        if _MEMBER_END.match(text, end):
            return value, end
    boundary = _NEXT_MEMBER.search(text, start + 1)
    if boundary is None:  # the frame was cut in this value
        return _CUT, len(text)
    end = boundary.start()
    if text[start] == '"':  # a string with quotes or backslashes of its own
        return text[start + 1 : end], boundary.start() + boundary[0].startswith('"')
    return _CUT, end
