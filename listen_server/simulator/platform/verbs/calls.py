"""What happens to the call itself: answer, hangup, redirect, sip:decline, tag, dub."""

from listen_server.jambonz.verbs import (
    Answer,
    Dub,
    Hangup,
    Leave,
    Redirect,
    SipDecline,
    Tag,
)
from listen_server.simulator.platform.scope import Scope
from listen_server.simulator.platform.session import Session


async def answer(session: Session, verb: Answer, scope: Scope) -> None:
    """Answer the call."""
    del verb, scope
    session.answer()


async def hangup(session: Session, verb: Hangup, scope: Scope) -> None:
    """End the call."""
    del scope
    headers = "".join(f" {name}: {value}" for name, value in (verb.headers or {}).items())
    session.end("jambonz", f"hangs up{' with' if headers else ''}{headers}")


async def redirect(session: Session, verb: Redirect, scope: Scope) -> None:
    """Go on with another application."""
    del scope
    if verb.status_hook is not None:
        session.status_hook = verb.status_hook
    await session.act(verb, verb.action_hook, {})


async def decline(session: Session, verb: SipDecline, scope: Scope) -> None:
    """Refuse the call."""
    del scope
    session.write("JAMBONZ", f"declines the call with {verb.status} {verb.reason or ''}".rstrip())
    session.status("failed", verb.status, verb.reason or "")
    session.gone = True
    session.stop_all("hangup")
    session.whole.stop("hangup")


async def tag(session: Session, verb: Tag, scope: Scope) -> None:
    """Keep data with the call, in the place of what was there."""
    del scope
    session.info.customer_data = verb.data
    session.write("JAMBONZ", f"keeps {', '.join(verb.data) or 'nothing'} with the call")


async def leave(session: Session, verb: Leave, scope: Scope) -> None:
    """Do nothing: only the answer to a wait hook can leave a queue."""
    del verb, scope
    session.write("JAMBONZ", "is in no queue to leave")


async def dub(session: Session, verb: Dub, scope: Scope) -> None:
    """Add, remove or use a track."""
    del scope
    session.media(early=False)
    dub_track(session, verb)


def dub_track(session: Session, verb: Dub) -> None:
    """Do what a dub says, as verb or as command."""
    tracks = session.switches.tracks
    if verb.action == "addTrack":
        tracks.add(verb.track)
    elif verb.action == "removeTrack":
        tracks.discard(verb.track)
    heard = ", ".join(sorted(tracks)) or "none"
    session.write("JAMBONZ", f"{verb.action} {verb.track}; tracks under the call: {heard}")
