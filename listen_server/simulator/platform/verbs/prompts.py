"""What the caller hears: say, play and pause, as time."""

import re
from typing import Final

from listen_server.jambonz.verbs import Pause, Play, Say, Tag, Verb
from listen_server.simulator.platform.scope import Scope
from listen_server.simulator.platform.session import Session

_CHARACTERS: Final = 15.0  # of speech in a second
_SHORTEST: Final = 0.5  # seconds
_FILE: Final = 5.0  # seconds that a file lasts: none is fetched
_FOREVER: Final = 10_000
_MARKUP: Final = re.compile(r"<[^>]*>")


def speaking_seconds(text: str) -> float:
    """Return how long a text takes to be said; its markup takes none."""
    return max(_SHORTEST, round(len(_MARKUP.sub("", text)) / _CHARACTERS, 1))


async def say(session: Session, verb: Say, scope: Scope, *, who: str = "JAMBONZ") -> None:
    """Speak the text, as often as it says."""
    session.media(early=verb.early_media)
    texts = verb.text if isinstance(verb.text, list) else [verb.text or ""]
    for _ in range(_FOREVER if verb.loop == "forever" else int(verb.loop)):
        for text in texts:
            session.write(who, f"says {text!r}")
            await scope.sleep(speaking_seconds(text))


async def play(session: Session, verb: Play, scope: Scope, *, who: str = "JAMBONZ") -> None:
    """Play the files, as often as it says, each for a while; then ask its hook."""
    session.media(early=verb.early_media)
    urls = [verb.url] if isinstance(verb.url, str) else verb.url
    for _ in range(_FOREVER if verb.loop == "forever" else int(verb.loop)):
        for url in urls:
            session.write(who, f"plays {url}")
            await scope.sleep(_FILE)
    await session.act(verb, verb.action_hook, {"reason": "playCompleted"})


async def pause(session: Session, verb: Pause, scope: Scope) -> None:
    """Wait."""
    session.write("JAMBONZ", f"waits {verb.length:g} s")
    await scope.sleep(verb.length)


async def perform(
    session: Session, verbs: list[Verb], scope: Scope, *, who: str = "JAMBONZ"
) -> None:
    """Execute verbs that are played to somebody: those of a wait hook, or of a whisper."""
    for verb in verbs:
        match verb:
            case Say():
                await say(session, verb, scope, who=who)
            case Play():
                await play(session, verb, scope, who=who)
            case Pause():
                await pause(session, verb, scope)
            case Tag():
                session.info.customer_data = verb.data
