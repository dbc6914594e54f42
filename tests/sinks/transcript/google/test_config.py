from pathlib import Path

import pytest
from pydantic import ValidationError

from listen_sinks.transcript.google import GoogleConfig

README = Path(__file__).parents[4] / "sinks/listen_sinks/transcript/google/README.md"


def test_a_location_has_its_own_host() -> None:
    assert GoogleConfig().target == "speech.googleapis.com:443"
    assert GoogleConfig(location="eu").target == "eu-speech.googleapis.com:443"
    assert GoogleConfig(location="eu", endpoint="private:8443").target == "private:8443"


@pytest.mark.parametrize("option", ["insecure", "root_certificates"])
def test_plain_text_and_own_authorities_are_never_for_google_itself(option: str) -> None:
    with pytest.raises(ValidationError, match=f"{option} needs an endpoint"):
        GoogleConfig.model_validate({option: True if option == "insecure" else "ca.pem"})


def test_a_key_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="laguage"):
        GoogleConfig.model_validate({"laguage": "en-US"})


@pytest.mark.parametrize("hint", ["", "a" * 101])
def test_a_hint_that_google_would_refuse_is_refused_at_the_start(hint: str) -> None:
    assert GoogleConfig(hints=("jambonz", "a" * 100)).hints[0] == "jambonz"
    with pytest.raises(ValidationError, match=r"100 characters|1 character"):
        GoogleConfig(hints=("jambonz", hint))


def test_a_stream_is_replaced_before_google_ends_it_even_while_somebody_speaks() -> None:
    from listen_sinks.transcript.google.stream import LATE

    longest = GoogleConfig.model_validate({"stream_seconds": 250.0}).stream_seconds

    assert longest * LATE < 300
    with pytest.raises(ValidationError):
        GoogleConfig.model_validate({"stream_seconds": 251.0})


def test_every_option_is_in_the_readme() -> None:
    text = README.read_text()

    assert [name for name in GoogleConfig.model_fields if f"`{name}`" not in text] == []
