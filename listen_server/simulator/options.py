"""The words of a command line as parts of a call's script. cli.py hands them in one by one."""

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from listen_codecs.formats import SAMPLE_RATES
from listen_server.simulator.errors import CallError
from listen_server.simulator.script import KEYS, Key, Pause

Word = TypeVar("Word")
Value = TypeVar("Value")

_KEY: Final = re.compile(rf"([{re.escape(KEYS)}])@(\d+(?:\.\d*)?|\.\d+)")
_PAUSE: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)-(\d+(?:\.\d*)?|\.\d+)")


def parse_rate(rate: int) -> int:
    """Read `--rate`, in Hz. As all of these, raises CallError with the fix."""
    if rate not in SAMPLE_RATES:
        rates = ", ".join(map(str, SAMPLE_RATES))
        raise CallError(f"--rate {rate} is no rate of jambonz", f"use one of {rates}")
    return rate


def parse_key(word: str) -> Key:
    """Read a `--dtmf` such as `5@1.2`: key 5 after 1.2 seconds."""
    found = _KEY.fullmatch(word)
    if found is None:
        raise CallError(f"--dtmf {word!r} is no key and time", f"write one of {KEYS} as in 5@1.2")
    return Key(found[1], float(found[2]))


def parse_pause(word: str) -> Pause:
    """Read a `--pause` such as `2-4`: from second 2 to second 4."""
    found = _PAUSE.fullmatch(word)
    if found is None or float(found[1]) >= float(found[2]):
        raise CallError(f"--pause {word!r} is no stretch of time", "write two seconds as in 2-4")
    return Pause(float(found[1]), float(found[2]))


def parse_metadata(word: str) -> tuple[str, Any]:
    """Read a `--metadata` such as `topic=voicemail`; the value is JSON if it reads as JSON."""
    key, separator, value = word.partition("=")
    if not separator or not key:
        raise CallError(f"--metadata {word!r} has no key and value", "write it as in topic=sales")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def parse_seconds(seconds: float) -> float:
    """Read `--seconds`: how long a call is to last."""
    if not 0 < seconds < math.inf:
        raise CallError(f"--seconds {seconds:g} is no length of a call", "give more than 0")
    return seconds


class Faults:
    """All that is wrong with a command line, so that it can be said at once."""

    def __init__(self) -> None:
        self._sentences: list[str] = []

    def read(self, reader: Callable[[Word], Value], *words: Word) -> list[Value]:
        """Return what a reader makes of each word, and keep what it says of bad ones."""
        values = []
        for word in words:
            try:
                values.append(reader(word))
            except CallError as error:
                self._sentences.append(str(error))
        return values

    def check(self) -> None:
        """Raise CallError with every sentence, if there is any."""
        if self._sentences:
            raise CallError("\n".join(self._sentences))
