"""What jambonz tells an application about a call, as models; webhooks.py and sockets.py read them.

told.py reads the names of both kinds of server and keeps fields that we do not know. The `repr`
of a hook names its fields and shows none of their values but the call's sid.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypeVar, get_args

from pydantic import Field, ValidationError

from listen_server.jambonz.errors import Refused
from listen_server.jambonz.told import Told, snake_case

CallStatus: TypeAlias = Literal[
    "trying",
    "ringing",
    "early-media",
    "in-progress",
    "completed",
    "failed",
    "busy",
    "no-answer",
]
CALL_STATUSES: Final[tuple[CallStatus, ...]] = get_args(CallStatus)
_FINAL: Final = ("completed", "failed", "busy", "no-answer")


class CallHook(Told):
    """What every hook says about its call."""

    call_sid: str = Field(min_length=1, max_length=256)
    """The call."""
    account_sid: str | None = None
    """The account."""
    application_sid: str | None = None
    """The application, as jambonz knows it."""
    direction: str | None = None
    """`inbound` or `outbound`."""
    from_: str | None = None
    """Who calls."""
    to: str | None = None
    """Who is called."""
    caller_id: str | None = None
    """Name or number that is shown."""
    caller_name: str | None = None
    """Name of the caller."""
    call_id: str | None = None
    """Call-ID of SIP."""
    sbc_callid: str | None = None
    """Call-ID of SIP at the border."""
    call_status: CallStatus | str | None = None
    """How far it is: one of eight, and whatever newer servers add."""
    sip_status: int | None = None
    """Newest SIP status."""
    sip_reason: str | None = None
    """Its words."""
    trace_id: str | None = None
    """For tracing."""
    parent_call_sid: str | None = None
    """The call that this one was dialled from."""
    originating_sip_ip: str | None = None
    """Where it came from."""
    originating_sip_trunk_name: str | None = None
    """The trunk that it came over."""
    call_termination_by: str | None = None
    """Who ended it."""
    duration: float | None = None
    """Seconds that it lasted."""
    customer_data: Any = None
    """What `tag` has put there."""
    headers: Any = None
    """Headers of SIP."""
    fs_sip_address: str | None = None
    """Address of the server that has it."""
    fs_public_ip: str | None = None
    """Its public address."""
    api_base_url: str | None = None
    """Where its REST API is."""
    verb_id: str | None = None
    """`id` of the verb that this is about."""

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return self.call_status in _FINAL

    def __repr__(self) -> str:
        names = ", ".join(sorted(self.model_fields_set - {"call_sid"}))
        return f"{type(self).__name__}({self.call_sid!r}: {names})"

    __str__ = __repr__


class SipMessage(Told):
    """The INVITE, as drachtio takes it apart."""

    headers: dict[str, Any] = Field(default_factory=dict)
    """By name."""
    body: str | None = None
    """All of it."""
    payload: list[dict[str, Any]] | None = None
    """Its parts."""
    method: str | None = None
    """INVITE."""
    version: str | None = None
    """2.0."""
    uri: str | None = None
    """Who is called."""
    raw: str | None = None
    """The message as it was."""


class CallArrived(CallHook):
    """A call wants its application: the call webhook, or `session:new`."""

    sip: SipMessage | None = None
    """The INVITE; with POST alone."""
    env_vars: dict[str, Any] | None = None
    """Variables of the application."""
    defaults: dict[str, Any] | None = None
    """The voice and the recognizer of the application."""
    service_provider_sid: str | None = None
    """The service provider."""


class CallStatusChanged(CallHook):
    """A call has got further; `call_status` says how far."""


class Alternative(Told):
    """One reading of what was said."""

    transcript: str | None = None
    """The text."""
    confidence: float | None = None
    """How sure it is, 0 to 1."""


class Speech(Told):
    """What was said."""

    alternatives: list[Alternative] = Field(default_factory=list)
    """The readings, best first."""
    is_final: bool | None = None
    """Whether it will not change any more."""
    language_code: str | None = None
    """The language."""
    channel_tag: int | None = None
    """Which party, from 1."""
    stability: float | None = None
    """How likely an interim result is to stay."""

    @property
    def transcript(self) -> str:
        """The best reading; empty without one."""
        return (self.alternatives[0].transcript or "") if self.alternatives else ""


class Gathered(CallHook):
    """A gather has ended."""

    synonyms: ClassVar[Mapping[str, str]] = {"dtmf": "digits"}

    digits: str | None = None
    """The keys. `dtmf`, as the reference's table has it, is read too."""
    speech: Speech | None = None
    """What was said."""
    reason: str | None = None
    """Why it ended: dtmfDetected, speechDetected, timeout, error, stt-low-confidence."""


class Transcribed(CallHook):
    """A transcription, or an event of the recogniser's."""

    speech: Speech | None = None
    """What was said; older servers put its fields at the top."""
    speech_event: Any = None
    """What the recogniser says about itself."""
    is_final: bool | None = None
    """As in `speech`, from older servers."""
    alternatives: list[Alternative] | None = None
    """As in `speech`, from older servers."""

    @property
    def transcript(self) -> str:
        """The best reading; empty without one."""
        if self.speech is not None:
            return self.speech.transcript
        return (self.alternatives[0].transcript or "") if self.alternatives else ""


class Dialled(CallHook):
    """A dial has ended."""

    dial_call_status: CallStatus | str | None = None
    """How far the other call came."""
    dial_sip_status: int | None = None
    """Its SIP status."""
    dial_call_sid: str | None = None
    """Its sid."""
    dial_sbc_callid: str | None = None
    """Its Call-ID at the border."""


class KeysCaptured(CallHook):
    """A sequence of `dtmfCapture` was pressed."""

    dtmf: str
    """The sequence."""


class QueueLeft(CallHook):
    """An enqueue has ended."""

    queue_sid: str | None = None
    """The queue."""
    queue_result: str | None = None
    """hangup, leave, bridged or error."""
    queue_time: float | None = None
    """Seconds in the queue."""


class QueueWaited(CallHook):
    """A caller in a queue wants to hear something."""

    queue_sid: str | None = None
    """The queue."""
    queue_position: int | None = None
    """Place in it, from 0."""
    queue_time: float | None = None
    """Seconds in it."""
    queue_size: int | None = None
    """How many are in it."""


class Dequeued(CallHook):
    """A dequeue has ended."""

    dequeue_result: str | None = None
    """hangup, complete, timeout or error."""


class Listened(CallHook):
    """A listen has ended."""

    dial_call_duration: float | None = None
    """Seconds of the stream; jambonz calls it so."""
    digits: str | None = None
    """The key that ended it."""


class ConferenceChanged(CallHook):
    """Something happened in a conference."""

    conference_sid: str
    """The conference."""
    friendly_name: str | None = None
    """Its name in the application."""
    event: str | None = None
    """start, end, join, leave, start-talking or stop-talking (in the reference: end-talking)."""
    time: str | None = None
    """When, in ISO 8601."""
    members: int | None = None
    """How many are in it."""


AnyHook = TypeVar("AnyHook", bound=CallHook)
_SIGNS: Final[tuple[tuple[type[CallHook], frozenset[str]], ...]] = (
    (CallArrived, frozenset({"sip", "defaults", "env_vars"})),
    (QueueLeft, frozenset({"queue_result"})),
    (QueueWaited, frozenset({"queue_position", "queue_size"})),
    (Dequeued, frozenset({"dequeue_result"})),
    (Dialled, frozenset({"dial_call_status", "dial_call_sid"})),
    (Listened, frozenset({"dial_call_duration"})),
    (ConferenceChanged, frozenset({"conference_sid"})),
    (Transcribed, frozenset({"alternatives", "speech_event", "stt_start_time", "has_recording"})),
    (Gathered, frozenset({"digits", "speech", "reason"})),
    (KeysCaptured, frozenset({"dtmf"})),
)
HOOKS: Final[tuple[type[CallHook], ...]] = (CallStatusChanged, *(model for model, _ in _SIGNS))
"""Every hook that has a model of its own."""


def read_hook_as(model: type[AnyHook], given: object) -> AnyHook:
    """Read a hook that is known to be of a kind. Raises Refused."""
    if not isinstance(given, Mapping):
        raise Refused("a hook is an object")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Refused.told(error, "the hook", given) from None


def read_hook(given: object) -> CallHook:
    """Read a hook, of the kind that its fields tell. Raises Refused."""
    if not isinstance(given, Mapping):
        raise Refused("a hook is an object")
    names = {snake_case(str(key)) for key in given}
    model = next((model for model, signs in _SIGNS if names & signs), CallHook)
    return read_hook_as(model, given)


def read_json(body: bytes | str) -> dict[str, Any]:
    """Read the JSON object that a hook is. Raises Refused, and never anything else."""
    try:
        given = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Refused("it is not JSON") from None
    if not isinstance(given, dict):
        raise Refused("it is JSON, but no object")
    return given


def _no_constant(_name: str) -> float:
    raise ValueError


def _finite(digits: str) -> float:
    if math.isinf(number := float(digits)):
        raise ValueError
    return number
