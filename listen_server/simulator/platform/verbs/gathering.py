"""gather: a prompt, then keys or speech of the caller, and its hook.

Source: lib/tasks/gather.js of jambonz-feature-server 0.9.8: without `timeout` it waits 15 s (5 in
the reference), keys count while the prompt is played, and stop it unless `dtmfBargein` is false.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

from listen_server.jambonz.verbs import Gather
from listen_server.simulator.platform.scope import Scope, Stopped
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.verbs.prompts import play, say
from listen_server.simulator.platform.verbs.streams import speech_of

_TIMEOUT: Final = 15.0  # seconds


class _Input:
    """What the caller has given so far."""

    def __init__(self, session: Session, verb: Gather, prompt: Scope, *, asks: bool) -> None:
        self.digits = ""
        self.done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.news = asyncio.Event()
        self.speaking = False
        self._session = session
        self._verb = verb
        self._prompt = prompt
        self._asks = asks
        self.speech = ""

    def press(self, key: str) -> None:
        """Take a key."""
        verb = self._verb
        if verb.dtmf_bargein is not False:
            self._prompt.stop()
        if self.done.done() or "digits" not in verb.input:
            return
        if key == verb.finish_on_key:
            self._resolve("dtmf")
            return
        self.digits += key
        self.news.set()
        if len(self.digits) in (verb.num_digits, verb.max_digits):
            self._resolve("dtmf")

    def begin_speech(self) -> None:
        """Take note that the caller speaks, which counts as input."""
        if "speech" in self._verb.input and not self.digits:
            self.speaking = True
            self.news.set()
            if self._verb.bargein:
                self._prompt.stop()

    def hear(self, text: str) -> None:
        """Take what was said, unless keys came first."""
        if "speech" in self._verb.input and not self.digits and not self.done.done():
            self.speech = text
            if self._verb.partial_result_hook is not None:
                self._session.notify(self._verb.partial_result_hook, _partial(text))
            self._resolve("speech")

    def _resolve(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_result(reason)
            if self._asks:
                self._session.asked.clear()


async def gather(session: Session, verb: Gather, scope: Scope, *, background: bool = False) -> None:
    """Prompt, collect, and ask the hook; in the background, beside the verbs (config)."""
    if not background:
        session.media(early=verb.early_media)
    prompt = scope.inside()
    given = _Input(session, verb, prompt, asks=not background)
    if verb.listen_during_prompt is not False:
        _attach(session, given)
    try:
        await _prompt(session, verb, prompt)
        if scope.reason is not None:
            raise Stopped(scope)
        if verb.listen_during_prompt is False:
            _attach(session, given)
        reason = await _collect(session, verb, scope, given, asks=not background)
    finally:
        if not background:
            session.asked.clear()
        _detach(session, given)
    if background and session.transport.lasting:
        session.stop_all("over")  # over HTTP what is executed goes on until the hook is answered
    await session.act(verb, verb.action_hook, _results(session, verb, given, reason))


async def _prompt(session: Session, verb: Gather, scope: Scope) -> None:
    with suppress(Stopped):
        if verb.say is not None:
            await say(session, verb.say, scope)
        elif verb.play is not None:
            await play(session, verb.play, scope)


async def _collect(
    session: Session, verb: Gather, scope: Scope, given: _Input, *, asks: bool
) -> str:
    """Wait for the input, from the end of the prompt; each key begins the wait anew."""
    seconds: float | None = verb.timeout if "timeout" in verb.model_fields_set else _TIMEOUT
    if asks and not given.done.done():
        session.asked.set()
    while True:
        given.news.clear()
        wait = seconds or None  # zero is for ever
        if given.digits and verb.inter_digit_timeout:
            wait = verb.inter_digit_timeout
        if given.speaking:
            wait = None  # as long as it takes
        news = asyncio.ensure_future(_news(given))
        try:
            found = await scope.until(given.done, news, seconds=wait)
        finally:
            news.cancel()
        if given.done.done():
            return given.done.result()
        if found is None:
            return "dtmf" if given.digits and verb.inter_digit_timeout else "timeout"


async def _news(given: _Input) -> str:
    await given.news.wait()
    return "news"


def _attach(session: Session, given: _Input) -> None:
    session.keys.append(given.press)
    session.ears.append(given.hear)
    session.speaking.append(given.begin_speech)


def _detach(session: Session, given: _Input) -> None:
    for listeners, one in (
        (session.keys, given.press),
        (session.ears, given.hear),
        (session.speaking, given.begin_speech),
    ):
        if one in listeners:
            listeners.remove(one)  # type: ignore[arg-type]  # each is in its own list


def _results(session: Session, verb: Gather, given: _Input, reason: str) -> dict[str, Any]:
    match reason:
        case "dtmf":
            return {"digits": given.digits, "reason": "dtmfDetected"}
        case "speech":
            heard = speech_of(given.speech, session.language(verb.recognizer))
            return {**heard, "reason": "speechDetected"}
        case _:
            return {"reason": "timeout"}


def _partial(text: str) -> dict[str, Any]:
    partial = speech_of(text.partition(" ")[0])
    partial["speech"]["isFinal"] = False
    return partial
