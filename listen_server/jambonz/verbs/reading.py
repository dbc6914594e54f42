"""From JSON to a verb: by its name, in the long form or the short one; placement.py comes after.

What the reference hides in comments, and what it does not know, is passed on as a `Raw`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import ValidationError

from listen_server.jambonz.errors import Refused
from listen_server.jambonz.model import NOWHERE, Addresses
from listen_server.jambonz.verbs.calls import Answer, Dial, Hangup, Redirect, SipDecline, Tag
from listen_server.jambonz.verbs.config import Config
from listen_server.jambonz.verbs.prompts import Dub, Gather, Pause, Play, Say
from listen_server.jambonz.verbs.rooms import Conference, Dequeue, Enqueue, Leave
from listen_server.jambonz.verbs.streams import Listen, Transcribe
from listen_server.jambonz.verbs.verb import Verb

VERBS: Final[tuple[type[Verb], ...]] = (
    Answer,
    Conference,
    Config,
    Dequeue,
    Dial,
    Dub,
    Enqueue,
    Gather,
    Hangup,
    Leave,
    Listen,
    Pause,
    Play,
    Redirect,
    Say,
    SipDecline,
    Tag,
    Transcribe,
)
"""Every verb that is read and checked."""
BY_NAME: Final[Mapping[str, type[Verb]]] = {
    name: verb for verb in VERBS for name in (verb.verb, *verb.aliases)
}


class Raw(Verb):
    """A verb that is passed on as it is, unchecked; whether jambonz takes it is its own matter."""

    verb: ClassVar[str] = "raw"

    given: dict[str, Any]
    """The whole object, with `verb`."""

    @property
    def name(self) -> str:
        """The verb that it is."""
        return str(self.given["verb"])

    def write(self, addresses: Addresses = NOWHERE) -> dict[str, Any]:
        """Return what was given."""
        del addresses
        return dict(self.given)


def read_verb(given: object, where: str = "the verb") -> Verb:
    """Read `{"verb": "say", ...}`, `{"say": {...}}`, or a verb that is one. Raises Refused."""
    if isinstance(given, Verb):
        return given
    long = _long_form(given, where)
    name = long["verb"]
    if (model := BY_NAME.get(name)) is None:
        return Raw(given=long)
    try:
        return model.model_validate(long)
    except ValidationError as error:
        raise Refused.told(error, f"{where} ({name})", long, model) from None


def _long_form(given: object, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Refused(f"{where} is an object, such as {{'verb': 'hangup'}}")
    if "verb" not in given and len(given) == 1:
        ((name, inside),) = given.items()
        if not isinstance(inside, dict):
            raise Refused(f"{where} ({name}) has an object for its properties")
        given = {"verb": name, **inside}
    if not isinstance(name := given.get("verb"), str) or not name:
        raise Refused(f"{where} has no `verb`")
    return given
