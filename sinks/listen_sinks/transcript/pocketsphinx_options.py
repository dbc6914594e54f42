"""What an operator can choose about the engine `pocketsphinx`. pocketsphinx.py acts on it."""

import os

from pydantic import BaseModel, ConfigDict, Field


class PocketSphinxConfig(BaseModel):
    """`[sinks.transcript.options]` of the engine `pocketsphinx`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    processes: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 1) // 2), ge=1, le=64)
    """Processes that work at once; half of the machine's if not given. Each follows about four
    people who speak all the time."""
    queue_seconds: float = Field(default=3600.0, gt=0)
    """Seconds of speech that wait for them, 32 kB each; then calls are not followed to the end."""
