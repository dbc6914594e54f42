"""A whole recording understood, as fast as an engine takes it: for commands and for batches.

session.py is for streams that come at their own pace.
"""

import asyncio
from collections.abc import AsyncIterable, Callable
from typing import Final

from listen_codecs.formats import AudioBlock, AudioFormat
from listen_sinks.transcript.api import EngineAway, Result, TranscriberPlugin
from listen_sinks.transcript.collected import Transcript
from listen_sinks.transcript.session import Patience, Session

BEHIND: Final = 10.0
"""Seconds of audio that an engine may lag behind before it is waited for."""
PATIENT: Final = Patience(opening=60.0, audio=3600.0, drain=3600.0, away=60.0)
"""An engine may take its time: nobody is on the line. One that is away is asked again later."""
_LOOK: Final = 0.05  # seconds


async def read_aloud(
    transcriber: TranscriberPlugin,
    name: str,
    blocks: AsyncIterable[AudioBlock],
    audio_format: AudioFormat,
    language: str,
    *,
    patience: Patience | None = None,
    told: Callable[[float], None] = lambda _: None,
) -> Transcript:
    """Return what an engine understands; `told` is called with the seconds it has understood.

    Raises EngineRefused, and EngineAway if it did not hear all of it.
    """
    transcript = Transcript(name, language)

    def heard(result: Result) -> None:
        if result.is_final:
            transcript.add(result)
            told(result.end)

    session = Session(
        transcriber.engine,
        audio_format,
        language,
        heard=heard,
        missed=transcript.miss,
        patience=patience or PATIENT,
    )
    running = asyncio.create_task(session.run(), name="transcript: read aloud")
    try:
        await _read(blocks, session, running)
        session.end()
        transcript.whole = await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    if not transcript.complete:
        raise EngineAway(f"it has not heard everything: {session.left or 'it broke off'}")
    return transcript


async def _read(
    blocks: AsyncIterable[AudioBlock], session: Session, running: asyncio.Task[bool]
) -> None:
    """Put blocks in as the engine takes them; stop when it is left."""
    async for block in blocks:
        session.put(block)
        while session.behind > BEHIND and not running.done():  # noqa: ASYNC110 - no event
            await asyncio.sleep(_LOOK)
        if running.done():
            return
