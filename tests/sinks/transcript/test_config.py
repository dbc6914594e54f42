"""What an operator can write, and what is refused."""

import pytest
from pydantic import ValidationError

from listen_sinks.transcript.config import TranscriptConfig


@pytest.mark.parametrize(
    "values",
    [
        {"hook": "ftp://example.com"},
        {"hook": "https://user:secret@example.com/"},
        {"hook": "not an address"},
        {"hook_timeout": 0},
        {"ring_seconds": -1},
        {"languge": "en-US"},
        {"options": {"anything": 1}},
    ],
)
def test_what_cannot_be_meant_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TranscriptConfig.model_validate(values)


def test_a_secret_is_not_printed() -> None:
    config = TranscriptConfig.model_validate({"hook_secret": "hunter2"})
    assert "hunter2" not in repr(config)
