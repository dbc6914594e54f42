from pathlib import Path

import pytest
from pydantic import ValidationError

from listen_sinks.api import SinkContext
from listen_sinks.recording import Recording, RecordingConfig, config

PAGE = Path(config.__file__).with_name("README.md")


def test_every_setting_is_on_the_page_for_operators() -> None:
    text = PAGE.read_text()

    missing = [name for name in RecordingConfig.model_fields if f"| `{name}` |" not in text]

    assert not missing


def test_every_setting_has_its_line_of_documentation() -> None:
    assert all(field.description for field in RecordingConfig.model_fields.values())


@pytest.mark.parametrize(
    "mistake",
    [
        {"format": "mp3"},
        {"layout": "both"},
        {"write_interval": 0},
        {"max_file_bytes": 2**32},
        {"encoders": 0},
        {"directroy": "/recordings"},
    ],
)
def test_a_mistake_is_told_before_the_first_call(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as raised:
        RecordingConfig.model_validate(mistake)

    assert next(iter(mistake)) in str(raised.value)


@pytest.mark.parametrize(
    ("name", "directory", "expected"),
    [
        ("recording", None, "/data/recordings"),
        ("archive", None, "/data/recordings-archive"),
        ("recording", "calls", "/data/calls"),
        ("archive", "/mnt/calls", "/mnt/calls"),
    ],
)
def test_where_recordings_lie(name: str, directory: str | None, expected: str) -> None:
    settings = RecordingConfig.model_validate({"directory": directory})

    assert Recording(settings, SinkContext(name, Path("/data"))).directory == Path(expected)
