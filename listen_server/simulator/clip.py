"""The call that this package brings along: two voices, and their words. clips/ has the audio."""

from pathlib import Path
from typing import Final

CLIP: Final = Path(__file__).with_name("clips") / "message.flac"
"""16 kHz, two channels: the caller in channel 0, the greeting that is played to them in 1."""

CALLER_CLIP: Final = CLIP.with_name("caller.flac")
"""The caller alone: channel 0 from 0.3 s before the first word. 16 kHz, mono."""

CLIP_WORDS: Final = {
    "caller": "hello this is robert please call me back tomorrow morning",
    "greeting": "please leave a message",
}
