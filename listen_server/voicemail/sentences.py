"""Every sentence that is said on the phone, by name. voice.py says them, config.py changes them.

`{placeholders}` are filled in; a sentence of an operator's own may leave some out.
"""

from collections.abc import Mapping
from string import Formatter
from typing import Final

from listen_server.voicemail.owner_sentences import OWNER_SENTENCES

CALLER: Final[Mapping[str, str]] = {
    "greeting": "Nobody can take your call at the moment. Please leave a message after the tone.",
    "greeting_of": "{name} cannot take your call at the moment. "
    "Please leave a message after the tone.",
    "announcement": "Your message will be recorded. If you do not agree, please hang up now.",
    "unknown_number": "The number that you have called takes no messages. Goodbye.",
    "full": "The mailbox of the person you are calling is full. Please call again later. Goodbye.",
    "full_kept": "The mailbox has no room for another message. Your first one is kept. Goodbye.",
    "away": "Messages cannot be taken at the moment. Please call again later. Goodbye.",
    "once_more": "One moment, please. Speak after the tone.",
    "too_short": "That was too short to be kept. Please speak after the tone.",
    "too_short_again": "That was too short to be kept. Goodbye.",
    "nothing_heard": "Nothing was heard. Please speak after the tone.",
    "nothing_heard_again": "Nothing was heard. Goodbye.",
    "moment": "One moment, please.",
    "review": "To keep your message, press 1. To hear it, press 2. To record it again, press 3.",
    "review_operator": "To keep your message, press 1. To hear it, press 2. "
    "To record it again, press 3. To speak to somebody, press 0.",
    "record_again": "Please speak after the tone.",
    "longest": "That is as long as a message may be.",
    "ended": "Thank you for calling. Goodbye.",
    "thanks": "Thank you. Your message is kept. Goodbye.",
    "operator": "One moment, please.",
    "operator_away": "Nobody answers there. You can leave a message after the tone.",
    "operator_away_kept": "Nobody answers there. Your message is kept. Goodbye.",
    "no_retrieval": "Messages cannot be heard by phone here. Goodbye.",
    "sorry": "Something has gone wrong here. Please call again later. Goodbye.",
}

SENTENCES: Final[Mapping[str, str]] = {**CALLER, **OWNER_SENTENCES}
"""All of them."""


def placeholders(text: str) -> set[str]:
    """Return the names that a sentence has braces for. Raises ValueError for other braces."""
    names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    if not all(name.isidentifier() for name in names):
        raise ValueError("braces are for names, such as {name}")
    return names


def faults_of(sentences: Mapping[str, str]) -> list[str]:
    """Say what is wrong with sentences of an operator's own."""
    faults = []
    for key, text in sentences.items():
        name = key.rpartition(".")[2]
        if name not in SENTENCES:
            faults.append(f"there is no sentence {name!r}")
            continue
        try:
            unknown = placeholders(text) - placeholders(SENTENCES[name])
        except ValueError as error:
            faults.append(f"{key}: {error}")
            continue
        if unknown:
            faults.append(f"{key}: nothing is known of {{{min(unknown)}}}")
    return faults
