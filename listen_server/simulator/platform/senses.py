"""What the caller of a simulated call does and hears: caller.py acts, the verbs listen and play."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Final

from listen_codecs.files import UnreadableAudio, audio_info
from listen_server.simulator.errors import CallError
from listen_server.simulator.pipe import PACKET_SECONDS
from listen_server.simulator.platform.clients import HttpClient
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.heard import Hearing
from listen_server.simulator.platform.stream import Stream


class Senses:
    """The caller's side of a call. session.py is the rest."""

    def __init__(self, clock: Clock, audio: Path | None) -> None:
        self.audio: Final = audio
        """What goes over streams while the caller speaks no file; None is silence."""
        self.asked = asyncio.Event()
        """Set while a gather waits for the caller."""
        self.recording = asyncio.Event()
        """Set while a listen or dial streams."""
        self.keys: list[Callable[[str], None]] = []
        """Who hears keys."""
        self.ears: list[Callable[[str], None]] = []
        """Who hears speech."""
        self.speaking: list[Callable[[], None]] = []
        """Who hears that speech begins."""
        self.hearing: Final = Hearing(clock)
        """What the caller hears."""
        self.files: Final = HttpClient()
        """Where the media server fetches files."""
        self.streams: list[Stream] = []
        """All streams that there were, those that are over as well."""

    async def speak(self, file: Path) -> float:
        """Speak a file into every stream that is open. Raises CallError.

        Returns its seconds, up to the end of its last packet.
        """
        try:
            info = await asyncio.to_thread(audio_info, file)
        except OSError as error:
            raise CallError(
                f"{file} cannot be read: {error.strerror}", "name an audio file"
            ) from None
        except UnreadableAudio as error:
            raise CallError(f"{file} is {error}", "name an audio file") from None
        for stream in self.streams:
            if not stream.ended.done():
                await stream.speak(file)
        return math.ceil(info.seconds / PACKET_SECONDS) * PACKET_SECONDS
