"""What must be right about an order before the call begins; placing.py asks."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from listen_codecs.formats import AudioFormat
from listen_server.simulator.audio import call_pcm, load_sides
from listen_server.simulator.clip import CLIP
from listen_server.simulator.errors import CallError
from listen_server.simulator.platform.script import Script, SpeakFile

_WEB: Final = ("http", "https")
_SOCKET: Final = ("ws", "wss")
_ANY: Final = AudioFormat(8000, "mono")  # what can be read for one can be read for all


def check_addresses(app: str, status: str | None, queue_status: str | None) -> str:
    """Return the scheme of the application. Raises CallError for an address that is none.

    The status goes to a path, to the web, or to the socket of an application that has one.
    """
    scheme = _scheme(app)
    if scheme not in _WEB + _SOCKET:
        raise CallError(
            f"{app!r} is no address of an application", "begin it with http:// or ws://"
        )
    taken = _WEB + _SOCKET if scheme in _SOCKET else _WEB
    if status is not None and not status.startswith("/") and _scheme(status) not in taken:
        raise CallError(f"{status!r} is no address for the status", "begin it with http:// or /")
    if queue_status is not None and _scheme(queue_status) not in _WEB:
        raise CallError(
            f"{queue_status!r} is no address for events of queues", "begin it with http://"
        )
    return scheme


def check_files(script: Script, audio: Path | None) -> None:
    """Read all that is to be heard of the caller. Blocks. Raises CallError with every fault."""
    faults = []
    for file in dict.fromkeys(
        cue.what.file for cue in script.cues if isinstance(cue.what, SpeakFile)
    ):
        try:
            load_sides(file, _ANY)
        except CallError as error:
            faults.append(str(error))
    if audio not in (None, CLIP):
        try:
            call_pcm(audio, _ANY)
        except CallError as error:
            faults.append(str(error))
    if faults:
        raise CallError("\n".join(dict.fromkeys(faults)))


def _scheme(url: str) -> str:
    """Return the scheme of an address with a host; nothing if it is none."""
    try:
        parts = urlsplit(url)
        hostname = parts.hostname
    except ValueError:
        return ""
    return parts.scheme if hostname else ""
