"""A part of the demo's story: the words of the message, as an offline engine understood them."""

import asyncio
import time
from importlib.util import find_spec
from typing import Final

from rich.console import Console

from listen_server.commands.demo import OFFLINE
from listen_server.commands.voicemail import ACTOR
from listen_server.simulator.clip import CLIP_WORDS
from listen_sinks.transcript.collected import Transcript
from listen_sinks.transcript.word_errors import word_errors
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.transcribing import transcripts

PATIENCE: Final = 60.0  # seconds for a busy machine


async def show_transcript(console: Console, store: Access, message: Message) -> bool:
    """Print what was understood of a message; return whether it is as it should be."""
    if not find_spec(OFFLINE):
        console.print(
            "  No transcript: the offline engine is not installed. "
            "pip install 'listen-server[offline]' brings it, for Python before 3.14.",
            markup=False,
        )
        return True
    transcript = await _understood(store, message)
    if transcript is None:
        console.print("  The transcript did not come.", style="red")
        return False
    console.print(f"  What the engine {transcript.engine} understood, sealed with the message:")
    errors = word_errors(CLIP_WORDS["caller"], transcript.text(0))
    wrong = errors.substituted + errors.deleted + errors.inserted
    console.print(f"    {transcript.text(0) or '(nothing)'}", markup=False)
    console.print(f"      {wrong} of {errors.said} words wrong", style="dim")
    console.print(
        "  This is a clear synthetic voice. Of people on a telephone it gets about every\n"
        "  third word wrong: it shows that the path works. `listen-server transcribe`\n"
        "  tries engines on audio of yours.",
        markup=False,
    )
    return True


async def _understood(store: Access, message: Message) -> Transcript | None:
    reader = await store.store()
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = await transcripts(reader, store.database, message.tenant, message.id, actor=ACTOR)
        if found and found[0].transcript.complete:
            return found[0].transcript
        await asyncio.sleep(0.2)
    return None
