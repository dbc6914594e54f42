"""Results posted as jambonz's own `transcriptionHook` would post them, in order, and signed so.

Payload and signature are those of jambonz-feature-server (lib/tasks/transcribe.js,
lib/utils/base-requestor.js). The call never waits: what a slow application has not taken is held
back up to a bound, then the oldest go.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import structlog

from listen_sinks.api import Call, SinkError
from listen_sinks.transcript.api import Result
from listen_sinks.transcript.config import TranscriptConfig
from listen_sinks.webhook.addresses import Unresolved
from listen_sinks.webhook.names import Names
from listen_sinks.webhook.reach import Reach

log = structlog.get_logger(__name__)

TRIES: Final = 3
FIRST_DELAY: Final = 0.5  # seconds before the second try; then twice as many
MOST_WAITING: Final = 500
"""Results of one stream that wait for the application."""
CLOSE_PATIENCE: Final = 5.0  # seconds

_CALL: Final = {
    "callSid": "call_sid",
    "direction": "direction",
    "from": "from",
    "to": "to",
    "callId": "call_id",
    "sbcCallid": "sbc_callid",
    "sipStatus": "sip_status",
    "sipReason": "sip_reason",
    "callStatus": "call_status",
    "callerId": "caller_id",
    "callerName": "caller_name",
    "accountSid": "account_sid",
    "traceId": "trace_id",
    "applicationSid": "application_sid",
    "parentCallSid": "parent_call_sid",
    "fsSipAddress": "local_sip_address",
    "localSipAddress": "local_sip_address",
    "fsPublicIp": "public_ip",
    "publicIp": "public_ip",
    "originatingSipIp": "originating_sip_ip",
    "originatingSipTrunkName": "originating_sip_trunk_name",
    "callTerminationBy": "call_termination_by",
    "duration": "duration",
    "customerData": "customer_data",
    "_customerData": "customer_data",
    "apiBaseUrl": "api_base_url",
}
"""What jambonz says of a call in its first text frame, and what its webhooks call that."""


class Hook:
    """Delivers results to one application."""

    def __init__(self, config: TranscriptConfig) -> None:
        self._names = Names()
        self._reach = Reach(config.hook or "", self._names, connect=config.hook_timeout / 3)
        self._secret = config.hook_secret
        self._timeout = config.hook_timeout
        self.engine = config.engine
        self.language = config.language
        self.lost = 0
        """Results that the application did not take."""
        self._open: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Get ready; the application may be away. Raises SinkError for the operator."""
        try:
            await self._reach.open()
        except ValueError as error:
            raise SinkError(f"hook: {error}, such as https://example.com/transcription") from error

    def deliveries(self, call: Call) -> "Deliveries":
        """Begin the deliveries of one stream."""
        deliveries = Deliveries(self, call)
        task = asyncio.create_task(deliveries.run(), name="transcript: hook")
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        return deliveries

    async def close(self) -> None:
        """Deliver what can be delivered soon."""
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=CLOSE_PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._names.close()
        await self._reach.close()

    async def post(self, payload: Mapping[str, Any]) -> str | None:
        """Post once; return why it was not taken, in a few words of ours, or None."""
        body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False, default=repr)
        data = body.encode("utf-8", "backslashreplace")
        headers = {"content-type": "application/json"}
        if self._secret is not None:
            headers["jambonz-signature"] = signature(self._secret.get_secret_value(), data)
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self._reach.post(headers, data)
        except Unresolved as error:
            return str(error)
        except TimeoutError:
            return "no answer in time"
        except self._reach.away as error:
            self._names.forget()
            return type(error).__name__
        return None if 200 <= reply.status < 300 else f"status {reply.status}"  # noqa: PLR2004 - RFC 9110, section 15.3


class Deliveries:
    """The results of one stream on their way, one after the other."""

    def __init__(self, hook: Hook, call: Call) -> None:
        self._hook = hook
        self._stream_id = call.stream_id
        self._call = described(call.attributes)
        self._waiting: deque[Result] = deque()
        self._wake = asyncio.Event()
        self._ended = False

    def describe(self, attributes: Mapping[str, Any]) -> None:
        """Take what is known of the call, where that comes late."""
        self._call = described(attributes)

    def put(self, result: Result) -> None:
        """Deliver this one too, when its turn comes."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._lose("too many waited")
        self._waiting.append(result)
        self._wake.set()

    def end(self) -> None:
        """Say that no result will come."""
        self._ended = True
        self._wake.set()

    async def run(self) -> None:
        """Deliver until the end."""
        while True:
            while self._waiting:
                await self._deliver(self._waiting.popleft())
            if self._ended:
                return
            self._wake.clear()
            await self._wake.wait()

    async def _deliver(self, result: Result) -> None:
        payload = {**self._call, "speech": self._speech(result)}
        why: str | None = None
        for number in range(TRIES):
            if number:
                await asyncio.sleep(FIRST_DELAY * 2 ** (number - 1))
            why = await self._hook.post(payload)
            if why is None or not result.is_final:  # the next interim one says more
                break
        if why is not None:
            self._lose(why)

    def _speech(self, result: Result) -> dict[str, Any]:
        confidence = 0.0 if result.confidence is None else result.confidence  # Google's "not set"
        return {
            "language_code": result.language or self._hook.language,
            "channel_tag": result.channel + 1,
            "is_final": result.is_final,
            "alternatives": [{"confidence": confidence, "transcript": result.text}],
            "vendor": {"name": self._hook.engine},
        }

    def _lose(self, why: str) -> None:
        self._hook.lost += 1
        if self._hook.lost.bit_count() == 1:  # 1, 2, 4, 8, ...: seen, but no flood
            log.warning(
                "the transcription hook did not take a result",
                why=why,
                lost=self._hook.lost,
                stream=self._stream_id,
            )


def described(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a webhook of jambonz says of a call; the verb's own metadata is not in it."""
    return {
        name: _sayable(attributes[key])
        for key, name in _CALL.items()
        if attributes.get(key) is not None
    }


def signature(secret: str, body: bytes, now: float | None = None) -> str:
    """Sign as jambonz does: HMAC-SHA256 over time, full stop and body."""
    moment = int(time.time() if now is None else now)
    signed = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"


def _sayable(value: Any) -> Any:
    """Return it, or None where JSON cannot say it."""
    with suppress(ValueError, RecursionError, TypeError):
        json.dumps(value, allow_nan=False)
        return value
    return None
