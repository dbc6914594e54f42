"""Whose voice says a text: that of the verb, else of config, else of the application.

Source: `hasSynthesizer` in lib/tasks/config.js and the defaults in lib/tasks/say.js of
jambonz-feature-server 0.9.8.
"""

from dataclasses import dataclass
from typing import Any, Final

from listen_server.jambonz.verbs import Synthesizer

_DEFAULT: Final = "default"  # stands for what holds anyway


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice."""

    vendor: str
    language: str
    name: Any
    """Of the vendor's; some have an object for it."""

    def of(self, synthesizer: Synthesizer | None) -> "Voice":
        """Return this voice, but for what a synthesizer says."""
        if synthesizer is None:
            return self
        vendor, language, voice = synthesizer.vendor, synthesizer.language, synthesizer.voice
        return Voice(
            self.vendor if vendor == _DEFAULT else vendor,
            self.language if language is None or language == _DEFAULT else language,
            self.name if voice is None or voice == _DEFAULT else voice,
        )


APPLICATION_VOICE: Final = Voice("google", "en-US", "en-US-Standard-C")
"""What a simulated application has for a voice."""
