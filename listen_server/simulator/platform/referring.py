"""SIP that other ends send within a call: a REFER, and INFO and MESSAGE. caller.py has them sent.

Sources: `handleRefer` in lib/tasks/dial.js, `_handleRefer` and `_onRequestWithinDialog` in
lib/session/call-session.js of jambonz-feature-server 0.9.8.
"""

from typing import Any

from listen_server.jambonz.verbs import Dial
from listen_server.simulator.platform.adulting import grow_up
from listen_server.simulator.platform.info import CallInfo
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.transport import Hook


async def refer(session: Session, to: str, *, by_child: bool = False) -> None:
    """Let one end ask that the other be connected with somebody else. Raises Refusal."""
    verb, child = session.current, session.child
    who = child.to if by_child and child is not None else "CALLER"
    session.write(who, f"sends SIP REFER to {to}")
    if isinstance(verb, Dial) and child is not None and verb.refer_hook is not None:
        await _in_dial(session, verb.refer_hook, child, to, by_child=by_child)
    elif not by_child and session.refer_hook is not None:
        told = _details(session.info, session.info, None, to)
        verbs = await session.ask("verb:hook", session.refer_hook, told)
        if verbs:
            session.replace(verbs)
    else:
        session.write("JAMBONZ", "answers REFER with 501: there is no referHook")


async def _in_dial(
    session: Session, hook: Hook, child: CallInfo, to: str, *, by_child: bool
) -> None:
    referring, referred = (child, session.info) if by_child else (session.info, child)
    told = _details(referring, referring, referred, to)
    verbs = await session.ask("verb:hook", hook, told, of=referring)
    if not verbs:
        return
    if by_child:
        session.replace(verbs)
    else:
        grow_up(session, verbs)
        session.scope.stop()


def _details(
    by: CallInfo, referring: CallInfo, referred: CallInfo | None, to: str
) -> dict[str, Any]:
    uri = to if to.startswith(("sip:", "tel:")) else f"sip:{to}@192.0.2.10"
    user = uri.partition(":")[2].partition("@")[0]
    number = by.from_ if by.direction == "inbound" else by.to
    return {
        "refer_details": {
            "sip_refer_to": f"<{uri}>",
            "refer_to_user": user,
            "sip_referred_by": f"<sip:{number}@192.0.2.10>",
            "referred_by_user": number,
            "sip_user_agent": "simulated",
            "referring_call_sid": referring.call_sid,
            "referred_call_sid": referred.call_sid if referred else None,
        }
    }


async def sip_request(session: Session, method: str, body: str) -> None:
    """Let the caller send INFO or MESSAGE. Raises Refusal."""
    session.write("CALLER", f"sends SIP {method}")
    if session.sip_hook is None or not session.hears_sip:
        session.write("JAMBONZ", f"has nobody to tell of SIP {method}")
        return
    status = 200 if method == "INFO" else 202
    session.write("JAMBONZ", f"answers {method} with {status}")
    headers = {"content-type": "text/plain", "content-length": str(len(body))}
    told = {"sip_method": method, "sip_body": body, "sip_headers": headers}
    verbs = await session.ask("verb:hook", session.sip_hook, told)
    if verbs:
        session.replace(verbs)
