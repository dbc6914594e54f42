"""enqueue and dequeue: the caller waits for somebody of the script, or takes them out.

Sources: lib/tasks/enqueue.js and dequeue.js of jambonz-feature-server 0.9.8.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any, Final

from listen_server.jambonz.verbs import Dequeue, Enqueue, Leave
from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.scope import Scope, Stopped
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.verbs.prompts import perform

_SILENCE: Final = 0.5  # seconds before each round of the wait hook
_CLIPPING: Final = 1.0  # seconds until a dequeue looks
_LOOK: Final = 5.0  # seconds between its looks


async def enqueue(session: Session, verb: Enqueue, scope: Scope) -> None:
    """Wait, with what the wait hook says; then be connected, or leave."""
    session.media(early=False)
    began = session.clock.now
    taken = session.script.answered.get(verb.name)
    session.write("JAMBONZ", f"puts the caller into the queue {verb.name}")
    _tell(session, verb, "join", length=1, joinTime=_now())
    result = "hangup"
    try:
        result = await _waited(session, verb, scope, taken.after if taken else None)
        if result == "bridged" and taken is not None:
            session.write("AGENT", f"takes the caller out of {verb.name}")
            _tell_left(session, verb, leaveReason="dequeued", dequeuer="agent")
            with suppress(Stopped):
                await scope.sleep(taken.lasts)
                session.write("AGENT", "hangs up")
        else:
            _tell_left(session, verb, leaveReason="abandoned")  # as `kill` has it, here as well
    except Stopped:
        session.write("JAMBONZ", "takes the caller out of the queue")
        _tell_left(session, verb, leaveReason="abandoned")
    told = _about(session, verb, began)
    await session.act(verb, verb.action_hook, {**told, "queueResult": result})


def _tell(session: Session, verb: Enqueue, event: str, **about: Any) -> None:
    """Tell the account's hook for queues (`performQueueWebhook`), if it has one."""
    if session.queue_hook is not None:
        session.write("JAMBONZ", f"tells of the queue {verb.name}: {event}")
        told = {"event": event, "queue": verb.name, **about, **session.info.payload()}
        session.tell("queue:status", session.queue_hook, told)


def _tell_left(session: Session, verb: Enqueue, **why: str) -> None:
    _tell(session, verb, "leave", length=0, leaveTime=_now(), **why)


def _now() -> int:
    return round(time.time() * 1000)  # milliseconds, as JavaScript has it


def _about(session: Session, verb: Enqueue, began: float) -> dict[str, Any]:
    return {
        "queueSid": f"queue:{session.info.account_sid}:{verb.name}",
        "queueTime": int(round(session.clock.now - began, 3)),
    }


async def _waited(session: Session, verb: Enqueue, scope: Scope, taken: float | None) -> str:
    """Return how the wait ends: bridged or leave."""
    began = session.clock.now
    inside = scope.inside()
    hooked = asyncio.create_task(_hooked(session, verb, inside))
    try:
        found = await scope.until(hooked, seconds=taken)
        if found is None:
            return "bridged"
        if found.result() == "leave":
            return "leave"
        left = None if taken is None else began + taken - session.clock.now
        await scope.until(seconds=left)  # without more to hear, or for ever
        return "bridged"
    finally:
        inside.stop()
        await asyncio.wait({hooked})


async def _hooked(session: Session, verb: Enqueue, scope: Scope) -> str:
    """Ask the wait hook again and again; return `leave`, or why it is asked no more."""
    began = session.clock.now
    with suppress(Stopped):
        while verb.wait_hook is not None:
            await scope.sleep(_SILENCE)
            told = {**_about(session, verb, began), "queueSize": 1, "queuePosition": 0}
            try:
                verbs = await session.ask("verb:hook", verb.wait_hook, told, place="enqueue wait")
            except Refusal as refusal:
                session.refuse(refusal)
                return "refused"
            leaves = next((n for n, one in enumerate(verbs) if isinstance(one, Leave)), None)
            await perform(session, verbs[:leaves], scope)
            if leaves is not None:
                return "leave"
            if not verbs:
                return "nothing"
    return "stopped"


async def dequeue(session: Session, verb: Dequeue, scope: Scope) -> None:
    """Take somebody out of a queue, and talk."""
    session.media(early=False)
    waiting = session.script.waiting.get(verb.name)
    session.write("JAMBONZ", f"looks into the queue {verb.name}")
    came = max(waiting.after, _CLIPPING) if waiting else None
    if came is not None and came > _CLIPPING:  # it looks every 5 s after the first second
        came = _CLIPPING + _LOOK * -(-(came - _CLIPPING) // _LOOK)
    timeout = verb.timeout or None
    result = "timeout"
    try:
        if came is None or (timeout is not None and came > timeout):
            await scope.until(seconds=timeout)
        else:
            await scope.sleep(came)
            result = "complete"
            session.write(
                "JAMBONZ", f"{'beeps, and ' * verb.beep}connects the first in {verb.name}"
            )
            await scope.sleep(waiting.lasts if waiting else 0)
            session.write("QUEUED", "hangs up")
    except Stopped:
        pass
    await session.act(verb, verb.action_hook, {"dequeueResult": result})
