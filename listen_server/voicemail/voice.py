"""Who speaks on the phone, and how: sentences as `say` verbs in a mailbox's language and voice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from listen_server.jambonz import Say, Synthesizer
from listen_server.voicemail.sentences import SENTENCES


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice. What is None is left to the application in jambonz."""

    vendor: str | None = None
    language: str | None = None
    voice: str | None = None
    sentences: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The operator's own, by name, or by language and name."""

    def text(self, name: str, /, **values: str | int) -> str:
        """Return a sentence. Raises KeyError for a name that there is not."""
        return self._sentence(name).format_map(values)

    def say(self, name: str, /, **values: str | int) -> Say:
        """Say a sentence."""
        return self.speak(self.text(name, **values))

    def speak(self, text: str | list[str]) -> Say:
        """Say any text, or several one after the other."""
        synthesizer = self.synthesizer
        return Say(text=text, synthesizer=synthesizer) if synthesizer else Say(text=text)

    @property
    def synthesizer(self) -> Synthesizer | None:
        """How jambonz is told; None if it is to choose."""
        wanted = {"vendor": self.vendor, "language": self.language, "voice": self.voice}
        given = {name: value for name, value in wanted.items() if value}
        return Synthesizer.model_validate(given) if given else None

    def _sentence(self, name: str) -> str:
        language = self.language or ""
        for key in (f"{language}.{name}", f"{language.partition('-')[0]}.{name}", name):
            if found := self.sentences.get(key):
                return found
        return SENTENCES[name]


NOBODY: Final = Voice()
"""The application's own voice, in English."""
