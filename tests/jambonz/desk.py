"""An application with a bit of everything, and one that goes wrong in every way."""

# ruff: noqa: ARG002 - every method is given its call, used or not

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from listen_server.jambonz import (
    Call,
    CallApplication,
    CallStatusChanged,
    Conference,
    Dequeued,
    Dial,
    Dialled,
    Enqueue,
    Gather,
    Gathered,
    Hangup,
    Leave,
    Listen,
    Pause,
    Phone,
    QueueLeft,
    QueueWaited,
    Redirect,
    Say,
    Tag,
    Transcribed,
    Verbs,
    hook,
    notice,
)

GREETING = "Sales is 1, help is 2, the meeting is 3."


class Desk(CallApplication):
    """Asks which department, and connects the caller."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.calls: dict[str, Call] = {}

    async def on_call(self, call: Call) -> Verbs:
        self.calls[call.sid] = call
        self.log.append(("call", call.first.from_, call.resumed))
        return [
            Tag(data={"seen": 1}),
            Gather(action_hook="/chosen", num_digits=1, say=Say(text=GREETING)),
        ]

    async def on_status(self, call: Call, status: CallStatusChanged) -> None:
        self.log.append(("status", status.call_status))

    async def on_error(self, call: Call, error: Mapping[str, Any]) -> None:
        self.log.append(("error", error["msg"]))

    async def on_verb(self, call: Call, event: Mapping[str, Any]) -> None:
        self.log.append(("verb", event["event"]))

    async def on_queue(self, call: Call, event: Mapping[str, Any]) -> None:
        self.log.append(("queue", event["event"]))

    async def on_adulting(self, call: Call) -> None:
        self.log.append(("adulting", call.sid))

    @hook("/chosen")
    async def chosen(self, call: Call, answer: Gathered) -> Verbs:
        match answer.digits:
            case "1":
                listen = Listen(url="/listen", mix_type="stereo")
                return Dial(
                    target=[Phone(number="+15551230003")], listen=listen, action_hook="/dialled"
                )
            case "2":
                return [Enqueue(name="help", wait_hook="/waiting", action_hook="/left")]
            case "3":
                return [Conference(name="meeting")]
            case _:
                return [Redirect(action_hook="/again")]

    @hook("/again")
    def again(self, call: Call) -> Verbs:
        return [{"say": {"text": "Once more."}}]

    @hook("/waiting", place="enqueue wait")
    async def waiting(self, call: Call, queue: QueueWaited) -> Verbs:
        if queue.queue_position:
            return [Say(text=f"{queue.queue_position} before you"), Pause(length=20)]
        return [Leave()]

    @hook("/left")
    async def left(self, call: Call, queue: QueueLeft) -> Verbs:
        self.log.append(("left", queue.queue_result))
        return None

    @hook("/dialled")
    async def dialled(self, call: Call, dialled: Dialled) -> Verbs:
        return [Say(text=f"it was {dialled.dial_call_status}"), Hangup()]

    @hook("/taken")
    async def taken(self, call: Call, told: Dequeued) -> Verbs:
        return []

    @notice("/text")
    async def text(self, call: Call, told: Transcribed) -> None:
        self.log.append(("text", told.transcript))


_ANSWERS: dict[str, Any] = {
    "nothing": [],
    "wrong": [{"verb": "say", "text": "hello", "loops": 1}],
    "large": [Say(text="a" * 30_000)],
    "no json": [Tag(data={"a": float("nan")})],
    "no verbs": 5,
}


class Wrong(CallApplication):
    """Fails in each way that an application can."""

    deadline = 0.2
    sorry = "That did not work."

    async def on_call(self, call: Call) -> Verbs:
        match call.first.to:
            case "raises":
                raise ValueError("own-secret")
            case "sleeps":
                await asyncio.sleep(3600)
            case "clings":
                await _cling()
            case "models":
                return [Pause(length="own-secret")]  # type: ignore[arg-type]
        answer: Verbs = _ANSWERS.get(call.first.to or "", [Say(text="fine")])
        return answer

    @hook("/blocks")
    def blocks(self, call: Call) -> Verbs:
        time.sleep(0.5)
        return []

    @hook("/waiting", place="enqueue wait")
    async def waiting(self, call: Call) -> Verbs:
        return [Hangup()]

    @notice("/told")
    async def told(self, call: Call) -> None:
        raise KeyError("own-secret")

    async def on_status(self, call: Call, status: CallStatusChanged) -> None:
        raise RuntimeError("own-secret")


async def _cling() -> None:
    """Not go when it is told to."""
    for _ in range(2):
        try:
            await asyncio.sleep(0.5)
        except asyncio.CancelledError:
            continue
