"""An owner's phone that executes verbs as jambonz would, without their time: for many keys at once.

It asks the application in this process, by its hooks; voicemail_theatre.py has whole calls.
"""

import json
import uuid
from typing import Any, Final
from urllib.parse import urlsplit

from stored_messages import speech
from voicemail_theatre import OWNERS, Stage

from listen_server.jambonz import Call, CallArrived, CallHook, CallStatusChanged
from listen_server.jambonz.access import Peer
from listen_server.jambonz.answering import Answering
from listen_server.jambonz.hooks import read_hook_as
from listen_server.voicemail.applications import Fetching
from listen_server.voicemail.desk import AUDIO, TO_CALLER
from listen_server.voicemail.state import State
from listen_sinks.voicemail.greetings import keep_greeting

MOST: Final = 120  # hooks until somebody who is silent hears good-bye


class Phone:
    """One call. Whatever is answered has to be heard, and to lead on or hang up."""

    def __init__(self, stage: Stage, caller: str = "+15550100001") -> None:
        self.stage = stage
        self.application = Fetching(stage.desk)
        self.told: dict[str, Any] = {
            "call_sid": str(uuid.uuid4()),
            "from": caller,
            "to": OWNERS,
            "call_status": "in-progress",
        }
        self.asked: dict[str, Any] | None = None
        """The verb whose hook is next; None after a hang-up."""
        self.heard: list[str] = []
        self.messages: list[str] = []
        """What was played, by the ids in its addresses."""
        self._answering = Answering(self.application)

    @property
    def state(self) -> State:
        """What the call carries."""
        found = self.application.state(self._call(CallArrived))
        assert found is not None
        return found

    async def ring(self, *keys: str) -> None:
        """Call, and give answers to what is asked."""
        answer = await self._answering.call(self._call(CallArrived), lambda made: made.encode())
        self._execute(json.loads(answer))
        for one in keys:
            await self.press(one)

    async def press(self, keys: str = "") -> str:
        """Give keys, or none, to what is asked; return what was heard then."""
        assert self.asked is not None, "the call is over"
        told: dict[str, Any] = {}
        match self.asked["verb"]:
            case "gather":
                told = {"digits": keys, "reason": "dtmfDetected"} if keys else {"reason": "timeout"}
                assert "say" in self.asked or "play" in self.asked
            case "dial":
                told = {"dial_call_status": "completed" if keys else "busy"}
            case "listen":
                told = {"dial_call_duration": 1} if keys else {}
        return await self._ask(self.asked["actionHook"], told)

    async def record(self, mailbox: str) -> str:
        """Say a greeting into the stream, as far as the store sees it."""
        assert self.state.ticket is not None
        plugin = self.stage.plugin
        await keep_greeting(
            *(plugin.database, plugin.objects, mailbox, speech(0.1), 8000),
            ticket=self.state.ticket,
        )
        return await self.press("#")

    async def hang_up(self) -> None:
        """Let the status of the call be told."""
        self.told["call_status"] = "completed"
        call = self._call(CallStatusChanged)
        await self._answering.notice("on_status", call, call.told)

    async def _ask(self, path: str, told: dict[str, Any]) -> str:
        hook = self._answering.method(path)
        assert hook is not None
        read = self._answering.read(hook, {**self.told, **told})
        call = Call(read, peer=self._peer)
        answer = await self._answering.hook(call, hook, read, lambda made: made.encode())
        before = len(self.heard)
        self._execute(json.loads(answer))
        return " ".join(self.heard[before:])

    def _execute(self, verbs: list[dict[str, Any]]) -> None:
        """Hear what is said, up to the verb whose hook is next."""
        self.asked = None
        for verb in verbs:
            match verb["verb"]:
                case "tag":
                    self.told["customer_data"] = verb["data"]
                case "say" | "play":
                    self._hear(verb)
                case "hangup":
                    return
                case _:
                    for prompt in (verb.get("say"), verb.get("play")):
                        self._hear(prompt or {})
                    self.asked = verb
                    return
        raise AssertionError("the caller is left in silence")

    def _hear(self, prompt: dict[str, Any]) -> None:
        if "text" in prompt:
            assert prompt["text"].strip()
            self.heard.append(prompt["text"])
        if "url" in prompt:
            token = urlsplit(prompt["url"]).path.rpartition("/")[2].removesuffix(".wav")
            tokens = self.stage.desk.tokens
            sealed = tokens.open(AUDIO, token) or tokens.open(TO_CALLER, token)
            assert sealed is not None
            assert sealed["b"] == self.state.mailbox
            self.messages.append(sealed["m"])

    def _call(self, model: type[CallHook]) -> Call:
        return Call(read_hook_as(model, self.told), peer=self._peer)

    @property
    def _peer(self) -> Peer:
        return Peer(self.stage.tenant, f"http://{self.stage.theatre.address}")
