"""Messages at rest, sealed. README.md is the page to read; FORMAT.md says what they are."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from listen_sinks.voicemail.config import VoicemailConfig
    from listen_sinks.voicemail.plugin import Voicemail

__all__ = ["Voicemail", "VoicemailConfig"]


def __getattr__(name: str) -> Any:
    """Load the sink when it is asked for: who only reads the format needs no database."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from listen_sinks.voicemail import config, plugin  # noqa: PLC0415 - that is the point

    return getattr(plugin if name == "Voicemail" else config, name)
