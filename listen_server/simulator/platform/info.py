"""What jambonz knows about a call and tells with every hook; transports write it as JSON.

Keys and their order are those of `CallInfo` in jambonz-feature-server 0.9.8
(lib/session/call-info.js); newer servers write snake_case (lib/utils/snakecase-keys.js), those
before April 2021 camelCase.
"""

import copy
import secrets
import uuid
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from listen_server.jambonz.told import snake_case

Server: TypeAlias = Literal["new", "old"]
UNTOUCHED: Final = frozenset({"customerData", "sip", "env_vars", "args"})


def _sid() -> str:
    return str(uuid.uuid4())


@dataclass(slots=True)
class CallInfo:
    """One leg."""

    from_: str
    to: str
    direction: Literal["inbound", "outbound"] = "inbound"
    call_sid: str = field(default_factory=_sid)
    call_id: str = field(default_factory=_sid)
    account_sid: str = field(default_factory=_sid)
    application_sid: str = field(default_factory=_sid)
    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    parent_sid: str | None = None
    status: str = "trying"
    sip_status: int = 100
    sip_reason: str = "Trying"
    ended_by: str | None = None
    duration: int | None = None
    customer_data: dict[str, Any] | None = None

    def child(self, to: str) -> "CallInfo":
        """Return the leg that a dial makes."""
        return replace(
            self,
            to=to,
            direction="outbound",
            call_sid=_sid(),
            call_id=_sid(),
            parent_sid=self.call_sid,
            status="trying",
            sip_status=100,
            sip_reason="Trying",
            duration=None,
            customer_data=None,
        )

    def payload(self) -> dict[str, Any]:
        """Return what every hook has, as `toJSON` has it."""
        inbound = self.direction == "inbound"
        told = {
            "callSid": self.call_sid,
            "direction": self.direction,
            "from": self.from_,
            "to": self.to,
            "callId": self.call_id,
            "sbcCallid": self.call_id if inbound else None,
            "sipStatus": self.sip_status,
            "sipReason": self.sip_reason,
            "callStatus": self.status,
            "callerId": None if inbound else self.from_,
            "accountSid": self.account_sid,
            "traceId": self.trace_id,
            "applicationSid": self.application_sid,
            "fsSipAddress": "192.0.2.5:5060",
            "parentCallSid": self.parent_sid,
            "originatingSipIp": "192.0.2.10:5060" if inbound else None,
            "originatingSipTrunkName": "example-trunk" if inbound else None,
            "callTerminationBy": self.ended_by,
            "duration": self.duration,
            "customerData": copy.deepcopy(self.customer_data),
            "fsPublicIp": "198.51.100.7",
        }
        return {key: value for key, value in told.items() if value is not None}

    def raw(self) -> dict[str, Any]:
        """Return the fields as they are, as a stream nested in dial gets them."""
        told = {"hasRecording": False, "callerName": "", **self.payload()}
        told["localSipAddress"] = told.pop("fsSipAddress")
        told["publicIp"] = told.pop("fsPublicIp")
        if "customerData" in told:
            told["_customerData"] = told.pop("customerData")
        return told

    def invite(self) -> dict[str, Any]:
        """Return the INVITE, as drachtio takes it apart; `sip` of the call webhook."""
        uri = f"sip:{self.to}@192.0.2.5:5060"
        body = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nm=audio 40000 RTP/AVP 0 101\r\n"
        headers = {
            "via": "SIP/2.0/UDP 192.0.2.10;rport=5060;branch=z9hG4bK1",
            "max-forwards": "70",
            "from": f"<sip:{self.from_}@192.0.2.10:5060>;tag=1",
            "to": f"<{uri}>",
            "call-id": self.call_id,
            "cseq": "1 INVITE",
            "contact": f"<sip:{self.from_}@192.0.2.10:5060>",
            "content-type": "application/sdp",
            "content-length": str(len(body)),
            "X-CID": self.call_id,
            "X-Forwarded-For": "192.0.2.10:5060",
            "X-Originating-Carrier": "example-trunk",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return {
            "headers": headers,
            "body": body,
            "payload": [{"type": "application/sdp", "content": body}],
            "method": "INVITE",
            "version": "2.0",
            "uri": uri,
            "raw": f"INVITE {uri} SIP/2.0\r\n{lines}\r\n{body}",
        }


def shaped(told: Any, server: Server) -> Any:
    """Return a payload with the names of a kind of server; some parts are never touched."""
    if isinstance(told, list):
        return [shaped(one, server) for one in told]
    if not isinstance(told, dict) or server == "old":
        return told
    return {
        key if key in UNTOUCHED else snake_case(key): (
            value if key in UNTOUCHED else shaped(value, server)
        )
        for key, value in told.items()
    }
