"""What the platform refuses of an application, each rule with its source.

FS is jambonz-feature-server 0.9.8, VS @jambonz/verb-specifications of July 2026, AS
jambonz-api-server of April 2026. Verbs are read by the models of listen_server.jambonz, and then
held to the names that the platform itself knows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from listen_server.errors import ListenServerError
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.verbs import Dequeue, Raw, Verb, read_verb
from listen_server.simulator.platform.taking import as_taken

_VS: Final = "VS jambonz-app-json-validation.js"
_SESSION: Final = "FS lib/session/call-session.js"


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that the platform does not take."""

    says: str
    source: str


RULES: Final[Mapping[str, Rule]] = {
    "array": Rule("an application is an array", f"{_VS}, normalizeJambones"),
    "objects": Rule("each verb is an object", f"{_VS}, normalizeJambones"),
    "named": Rule("each verb has `verb`, or one key that is its name", f"{_VS}, normalizeJambones"),
    "known verb": Rule("the verb must be one of the platform's", f"{_VS}, validateVerb"),
    "known property": Rule("a property must be one of the verb's", f"{_VS}, validateVerb"),
    "types": Rule(
        "types and required properties, and the values that the reference allows",
        f"{_VS}, validateVerb; VS specs.json",
    ),
    "not empty": Rule("a new call needs a verb", "FS lib/middleware.js, invokeWebCallback"),
    "status": Rule("a hook answers 200, 202 or 204", "FS lib/utils/http-requestor.js, request"),
    "reachable": Rule("the application can be reached", "FS lib/utils/http-requestor.js, request"),
    "subprotocol": Rule(
        "the socket speaks ws.jambonz.org", "FS lib/utils/ws-requestor.js, _connect"
    ),
    "ack": Rule("a message is acknowledged within 5 s", "FS lib/utils/ws-requestor.js, request"),
    "size": Rule("a message has at most 24 KiB", "FS lib/utils/ws-requestor.js, _connect"),
    "message": Rule(
        "a message is JSON, an ack or a command, with msgid or command and data",
        "FS lib/utils/ws-requestor.js, _onMessage",
    ),
    "enqueue wait": Rule(
        "the wait hook of enqueue takes say, play, pause, leave and tag",
        "FS lib/tasks/enqueue.js, _playHook",
    ),
    "conference wait": Rule(
        "the wait and enter hooks of conference take say, play and pause",
        "FS lib/tasks/conference.js, _playHook",
    ),
    "confirm": Rule(
        "a confirm hook takes no verb for unanswered calls",
        "FS lib/utils/place-outdial.js, _executeApp",
    ),
    "unanswered": Rule(
        "sip:decline is for a call that is not answered",
        f"{_SESSION}, _evalUnansweredCallPrecondition",
    ),
    "answered": Rule(
        "hangup is for a call that is answered", f"{_SESSION}, _evalStableCallPrecondition"
    ),
    "known command": Rule("the command must be one of the platform's", f"{_SESSION}, _onCommand"),
    "mute": Rule("a call is muted in dial or conference", f"{_SESSION}, _lccMuteStatus"),
    "in conference": Rule(
        "conference commands are for a call in a conference", f"{_SESSION}, _lccConfMuteStatus"
    ),
    "streaming": Rule(
        "a stream is paused in listen, or in dial with one", f"{_SESSION}, _lccListenStatus"
    ),
    "recording": Rule(
        "a recording is started once, and paused while it runs", f"{_SESSION}, notifyRecordOptions"
    ),
    "whisper": Rule("whisper takes say and play, in dial or listen", f"{_SESSION}, _lccWhisper"),
    "sip_request": Rule(
        "the data of sip:request has `sip_request`, and the call is answered",
        f"{_SESSION}, _lccSipRequest",
    ),
    "update": Rule(
        "an update of a call has one change, which must be right",
        "AS lib/routes/api/accounts.js, validateUpdateCall",
    ),
    "update state": Rule(
        "a call is completed by REST once it is answered, and refused until then",
        "FS lib/http-routes/api/update-call.js, retrieveCallSession",
    ),
    "child": Rule(
        "a child call hook is for a leg that dial has connected", f"{_SESSION}, _lccCallHook"
    ),
}

PLACES: Final[Mapping[str, frozenset[str]]] = {
    "enqueue wait": frozenset({"say", "play", "pause", "leave", "tag"}),
    "conference wait": frozenset({"say", "play", "pause"}),
    "whisper": frozenset({"say", "play"}),
}
_OTHER_NAMES: Final = frozenset({("dial", "stream"), ("config", "stream")})
"""Names that the platform has besides those that we write."""
UNSIMULATED: Final = frozenset(
    {
        "alert",
        "dialogflow",
        "dtmf",
        "lex",
        "llm",
        "message",
        "pipeline",
        "rasa",
        "rest:dial",
        "s2s",
        "sip:refer",
        "sip:request",
    }
)
"""Verbs that the platform knows and that take no time here."""


class Refusal(ListenServerError):  # noqa: N818 - the name says what it is
    """The platform does not take something. `rule` is a key of RULES."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule

    @property
    def source(self) -> str:
        """Where the platform has the rule."""
        return RULES[self.rule].source


def read_application(given: object, place: str = "call") -> list[Verb]:
    """Read verbs as the platform does. Raises Refusal for the first that it does not take."""
    if not isinstance(given, list):
        raise Refusal("array", "malformed jambonz payload: must be array")
    verbs = [_read(one) for one in given]
    names = [name_of(verb) for verb in verbs]
    allowed = PLACES.get(place)
    if allowed is not None and not allowed.issuperset(names):
        wrong = next(name for name in names if name not in allowed)
        raise Refusal(place, f"unsupported verb {wrong}: {RULES[place].says}")
    if place == "confirm" and "sip:decline" in names:
        raise Refusal("confirm", "unsupported verb in dial url: sip:decline")
    return verbs


def name_of(verb: Verb) -> str:
    """Return the name of a verb."""
    return verb.name if isinstance(verb, Raw) else verb.verb


def _read(given: object) -> Verb:
    if not isinstance(given, dict):
        raise Refusal("objects", "malformed jambonz payload: must be array of objects")
    if "verb" not in given and len(given) != 1:
        raise Refusal("named", "malformed jambonz payload: missing verb property")
    if "verb" not in given and not isinstance(next(iter(given.values())), dict):
        raise Refusal("named", "malformed jambonz application payload")
    inside = given if "verb" in given else next(iter(given.values()))
    inside = {key: value for key, value in inside.items() if key != "verb"}
    name = given.get("verb") if "verb" in given else next(iter(given))
    verb = _modelled(name, inside)
    if isinstance(verb, Raw):
        if verb.name not in UNSIMULATED:
            raise Refusal("known verb", f"invalid instruction: {verb.name}")
        return verb
    strays = _stray(inside, verb.write_nested())
    for stray in (one for one in strays if (verb.verb, one) not in _OTHER_NAMES):
        raise Refusal("known property", f"{verb.verb}: unknown property {stray}")
    if isinstance(verb, Dequeue) and verb.confirm_hook is not None:
        raise Refusal("known property", "dequeue: unknown property confirmHook")
    return verb


def _modelled(name: Any, inside: dict[str, Any]) -> Verb:
    """Read a verb by our model, but for what the platform takes otherwise than the reference."""
    given, later = as_taken(name, inside)
    try:
        verb = read_verb({"verb": name, **given})
    except Refused as refused:
        rule = "known property" if "no such property" in str(refused) else "types"
        raise Refusal(rule, str(refused)) from None
    return verb.model_copy(update=later) if later else verb


def _stray(given: Mapping[str, Any], written: Mapping[str, Any]) -> Iterator[str]:
    """Yield names that our models read and the platform does not."""
    for name, value in given.items():
        if name not in written and value is not None:
            yield name
        elif isinstance(value, dict) and isinstance(written.get(name), dict):
            yield from _stray(value, written[name])
        elif isinstance(value, dict) and name in written:
            yield f"{name} as an object"
        elif isinstance(value, list) and isinstance(written.get(name), list):
            for one, other in zip(value, written[name], strict=False):
                if isinstance(one, dict) and isinstance(other, dict):
                    yield from _stray(one, other)
