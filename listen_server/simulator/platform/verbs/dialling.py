"""dial: parties ring, one answers, hears what a confirm hook says, and is connected.

Sources: lib/tasks/dial.js and lib/utils/place-outdial.js of jambonz-feature-server 0.9.8.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from listen_server.jambonz.verbs import Dial, Play, Target
from listen_server.jambonz.verbs.targets import OtherTarget, Phone, Sip, User
from listen_server.simulator.platform.info import CallInfo
from listen_server.simulator.platform.referring import refer
from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.scope import Scope, Stopped
from listen_server.simulator.platform.script import Party, Transfer
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.verbs.detecting import detect
from listen_server.simulator.platform.verbs.prompts import play
from listen_server.simulator.platform.verbs.screening import takes_the_call
from listen_server.simulator.platform.verbs.streams import stream, transcribing


@dataclass(slots=True)
class _Leg:
    """One attempt."""

    target: Target
    party: Party
    info: CallInfo


async def dial(session: Session, verb: Dial, scope: Scope) -> None:
    """Call everybody, connect the first, and ask the hook when it is over."""
    if not verb.answer_on_bridge:
        session.media(early=False)
    music = scope.inside()
    if verb.dial_music is not None:
        session.beside(_music(session, verb.dial_music, music))
    legs = [_leg(session, verb, target) for target in verb.target]
    results: dict[str, Any] = {}
    try:
        leg = await _taken(session, verb, scope, legs, results)
        music.stop()
        if leg is not None:
            await _connected(session, verb, scope, leg, results)
    except Stopped:
        for leg in legs:
            if leg.info.status == "trying":
                session.status("no-answer", 487, "Request Terminated", leg.info)
        if not results:
            results |= {"dialCallStatus": "no-answer", "dialSipStatus": 487}
    await session.act(verb, verb.action_hook, results)


async def _music(session: Session, url: str, scope: Scope) -> None:
    """Play to the caller while it rings, once (`_initializeInbound`)."""
    await play(session, Play(url=url, early_media=True), scope)


def _leg(session: Session, verb: Dial, target: Target) -> _Leg:
    name = _name(target)
    info = session.info.child(name)
    info.customer_data = verb.tag
    return _Leg(target, session.script.party(name), info)


def _name(target: Target) -> str:
    match target:
        case Phone():
            return target.number
        case Sip():
            return target.sip_uri
        case User():
            return target.name
        case OtherTarget():
            return target.type


async def _taken(
    session: Session, verb: Dial, scope: Scope, legs: list[_Leg], results: dict[str, Any]
) -> _Leg | None:
    """Call everybody; return the first who answers and does not decline: the others ring on."""
    began = session.clock.now
    for leg in legs:
        session.write("JAMBONZ", f"calls {leg.info.to}")
        session.status("trying", 100, "Trying", leg.info)
    while ringing := [leg for leg in legs if leg.info.status == "trying"]:
        answered = await _ring(session, verb, scope, ringing, results, began)
        if answered is None or await _confirmed(session, verb, scope, answered):
            return answered
    return None


async def _ring(
    session: Session,
    verb: Dial,
    scope: Scope,
    legs: list[_Leg],
    results: dict[str, Any],
    began: float,
) -> _Leg | None:
    """Let all ring; return who answers first. Those who are busy are told of as they are."""
    for leg in sorted(legs, key=lambda leg: leg.party.after):
        if leg.party.outcome == "no answer":
            continue
        at = began + min(leg.party.after, verb.timeout)
        await scope.sleep(max(0.0, at - session.clock.now))
        if leg.party.after >= verb.timeout:
            break
        if leg.party.outcome == "answers":
            session.write(leg.info.to, "answers")
            session.status("in-progress", 200, "OK", leg.info)
            results |= _results(leg, "in-progress", 200)
            return leg
        session.write(leg.info.to, "is busy")
        session.status("busy", 486, "Busy Here", leg.info)
        results |= _results(leg, "busy", 486)
    ringing = [leg for leg in legs if leg.info.status == "trying"]
    if ringing:
        await scope.sleep(max(0.0, began + verb.timeout - session.clock.now))
        session.write("JAMBONZ", "gives up: nobody has answered")
    for leg in ringing:
        session.status("no-answer", 487, "Request Terminated", leg.info)
        results |= _results(leg, "no-answer", 487)
    return None


def _results(leg: _Leg, status: str, sip_status: int) -> dict[str, Any]:
    return {
        "dialCallStatus": status,
        "dialSipStatus": sip_status,
        "dialCallSid": leg.info.call_sid,
    }


async def _confirmed(session: Session, verb: Dial, scope: Scope, leg: _Leg) -> bool:
    """Run what the confirm hook says on the other end; False if it ends there."""
    hook = getattr(leg.target, "confirm_hook", None) or verb.confirm_hook
    if hook is None:
        return True
    if await takes_the_call(session, hook, leg.info, scope):
        return True
    session.write("JAMBONZ", f"hangs up on {leg.info.to}")
    _completed(session, leg)
    return False


async def _connected(
    session: Session, verb: Dial, scope: Scope, leg: _Leg, results: dict[str, Any]
) -> None:
    """Connect the two until one hangs up, or the time is over."""
    session.answer()
    session.child = leg.info
    results |= _results(leg, "completed", 200)
    session.write("JAMBONZ", f"connects the caller with {leg.info.to}")
    inside = scope.inside()
    streaming = _nested(session, verb, leg, inside)
    hears = _capturing(session, verb)
    session.keys.append(hears)
    lasts = min(leg.party.lasts, verb.time_limit or leg.party.lasts)
    ends, gone = session.clock.now + leg.party.lasts, False

    def detach() -> float:
        nonlocal gone
        gone = True
        return ends

    session.detach = detach
    if verb.amd is not None:
        session.beside(detect(session, verb.amd, leg.info.to, inside))
    if (transfer := session.script.transfers.get(leg.info.to)) is not None:
        session.beside(_transfers(session, transfer, inside))
    if session.sip_hook is not None:
        session.hears_sip = True
    try:
        await scope.sleep(lasts)
        over = "hangs up" if leg.party.lasts <= lasts else "is cut off by the time limit"
        session.write(leg.info.to, over)
    finally:
        session.keys.remove(hears)
        session.child = session.detach = None
        session.switches.muted = False
        inside.stop()
        if streaming is not None:
            await asyncio.wait({streaming})
        if not gone:
            _completed(session, leg)


async def _transfers(session: Session, transfer: Transfer, scope: Scope) -> None:
    await scope.sleep(transfer.after)
    await refer(session, transfer.to, by_child=True)


def _nested(
    session: Session, verb: Dial, leg: _Leg, inside: Scope
) -> asyncio.Task[dict[str, Any]] | None:
    if verb.transcribe is not None:
        session.beside(transcribing(session, verb.transcribe, inside, leg.info))
    if verb.listen is None:
        return None
    told = leg.info.raw()
    if session.info.customer_data:
        told.setdefault("_customerData", session.info.customer_data)
    return asyncio.create_task(_streaming(session, verb, inside, told))


async def _streaming(
    session: Session, verb: Dial, inside: Scope, told: dict[str, Any]
) -> dict[str, Any]:
    assert verb.listen is not None  # noqa: S101 - asked before
    results = await stream(session, verb.listen, inside, told)
    if verb.listen.action_hook is not None:
        with suppress(Refusal):
            session.notify(verb.listen.action_hook, results)  # nested: its verbs are ignored
    return results


def _capturing(session: Session, verb: Dial) -> Any:
    """Return who hears keys, for `dtmfCapture`."""
    captured = verb.dtmf_capture
    if isinstance(captured, dict):
        captured = [one for leg in captured.values() if isinstance(leg, list) for one in leg]
    pressed = ""

    def hear(key: str) -> None:
        nonlocal pressed
        pressed += key
        match = next((one for one in captured or [] if pressed.endswith(one)), None)
        if match is not None and verb.dtmf_hook is not None:
            pressed = ""
            session.notify(verb.dtmf_hook, {"dtmf": match})

    return hear


def _completed(session: Session, leg: _Leg) -> None:
    leg.info.duration = 0
    session.status("completed", 200, "OK", leg.info)
