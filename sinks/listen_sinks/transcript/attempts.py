"""What is asked of an engine, with an end to the waiting. session.py asks.

An engine is a stranger's: it may raise anything, and what it says may be the caller's words.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final

import structlog

from listen_sinks.transcript.api import Engine, EngineAway, EngineRefused

log = structlog.get_logger(__name__)

_CLOSING: Final = 5.0  # seconds for an engine to close


def broken(error: Exception) -> EngineRefused:
    """Say that an engine has a fault of its own; not its words, which may be the caller's."""
    return EngineRefused(f"the engine raised {type(error).__name__}: report it to its author")


async def attempt(what: str, seconds: float, doing: Awaitable[None]) -> None:
    """Wait for an engine, but not for ever. Raises EngineAway."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await doing
    except TimeoutError:
        raise EngineAway(f"it {what} within {max(0.0, seconds):.0f} s") from None


async def close(engine: Engine) -> None:
    """Let an engine go, whatever it says."""
    try:
        async with asyncio.timeout(_CLOSING):
            await engine.close()
    except Exception as error:  # noqa: BLE001 - it is left, whatever it raises
        log.warning("an engine did not close", error=type(error).__name__)
