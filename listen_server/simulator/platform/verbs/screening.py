"""What somebody hears and is asked who was dialled, before they are connected: a confirm hook.

Its verbs are executed on their leg alone. Sources: lib/utils/place-outdial.js (`_executeApp`),
lib/session/confirm-call-session.js and lib/tasks/task.js (`performAction`) of
jambonz-feature-server 0.9.8.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

from listen_server.jambonz.verbs import Gather, Hangup, Pause, Play, Say, Tag, Verb
from listen_server.simulator.platform.info import CallInfo
from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.scope import Scope
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.transport import Hook
from listen_server.simulator.platform.verbs.prompts import perform

_REACTION = 1.0  # seconds until a key is pressed
_TIMEOUT = 15.0  # of a gather without one, as in gathering.py


async def takes_the_call(session: Session, hook: Hook, leg: CallInfo, scope: Scope) -> bool:
    """Execute what the hook answers; tell whether the leg is there in the end."""
    try:
        verbs = deque(await session.ask("dial:confirm", hook, {}, place="confirm", of=leg))
    except Refusal as refusal:
        session.refuse(refusal)
        return False
    keys = iter(session.script.presses(leg.to))
    while verbs:
        match verbs.popleft():
            case Hangup():
                return False
            case Tag() as tag:
                leg.customer_data = tag.data
            case Gather() as gather:
                verbs = deque(await _asked(session, gather, leg, scope, keys)) or verbs
            case Say() | Play() | Pause() as prompt:
                await _perform(session, [prompt], leg, scope)
    return True


async def _asked(
    session: Session, verb: Gather, leg: CallInfo, scope: Scope, keys: Iterator[str]
) -> list[Verb]:
    """Prompt, take the next keys of the script, and ask the hook of a gather."""
    await _perform(
        session, [one for one in (verb.say or verb.play,) if one is not None], leg, scope
    )
    told: dict[str, Any] = {"reason": "timeout"}
    if (pressed := next(keys, None)) is not None:
        await scope.sleep(_REACTION)
        session.write(leg.to, f"presses {pressed}")
        told = {"digits": _digits(verb, pressed), "reason": "dtmfDetected"}
    else:
        await scope.sleep(verb.timeout if "timeout" in verb.model_fields_set else _TIMEOUT)
    if verb.id:
        told["verb_id"] = verb.id
    try:
        return await session.ask("verb:hook", verb.action_hook, told, place="confirm", of=leg)
    except Refusal as refusal:  # the verb is over, and the next is executed
        session.refuse(refusal)
        return []


def _digits(verb: Gather, pressed: str) -> str:
    """Return what counts of the keys: up to the one that finishes, and to the number of them."""
    if verb.finish_on_key:
        pressed = pressed.partition(verb.finish_on_key)[0]
    return pressed[: verb.num_digits or verb.max_digits]


async def _perform(session: Session, verbs: list[Verb], leg: CallInfo, scope: Scope) -> None:
    await perform(session, verbs, scope, who=f"to {leg.to}")
