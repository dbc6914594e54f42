"""Recordings by the platform, as states, and which change of them fits.

Source: `notifyRecordOptions` in lib/session/call-session.js of jambonz-feature-server 0.9.8.
"""

from collections.abc import Mapping
from typing import Final

from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.session import Session

_STATES: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "startCallRecording": (("off",), "on"),
    "stopCallRecording": (("on", "paused"), "off"),
    "pauseCallRecording": (("on",), "paused"),
    "resumeCallRecording": (("paused",), "on"),
}
"""What the state must be for an action, and what it becomes."""


def record(session: Session, action: object) -> None:
    """Change the recording; a start before the answer waits for it. Raises Refusal."""
    if not isinstance(action, str) or action not in _STATES:
        raise Refusal("recording", "record: invalid record action")
    needed, becomes = _STATES[action]
    if session.answered is None:
        if action != "startCallRecording":
            raise Refusal("recording", f"record: {action} before the call is answered")
        session.switches.records_at_answer = True
        return
    if session.switches.recording not in needed:
        raise Refusal("recording", f"record: {action} while it is {session.switches.recording}")
    session.switches.recording = becomes
    session.write("JAMBONZ", f"recording is {becomes}")
