"""config: what holds for the rest of the call, and what is done beside the verbs from then on.

Source: lib/tasks/config.js and lib/utils/background-task-manager.js of jambonz-feature-server
0.9.8.
"""

from typing import Final

from listen_server.jambonz.verbs import Config, Gather, Listen, Transcribe
from listen_server.jambonz.verbs.config import BackgroundListen, BackgroundTranscribe, BargeIn
from listen_server.simulator.platform.recording import record
from listen_server.simulator.platform.rules import Refusal, read_application
from listen_server.simulator.platform.scope import Scope
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.verbs.gathering import gather
from listen_server.simulator.platform.verbs.streams import (
    close_background,
    open_background,
    transcribing,
)
from listen_server.simulator.platform.voices import APPLICATION_VOICE

_NOT_OF_GATHER: Final = ("enable", "sticky", "partialResultHook")


async def config(session: Session, verb: Config, scope: Scope) -> None:
    """Change what holds for the whole call."""
    del scope
    session.write("JAMBONZ", f"takes settings: {', '.join(sorted(verb.write_nested()))}")
    if verb.notify_events is not None:
        session.switches.notify_events = verb.notify_events
    if _needs_media(verb):
        session.media(early=bool(verb.early_media))
    _speech(session, verb)
    if verb.barge_in is not None:
        _barge_in(session, verb.barge_in)
    if verb.record is not None:
        try:
            record(session, verb.record.action)
        except Refusal as refusal:
            session.refuse(refusal)  # told nobody: the call goes on
    if verb.listen is not None:
        await _listen(session, verb.listen)
    if verb.transcribe is not None:
        _transcribe(session, verb.transcribe)
    if verb.sip_request_within_dialog_hook is not None:
        session.sip_hook = verb.sip_request_within_dialog_hook
    if verb.refer_hook is not None:
        session.refer_hook = verb.refer_hook


def _needs_media(verb: Config) -> bool:
    """Whether the call must have audio for it, and so is answered."""
    barges = verb.barge_in is not None and verb.barge_in.enable
    listens = verb.listen is not None and verb.listen.url is not None
    transcribes = verb.transcribe is not None and verb.transcribe.enable
    return bool(barges or listens or transcribes or verb.record or verb.boost_audio_signal)


def _speech(session: Session, verb: Config) -> None:
    """Set or reset who speaks and who listens: what is not said otherwise stays."""
    resets = [verb.reset] if isinstance(verb.reset, str) else verb.reset or []
    if "recognizer" in resets:
        session.switches.language = "en-US"
    if "synthesizer" in resets:
        session.switches.voice = APPLICATION_VOICE
    session.switches.voice = session.switches.voice.of(verb.synthesizer)
    if verb.recognizer is not None and verb.recognizer.language not in (None, "default"):
        session.switches.language = verb.recognizer.language or ""


async def _listen(session: Session, background: BackgroundListen) -> None:
    if background.enable is False:
        await close_background(session)
        return
    given = background.write()
    given.pop("enable", None)
    await open_background(session, Listen.model_validate(given))


def _transcribe(session: Session, background: BackgroundTranscribe) -> None:
    if (running := session.background_scopes.pop("transcribe", None)) is not None:
        running.stop()
    if not background.enable:
        return
    given = background.write()
    given.pop("enable", None)
    scope = session.background_scopes["transcribe"] = session.whole.inside()
    verb = Transcribe.model_validate(given)
    session.beside(transcribing(session, verb, scope, session.info))


def _barge_in(session: Session, barge_in: BargeIn) -> None:
    if not barge_in.enable:
        if (running := session.background_scopes.pop("bargeIn", None)) is not None:
            running.stop()
        return
    if "bargeIn" in session.background_scopes:
        session.write("JAMBONZ", "gathers in the background already")
        return
    given = {key: it for key, it in barge_in.write().items() if key not in _NOT_OF_GATHER}
    verbs = read_application([{"verb": "gather", "timeout": 0, "input": ["speech"], **given}])
    verb = next(one for one in verbs if isinstance(one, Gather))
    scope = session.background_scopes["bargeIn"] = session.whole.inside()
    session.beside(_gathering(session, verb, scope, sticky=bool(barge_in.sticky)))


async def _gathering(session: Session, verb: Gather, scope: Scope, *, sticky: bool) -> None:
    """Gather beside the verbs, once or again and again."""
    while True:
        await gather(session, verb, scope.inside(), background=True)
        if not sticky:
            session.background_scopes.pop("bargeIn", None)
            return
