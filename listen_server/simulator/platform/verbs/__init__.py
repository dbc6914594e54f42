"""How each verb is executed, by families; session.py calls `execute` for one after the other."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from listen_server.jambonz.verbs import (
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
    Verb,
)
from listen_server.simulator.platform.rules import name_of
from listen_server.simulator.platform.scope import Scope
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.verbs.calls import (
    answer,
    decline,
    dub,
    hangup,
    leave,
    redirect,
    tag,
)
from listen_server.simulator.platform.verbs.conference import conference
from listen_server.simulator.platform.verbs.configuring import config
from listen_server.simulator.platform.verbs.dialling import dial
from listen_server.simulator.platform.verbs.gathering import gather
from listen_server.simulator.platform.verbs.prompts import pause, play, say
from listen_server.simulator.platform.verbs.queues import dequeue, enqueue
from listen_server.simulator.platform.verbs.streams import listen, transcribe

Executor: TypeAlias = Callable[[Session, Any, Scope], Awaitable[None]]
EXECUTORS: Final[Mapping[type[Verb], Executor]] = {
    Answer: answer,
    Conference: conference,
    Config: config,
    Dequeue: dequeue,
    Dial: dial,
    Dub: dub,
    Enqueue: enqueue,
    Gather: gather,
    Hangup: hangup,
    Leave: leave,
    Listen: listen,
    Pause: pause,
    Play: play,
    Redirect: redirect,
    Say: say,
    SipDecline: decline,
    Tag: tag,
    Transcribe: transcribe,
}


async def execute(session: Session, verb: Verb, scope: Scope) -> None:
    """Execute a verb. Raises Stopped, and Refusal for what its hook was answered with."""
    executor = EXECUTORS.get(type(verb))
    if executor is None:
        session.write("JAMBONZ", f"passes over {name_of(verb)}, which is not simulated")
        return
    await executor(session, verb, scope)


__all__ = ["EXECUTORS", "execute"]
