from pathlib import Path

import pytest
from pydantic import ValidationError

from listen_sinks.api import SinkContext, SinkError
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
        {"store": "ftp://host/calls"},
        {"store": ""},
        {"store": "calls", "directory": "recordings"},
        {"store_options": {"region": "eu-west-1"}},
        {"store_options": {"region": "eu-west-1"}, "store": "calls"},
        {"uploads": 0, "store": "s3://calls"},
        {"low_water": -1},
    ],
)
def test_a_mistake_is_told_before_the_first_call(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as raised:
        RecordingConfig.model_validate(mistake)

    assert next(iter(mistake)) in str(raised.value)


def test_a_mistake_is_told_without_the_secrets_beside_it() -> None:
    secret = {"store_options": {"secret_access_key": "canary"}}
    with pytest.raises(ValidationError) as raised:
        RecordingConfig.model_validate({"store": "calls", **secret})

    settings = RecordingConfig.model_validate({"store": "s3://calls", **secret})
    assert "canary" not in str(raised.value) + repr(settings)


@pytest.mark.parametrize(
    ("name", "chosen", "expected"),
    [
        ("recording", {}, "/data/recordings"),
        ("archive", {}, "/data/recordings-archive"),
        ("recording", {"directory": "calls"}, "/data/calls"),
        ("archive", {"directory": "/mnt/calls"}, "/mnt/calls"),
        ("recording", {"store": "calls"}, "/data/calls"),
        ("recording", {"store": "/mnt/calls"}, "/mnt/calls"),
        ("recording", {"store": "file:///mnt/calls"}, "/mnt/calls"),
        ("recording", {"store": "s3://calls/eu"}, "/data/recordings"),
        ("archive", {"store": "gs://calls", "directory": "/mnt/calls"}, "/mnt/calls"),
    ],
)
def test_where_recordings_lie(name: str, chosen: dict[str, str], expected: str) -> None:
    settings = RecordingConfig.model_validate(chosen)

    assert Recording(settings, SinkContext(name, Path("/data"))).directory == Path(expected)


@pytest.mark.parametrize("store", [None, "calls", "file:///mnt/calls"])
def test_a_directory_is_no_bucket(store: str | None) -> None:
    settings = RecordingConfig.model_validate({"store": store})

    assert Recording(settings, SinkContext("recording", Path("/data"))).outbound is None


def test_what_no_bucket_knows_is_told_before_the_first_call() -> None:
    settings = RecordingConfig.model_validate(
        {"store": "s3://calls", "store_options": {"no_such_option": "1"}}
    )

    with pytest.raises(SinkError, match="store: "):
        Recording(settings, SinkContext("recording", Path("/data")))
