"""What both flows ask: which mailbox, in what voice, where to record, what came of it.

    applications --Desk--> the opened sink (mailboxes in memory, index, objects, keys)

Nothing here waits long: while index or keys are away, what is known in memory has to do.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeAlias, TypeVar

import structlog
from ulid import ULID

from listen_server.jambonz import Addresses, Call, Listen, Play, Say, Transcribe
from listen_server.jambonz.verbs import Recognizer, StreamCredentials
from listen_server.passes import PURPOSE as PASSES
from listen_server.passes import Kind, Pass, Passes
from listen_server.voicemail.config import VoicemailSettings
from listen_server.voicemail.found import Found
from listen_server.voicemail.reached import Reached
from listen_server.voicemail.state import States
from listen_server.voicemail.tokens import PURPOSE as TOKENS
from listen_server.voicemail.tokens import Tokens
from listen_server.voicemail.voice import Voice
from listen_sinks.api import SinkError
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.found_object import FoundObject
from listen_sinks.voicemail.index.errors import IndexAway, UnknownMailbox
from listen_sinks.voicemail.index.parts import list_parts
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.index.tickets import find_ticket
from listen_sinks.voicemail.keys.provider import KeysAway, WrongKey
from listen_sinks.voicemail.pins import PinCheck
from listen_sinks.voicemail.plugin import Voicemail
from listen_sinks.voicemail.profile import Profile, Profiles
from listen_sinks.voicemail.store import MessageStore

log = structlog.get_logger(__name__)

AUDIO: Final = "audio"
"""What the tokens in addresses of audio are sealed for."""
TO_CALLER: Final = "audio for a caller"
"""The same, for who is no owner: their own words, or a greeting."""
MAILED: Final = "mailed audio"
"""The same, in mail: they live longer."""
_PATIENCE: Final = 1.5  # seconds for what makes a greeting better
_SHORTEST, _LONGEST = 0.1, 0.4  # seconds between two looks
_T = TypeVar("_T")
Prompt: TypeAlias = Say | Play


class Desk:
    """One sink's mailboxes, for both flows. Its methods are for a sink that is open."""

    def __init__(
        self,
        plugin: Voicemail,
        settings: VoicemailSettings,
        listen: str,
        addresses: Addresses,
        *,
        secure: bool = False,
    ) -> None:
        """Take the path that streams go to, and the public addresses as far as they are set.

        `secure` says that jambonz comes by TLS, whatever a proxy in front makes of it.
        """
        self.plugin: Final = plugin
        self.pin_tried: Callable[[PinCheck], None] = lambda _: None
        """Who counts what came of the PINs that were said."""
        self.settings: Final = settings
        self._listen = listen
        self._reached = Reached(addresses=addresses, secure=secure)
        self._late: set[asyncio.Task[Any]] = set()
        self._tokens: Tokens | None = None
        self._profiles: Profiles | None = None
        self._store: MessageStore | None = None

    @property
    def tokens(self) -> Tokens:
        """What seals."""
        if self._tokens is None:
            self._tokens = Tokens(self._derived(TOKENS))
        return self._tokens

    @property
    def states(self) -> States:
        """What calls carry."""
        return States(self.tokens)

    @property
    def profiles(self) -> Profiles:
        """Who the mailboxes are."""
        if self._profiles is None:
            self._profiles = Profiles(self.plugin.database, self.plugin.root)
        return self._profiles

    def tenant(self, call: Call) -> str:
        """Return whose call it is: the credential said it, or the settings do."""
        return call.tenant or self.settings.tenant

    def mailbox_for(self, tenant: str, number: str | None) -> Found | None:
        """Find a mailbox by id, number or name; in memory, also while the index is away."""
        found = self.plugin.mailboxes.find(tenant, number)
        return None if found is None else Found(tenant, found)

    def dialled(self, call: Call) -> Found | None:
        """Find the mailbox that a call is for."""
        tenant = self.tenant(call)
        found = self.mailbox_for(tenant, call.told.to)
        if found is None and self.settings.catch_all:
            rest = self.plugin.mailboxes.catch_all(tenant)
            return None if rest is None else Found(tenant, rest)
        return found

    async def profile(self, found: Found) -> Profile | None:
        """Read who a mailbox is; None while index or keys are away."""
        with _away_is_fine("profile"):
            reading = self.profiles.read(found.tenant, found.mailbox)
            return await self._in_time(reading, _PATIENCE)
        return None

    def voice(self, profile: Profile | None = None) -> Voice:
        """Return the voice of a mailbox; what it does not say, the settings do."""
        own, given = profile or Profile(), self.settings
        if own.voice or own.vendor:  # a voice of the settings may be one of another vendor
            return Voice(own.vendor, own.language or given.language, own.voice, given.sentences)
        language = own.language or given.language
        voice = given.voice if language == given.language else None
        return Voice(given.vendor, language, voice, given.sentences)

    async def greeting(self, call: Call, found: Found, profile: Profile | None) -> Prompt:
        """Return what callers hear first: of its own, temporary before lasting, or the default."""
        voice = self.voice(profile)
        is_there: bool | None = False
        if profile is not None:
            wants = found.settings
            for audio, text in (
                (wants.temporary_greeting, profile.temporary_greeting),
                (wants.greeting, profile.greeting),
            ):
                if audio and is_there is not None:  # what was away a moment ago is not asked again
                    is_there = await self._is_there(found, audio)
                if audio and is_there:
                    place = found.tenant, found.mailbox
                    return Play(url=self.audio_url(call, *place, audio, purpose=TO_CALLER))
                if text:
                    return voice.speak(text)
            if profile.name:
                return voice.say("greeting_of", name=profile.name)
        return voice.say("greeting")

    def listen(
        self,
        call: Call,
        found: Found,
        *,
        kind: Kind = "message",
        action_hook: str,
        max_seconds: float | None = None,
        transcribe: Transcribe | None = None,
    ) -> tuple[Listen, str]:
        """Return the verb that records, and the ticket by which its message is found."""
        ticket = str(ULID())
        passes = Passes(self._derived(PASSES))
        user, password = passes.issue(Pass(found.tenant, found.mailbox, ticket, kind))
        wants = self.settings
        metadata: dict[str, Any] = {"mailbox": found.mailbox}
        if wants.end_on_silence:
            metadata["end_on_silence"] = wants.end_on_silence
        given: dict[str, Any] = {
            "url": f"{self._reached.audio(call)}{self._listen}",
            "action_hook": action_hook,
            "finish_on_key": wants.finish_on_key,
            "max_length": max_seconds or found.settings.max_seconds or wants.max_seconds,
            "metadata": metadata,
            "mix_type": "mono",
            "play_beep": wants.beep,
            "pass_dtmf": True,
            "ws_auth": StreamCredentials(username=user, password=password),
        }
        if transcribe is not None:
            given["transcribe"] = transcribe
        return Listen.model_validate(given), ticket

    def transcribe(self, hook: str, profile: Profile | None) -> Transcribe:
        """Return jambonz's own transcription of a recording, in the mailbox's language."""
        language = self.voice(profile).language
        if language is None:
            return Transcribe(transcription_hook=hook)
        return Transcribe(transcription_hook=hook, recognizer=Recognizer(language=language))

    def audio_url(
        self,
        call: Call | None,
        tenant: str,
        mailbox: str,
        message: str,
        *,
        start: float = 0.0,
        seconds: float | None = None,
        purpose: str = AUDIO,
    ) -> str:
        """Return an address at which a message is heard, from `start` seconds on, for a while.

        Without a call it needs `public_web_url`.
        """
        life = self.settings.link_minutes * 60 if seconds is None else seconds
        data = {"t": tenant, "b": mailbox, "m": message, **({"s": start} if start else {})}
        token = self.tokens.seal(purpose, data, life)
        return f"{self._reached.web(call)}{self.settings.path}/audio/{token}.wav"

    async def message(self, tenant: str, ticket: str, wait: float) -> Message | None:
        """Return what came of a recording, as soon as it is there; None after `wait` seconds."""
        now = asyncio.get_running_loop().time
        until, pause = now() + wait, _SHORTEST
        found = None
        while found is None and (left := until - now() - pause) > 0:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST)
            with suppress(IndexAway, SinkError, TimeoutError):  # it may be back in time
                found = await self._in_time(find_ticket(self.plugin.database, tenant, ticket), left)
        return found

    async def store(self) -> MessageStore:
        """Return the door to messages. Raises KeysAway, IndexAway, SinkError.

        It is one for all: it keeps an unlocked key for a minute, and audio is fetched in ranges.
        """
        if self._store is None:
            plugin = self.plugin
            provider = await plugin.root.provider()
            audit = plugin.erasing.audit
            self._store = MessageStore(plugin.database, plugin.objects, provider, audit)
        return self._store

    async def _is_there(self, found: Found, message: str) -> bool | None:
        """Tell whether a recorded greeting can be fetched: silence would greet nobody.

        None if that cannot be told now.
        """
        with _away_is_fine("greeting"):
            return await self._in_time(self._is_whole(found.tenant, message), _PATIENCE)
        return None

    async def _is_whole(self, tenant: str, message: str) -> bool:
        parts = await list_parts(self.plugin.database, tenant, message)
        heard = [one for one in parts if one.ranges]
        if not heard:
            return False
        return not (await FoundObject.find(self.plugin.objects, heard[0])).findings

    async def _in_time(self, work: Coroutine[Any, Any, _T], seconds: float) -> _T:
        """Wait so long. Raises TimeoutError; the work goes on: a query that is cut off breaks."""
        task = asyncio.create_task(work)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            self._late.add(task)
            task.add_done_callback(self._forget)
            raise TimeoutError
        return task.result()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # taken note of: nobody waits for it any more

    def _derived(self, purpose: str) -> bytes:
        secret = self.plugin.derive(purpose)
        if secret is None:
            raise SinkError("the voicemail sink is not open")
        return secret


@contextmanager
def _away_is_fine(what: str) -> Iterator[None]:
    """Go on without what cannot be had now."""
    try:
        yield
    except (IndexAway, KeysAway, ObjectsAway, SinkError, WrongKey, TimeoutError) as error:
        log.warning("a call goes on without what is away", what=what, error=type(error).__name__)
    except UnknownMailbox:
        return
