"""amd: whether a machine has answered, by the greeting that the script gives to who is dialled.

Source: lib/utils/amd-utils.js of jambonz-feature-server 0.9.8. The recogniser here hears each word
as it is spoken, and knows at the end of the greeting that it is the end.
"""

import re
from typing import Any, Final

from listen_server.jambonz.verbs.aids import Amd, AmdTimers
from listen_server.simulator.platform.scope import Scope
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.verbs.prompts import speaking_seconds

_WORDS: Final = 9  # of a greeting that make a machine
_NO_SPEECH, _DECISION, _COMPLETION = 5000.0, 15000.0, 2000.0  # milliseconds
_BEEP: Final = 0.5  # seconds from the end of a greeting to the beep


async def detect(session: Session, amd: Amd, who: str, scope: Scope) -> None:
    """Tell the hook what is detected, as it is. Raises Stopped, and Refusal for its answer."""
    detector = _Detector(session, amd, scope)
    greeting = session.script.greetings.get(who)
    if greeting is None:
        await detector.hear_nothing()
    elif (words := detector.words_of_machine(greeting.text)) is not None:
        await detector.hear_machine(greeting.text, *words, beeps=greeting.beeps)
    else:
        await detector.hear_human(greeting.text)


class _Detector:
    def __init__(self, session: Session, amd: Amd, scope: Scope) -> None:
        self._session = session
        self._amd = amd
        self._scope = scope
        timers = amd.timers or AmdTimers()
        self._no_speech = (timers.no_speech_timeout_ms or _NO_SPEECH) / 1000
        self._decision = (timers.decision_timeout_ms or _DECISION) / 1000
        self._completion = (timers.greeting_completion_timeout_ms or _COMPLETION) / 1000

    def words_of_machine(self, text: str) -> tuple[int, str] | None:
        """Return after how many words it is a machine, and why; None if it is none."""
        words, threshold = text.split(), int(self._amd.threshold_word_count or _WORDS)
        digits = int(self._amd.digit_count or 0)
        if digits and (found := re.search(f"[0-9]{{{digits}}}", text)):
            return len(text[: found.end()].split()), "digit count"
        return (threshold, "long greeting") if len(words) >= threshold else None

    async def hear_nothing(self) -> None:
        """Wait for speech in vain."""
        await self._scope.sleep(self._no_speech)
        await self._tell("amd_no_speech_detected")
        await self._tell("amd_stopped")

    async def hear_human(self, text: str) -> None:
        """Hear a short greeting, or one that takes too long."""
        seconds = speaking_seconds(text)
        await self._scope.sleep(min(seconds, self._decision))
        if seconds > self._decision:
            await self._tell("amd_decision_timeout")
        else:
            await self._tell("amd_human_detected", reason="short greeting", greeting=text)
        await self._tell("amd_stopped")

    async def hear_machine(self, text: str, words: int, reason: str, *, beeps: bool) -> None:
        """Hear a machine, wait until it stops, and hear its beep."""
        spoken = " ".join(text.split()[:words])
        whole, decided = speaking_seconds(text), speaking_seconds(spoken)
        await self._scope.sleep(decided)
        await self._tell("amd_machine_detected", reason=reason, greeting=spoken)
        await self._scope.sleep(max(0.0, whole - decided))
        left = self._completion
        if beeps:
            await self._scope.sleep(_BEEP)
            await self._tell("amd_tone_detected", frequency=1000, variance=0)
            left -= _BEEP
        await self._scope.sleep(max(0.0, left))
        await self._tell("amd_machine_stopped_speaking")
        await self._tell("amd_stopped")

    async def _tell(self, event: str, **about: Any) -> None:
        session = self._session
        if "reason" in about:
            about["language"] = session.language(self._amd.recognizer)
        verbs = await session.ask("verb:hook", self._amd.action_hook, {"type": event, **about})
        if verbs:
            session.replace(verbs)
