"""Where the audio goes: listen as a real stream, transcribe as the words of the script.

Sources: lib/tasks/listen.js and transcribe.js of jambonz-feature-server 0.9.8.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from listen_server.jambonz.verbs import Listen, Transcribe
from listen_server.simulator.errors import CallError
from listen_server.simulator.platform.heard import Beeped
from listen_server.simulator.platform.info import CallInfo
from listen_server.simulator.platform.scope import Scope, Stopped
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.stream import Stream

_BEEP: Final = 0.5  # seconds


async def listen(session: Session, verb: Listen, scope: Scope) -> None:
    """Stream until the verb ends, one way or another; then ask its hook."""
    session.media(early=verb.early_media)
    if verb.play_beep:
        session.write("JAMBONZ", "beeps")
        with session.hearing.of(Beeped(seconds=_BEEP)):
            await scope.sleep(_BEEP)
    inside = scope.inside()
    if verb.transcribe is not None:
        session.beside(transcribing(session, verb.transcribe, inside, session.info))
    try:
        results = await stream(session, verb, inside, session.info.payload())
    finally:
        inside.stop()
    await session.act(verb, verb.action_hook, results)


async def stream(
    session: Session, verb: Listen, scope: Scope, told: dict[str, Any]
) -> dict[str, Any]:
    """Stream within a scope, and return what the hook is told. Stops are no errors here."""
    made = await opened(session, verb, told)
    if made is None:
        return {}
    session.stream = made
    session.recording.set()
    pressed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def hear(key: str) -> None:
        made.press(key)
        if key == verb.finish_on_key and not pressed.done():
            pressed.set_result(key)
            session.recording.clear()

    session.keys.append(hear)
    with suppress(Stopped):
        await scope.until(pressed, made.ended, seconds=verb.max_length or None)
    session.keys.remove(hear)
    session.recording.clear()
    session.stream = None
    await closed(session, made)
    results: dict[str, Any] = {"dialCallDuration": int(round(made.seconds, 3))}
    if pressed.done():
        results["digits"] = pressed.result()
    return results


async def opened(session: Session, verb: Listen, told: dict[str, Any]) -> Stream | None:
    """Open a stream; None, with a line, if it does not come about."""
    made = Stream(session.clock, verb, base=session.transport.base, audio=session.audio)
    try:
        with session.clock.held():
            await made.load()
    except CallError as error:  # no matter of the application's: its call goes on to its end
        session.failed.append(error)
        return None
    try:
        with session.clock.held():
            await made.open(told, session.basic)
    except CallError as error:
        session.write("JAMBONZ", f"cannot stream: {error}")
        return None
    made.muted = session.switches.muted
    session.streams.append(made)
    session.write("JAMBONZ", f"streams to {made.path}")
    return made


async def closed(session: Session, made: Stream) -> None:
    """Close a stream and say how it was."""
    by = made.ended.result() if made.ended.done() else None
    await made.close()
    ended = f" ({by})" if by else ""
    session.write("JAMBONZ", f"has streamed {made.sent.seconds:.1f} s of audio{ended}")


async def open_background(session: Session, verb: Listen) -> None:
    """Stream beside the verbs, until the call ends."""
    if session.background is not None:
        session.write("JAMBONZ", "streams in the background already")
        return
    session.background = await opened(session, verb, session.info.payload())
    if session.background is not None:
        session.beside(_until_gone(session))


async def close_background(session: Session) -> None:
    """Stop that."""
    if (made := session.background) is not None:
        session.background = None
        await closed(session, made)


async def _until_gone(session: Session) -> None:
    try:
        await session.whole.until()
    finally:
        await close_background(session)


async def transcribe(session: Session, verb: Transcribe, scope: Scope) -> None:
    """Transcribe until something else is to be done."""
    session.media(early=verb.early_media)
    await transcribing(session, verb, scope, session.info)


async def transcribing(session: Session, verb: Transcribe, scope: Scope, info: CallInfo) -> None:
    """Tell the hook what is said while the scope lasts."""

    def hear(text: str) -> None:
        if verb.transcription_hook is not None:  # the platform does not require it
            heard = speech_of(text, session.language(verb.recognizer))
            session.notify(verb.transcription_hook, heard, info)

    with _listening(session, hear):
        await scope.until()


@contextmanager
def _listening(session: Session, hear: Any) -> Iterator[None]:
    session.ears.append(hear)
    try:
        yield
    finally:
        session.ears.remove(hear)


def speech_of(text: str, language: str = "en-US") -> dict[str, Any]:
    """Return a final result of a recogniser."""
    return {
        "speech": {
            "languageCode": language,
            "channelTag": 1,
            "isFinal": True,
            "alternatives": [{"confidence": 0.9, "transcript": text}],
        }
    }
