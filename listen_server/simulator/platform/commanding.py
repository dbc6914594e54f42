"""What the application's commands change in a simulated call; sockets.py reads them.

What each needs, and that most faults are told nobody: `_onCommand` in
lib/session/call-session.js of jambonz-feature-server 0.9.8. Here each fault is a refusal.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from listen_server.jambonz.verbs import Conference, Dial, Dub, Listen
from listen_server.simulator.platform.recording import record
from listen_server.simulator.platform.rules import Refusal, read_application
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.verbs.calls import dub_track
from listen_server.simulator.platform.verbs.prompts import perform

_PASSED: Final = (
    "boostAudioSignal",
    "conf:participant-action",
    "config",
    "dial",
    "dtmf",
    "llm:tool-output",
    "llm:update",
    "media:path",
    "transcribe:status",
    "tts:clear",
    "tts:flush",
    "tts:tokens",
)


def take_command(session: Session, message: Mapping[str, Any]) -> None:
    """Do what a command says; an empty message only lets the call look again."""
    session.stir()
    if not message or session.gone:
        return
    session.write("APP", f"commands {message['command']}")
    obey(session, message)


def obey(session: Session, message: Mapping[str, Any]) -> None:
    """Do what a command says, wherever it comes from; what does not fit is a refusal."""
    name = message["command"]
    try:
        if (act := _COMMANDS.get(name)) is not None:
            act(session, message.get("data"), message)
        elif name in _PASSED:
            session.write("JAMBONZ", f"passes over {name}, which is not simulated")
        else:
            raise Refusal("known command", f"invalid command {name}")  # noqa: TRY301 - as the others
    except Refusal as refusal:
        session.refuse(refusal)


def _redirect(session: Session, data: Any, message: Mapping[str, Any]) -> None:
    if not isinstance(data, list):
        hook = _get(data, "call_hook")
        if not isinstance(hook, str):
            raise Refusal("array", "redirect: malformed jambonz payload: must be array")
        session.beside(_call_hook(session, hook))
        return
    verbs = read_application(data)
    if message.get("queueCommand"):
        session.tasks.extend(verbs)
        session.stir()
        return
    session.replace(verbs)


async def _call_hook(session: Session, hook: str) -> None:
    session.replace(await session.ask("session:redirect", hook, {}))


def _call_status(session: Session, data: Any, message: Mapping[str, Any]) -> None:
    del message
    status = _get(data, "call_status")
    if status == "completed" and session.answered is not None:
        session.end("jambonz", "hangs up, as it was told to")
    elif status == "no-answer" and session.answered is None:
        session.write("JAMBONZ", "refuses the call with 503")
        session.gone = True
        session.stop_all("hangup")
        session.whole.stop("hangup")


def _mute(session: Session, data: Any, message: Mapping[str, Any]) -> None:
    status = data if isinstance(data, str) else _get(data, "mute_status")
    if not isinstance(session.current, Dial | Conference):
        raise Refusal("mute", "mute:status: neither dial nor conference are active")
    child = session.child is not None and message.get("callSid") == session.child.call_sid
    who = session.child.to if child and session.child else "the caller"
    muted = status == "mute"
    if not child:
        session.switches.muted = muted
        if session.stream is not None:
            session.stream.muted = muted
    session.write("JAMBONZ", f"{'mutes' if muted else 'unmutes'} {who}")


def _conference_mute(session: Session, data: Any, message: Mapping[str, Any]) -> None:
    del message
    _needs_conference(session, "conf:mute-status")
    muted = _get(data, "conf_mute_status") == "mute"
    session.switches.conference_muted = muted
    session.write("JAMBONZ", f"{'mutes' if muted else 'unmutes'} all who are no moderators")


def _conference_hold(session: Session, data: Any, message: Mapping[str, Any]) -> None:
    del message
    _needs_conference(session, "conf:hold-status")
    session.switches.held = held = _get(data, "conf_hold_status") == "hold"
    session.write("JAMBONZ", "holds the caller" if held else "takes the caller off hold")
    hook = _get(data, "wait_hook")
    if session.hold_hook is not None:
        session.hold_hook(hook if held and isinstance(hook, str) else None)


def _needs_conference(session: Session, name: str) -> None:
    if not isinstance(session.current, Conference) or not session.in_conference:
        raise Refusal("in conference", f"{name}: invalid command as call is not in conference")


def _listen(session: Session, data: Any, message: Mapping[str, Any]) -> None:
    del message
    status = _get(data, "listen_status") or _get(data, "stream_status")
    if not isinstance(session.current, Dial | Listen):
        raise Refusal("streaming", "listen:status: neither listen nor dial is active")
    if (stream := session.stream) is None:
        raise Refusal("streaming", "listen:status: there is no stream")
    if status in ("pause", "resume"):
        stream.paused = status == "pause"
        session.write("JAMBONZ", f"{status}s the stream")


def _record(session: Session, data: Any, message: Mapping[str, Any]) -> None:
    del message
    record(session, _get(data, "action"))


def _whisper(session: Session, data: Any, message: Mapping[str, Any]) -> None:
    if not isinstance(session.current, Dial | Listen):
        raise Refusal("whisper", "whisper: neither dial nor listen is active")
    given = _get(data, "whisper")
    verbs = read_application(given if isinstance(given, list) else [given], "whisper")
    child = session.child is not None and message.get("callSid") == session.child.call_sid
    who = f"to {session.child.to}" if child and session.child else "WHISPER"
    session.beside(perform(session, verbs, session.scope.inside(), who=who))


def _sip_request(session: Session, data: Any, message: Mapping[str, Any]) -> None:
    del message
    request = _get(data, "sip_request")
    if not isinstance(request, dict):
        raise Refusal("sip_request", "sip:request: data has no `sip_request`")
    if session.answered is None:
        raise Refusal("sip_request", "sip:request: we do not have a stable call")
    about = f" ({request['content_type']})" if request.get("content_type") else ""
    session.write("JAMBONZ", f"sends SIP {request.get('method')}{about}")


def _dub(session: Session, data: Any, message: Mapping[str, Any]) -> None:
    del message
    verb = read_application([{**(data if isinstance(data, dict) else {}), "verb": "dub"}])[0]
    if isinstance(verb, Dub):
        dub_track(session, verb)


def _get(data: Any, name: str) -> Any:
    return data.get(name) if isinstance(data, dict) else None


_COMMANDS: Final[Mapping[str, Callable[[Session, Any, Mapping[str, Any]], None]]] = {
    "redirect": _redirect,
    "call:status": _call_status,
    "mute:status": _mute,
    "conf:mute-status": _conference_mute,
    "conf:hold-status": _conference_hold,
    "listen:status": _listen,
    "stream:status": _listen,
    "record": _record,
    "whisper": _whisper,
    "sip:request": _sip_request,
    "dub": _dub,
}
