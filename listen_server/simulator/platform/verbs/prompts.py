"""What the caller hears: say, play and pause, as time."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from listen_server.jambonz.verbs import Pause, Play, Say, Tag, Verb
from listen_server.simulator.platform.fetching import Clip, NotPlayable, fetch
from listen_server.simulator.platform.heard import Heard, Played, Said
from listen_server.simulator.platform.scope import Scope, Stopped
from listen_server.simulator.platform.session import Session

_CHARACTERS: Final = 15.0  # of speech in a second
_SHORTEST: Final = 0.5  # seconds
_FOREVER: Final = 10_000
_MARKUP: Final = re.compile(r"<[^>]*>")
_TOKEN: Final = re.compile(r"[\w=-]{40,}")
_TO_CALLER: Final = ("JAMBONZ", "WHISPER")


def speaking_seconds(text: str) -> float:
    """Return how long a text takes to be said; its markup takes none."""
    return max(_SHORTEST, round(len(_MARKUP.sub("", text)) / _CHARACTERS, 1))


async def say(session: Session, verb: Say, scope: Scope, *, who: str = "JAMBONZ") -> None:
    """Speak the text, as often as it says."""
    _reach(session, verb, who)
    voice = session.switches.voice.of(verb.synthesizer)
    texts = verb.text if isinstance(verb.text, list) else [verb.text or ""]
    for _ in range(_FOREVER if verb.loop == "forever" else int(verb.loop)):
        for text in texts:
            session.write(who, f"says {text!r}")
            seconds = speaking_seconds(text)
            with _heard(session, Said(text, voice, seconds=seconds), scope, who):
                await scope.sleep(seconds)


async def play(session: Session, verb: Play, scope: Scope, *, who: str = "JAMBONZ") -> None:
    """Fetch the files and play them, as often as it says; then ask its hook.

    Source: lib/tasks/play.js of jambonz-feature-server 0.9.8.
    """
    _reach(session, verb, who)
    playing = _Playing(session, verb, scope, who)
    try:
        await playing.run()
    except NotPlayable as error:
        session.write("JAMBONZ", f"cannot play {_short(playing.url)}: {error}")
        await session.act(verb, verb.action_hook, {"status": "fail", "reason": "playFailed"})
        return
    milliseconds = round(playing.seconds * 1000)
    told = {"playbackSeconds": milliseconds // 1000, "playbackMilliseconds": milliseconds}
    await session.act(verb, verb.action_hook, {"reason": "playCompleted", **told})


def _reach(session: Session, verb: Say | Play, who: str) -> None:
    """Connect the caller's audio, unless it is somebody else who is to hear it."""
    if who in _TO_CALLER:
        session.media(early=verb.early_media)


class _Playing:
    """One play verb: its files, each fetched once."""

    def __init__(self, session: Session, verb: Play, scope: Scope, who: str) -> None:
        self.seconds = 0.0
        """Seconds that were played so far."""
        self.url = ""
        self._session = session
        self._verb = verb
        self._scope = scope
        self._who = who
        self._clips: dict[str, Clip] = {}
        self._offset = max(0, _number(verb.seek_offset))  # samples, of the first file alone
        self._limit = _number(verb.timeout_secs)  # seconds; none, if it is not positive

    async def run(self) -> None:
        """Play all of it. Raises NotPlayable, Stopped."""
        urls = [self._verb.url] if isinstance(self._verb.url, str) else self._verb.url
        for _ in range(_FOREVER if self._verb.loop == "forever" else int(self._verb.loop)):
            for url in urls:
                self.url = url
                if not await self._play(url, await self._fetched(url)):
                    return

    async def _fetched(self, url: str) -> Clip:
        if (clip := self._clips.get(url)) is None:
            with self._session.clock.held():
                clip = self._clips[url] = await fetch(self._session.files, url)
        return clip

    async def _play(self, url: str, clip: Clip) -> bool:
        """Play a file; False if the time is over with it."""
        offset, self._offset = int(self._offset), 0.0
        pcm, rate = clip.pcm[:, offset:], clip.sample_rate
        seconds = max(0.0, clip.seconds - offset / rate)
        left = self._limit - self.seconds if self._limit > 0 else seconds
        session, scope, who = self._session, self._scope, self._who
        session.write(who, f"plays {_short(url)}{f' from sample {offset}' if offset else ''}")
        sound = Played(url, pcm, rate, seconds=seconds)
        with _heard(session, sound, scope, who):
            await scope.sleep(min(left, seconds))
        self.seconds += min(left, seconds)
        if left < seconds:
            sound.stopped_after = left
            session.write(who, f"is cut off after {left:.1f} s")
        return self._limit <= 0 or self.seconds < self._limit


def _short(url: str) -> str:
    """Leave out most of a long word of an address: it is a token, and not for reading aloud."""
    return _TOKEN.sub(lambda found: f"{found[0][:6]}...{found[0][-6:]}", url)


@contextmanager
def _heard(session: Session, sound: Heard, scope: Scope, who: str) -> Iterator[None]:
    """Keep what the caller hears, and write if it is cut off, but not by the end of the call."""
    if who not in _TO_CALLER:
        yield
        return
    try:
        with session.hearing.of(sound):
            yield
    except Stopped:
        if scope.reason != "hangup":
            session.write(who, f"is cut off after {sound.stopped_after or 0.0:.1f} s")
        raise


def _number(given: Any) -> float:
    """Return a number that may be written as text; -1 for none, as the platform has it."""
    try:
        return float(given)
    except (TypeError, ValueError):
        return -1.0


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
