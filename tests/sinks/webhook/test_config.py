import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks import Webhook
from webhook_receiver import OTHER_SECRET, SECRET

from listen_server.settings import load_settings
from listen_sinks.webhook.config import WebhookSettings
from listen_sinks.webhook.target import sign

BODY = "{}"


def made(**changes: Any) -> WebhookSettings:
    given = {"url": "https://example.com/events", "secret": SECRET, **changes}
    return WebhookSettings.model_validate({key: value for key, value in given.items() if value})


@pytest.mark.parametrize(
    "secret",
    [
        *("whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all, is it?", SECRET[6:], "secret"),
        "whsec_" + "QUJD" * 30,
        [SECRET, "whsec_c2hvcnQ="],
        [SECRET] * 5,
        7,
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        made(secret=secret)

    assert "c2hvcnQ" not in str(refused.value)
    assert "ABC" not in str(refused.value)


@given(st.binary(min_size=24, max_size=64), st.booleans())
def test_a_secret_is_any_key_of_the_right_length(
    key: bytes,
    padded: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    text = base64.b64encode(key).decode()
    secret = "whsec_" + (text if padded else text.rstrip("="))

    assert [one.get_secret_value() for one in made(secret=secret).secret] == [secret]
    Webhook(secret).verify(BODY, sign([secret], "e1", BODY))


def test_two_secrets_are_taken_while_one_is_changed() -> None:
    assert len(made(secret=[SECRET, OTHER_SECRET]).secret) == 2


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com", "example.com/events", "https://", "https://user:pw@example.com/"),
        *("https://example.com:0/", "https://example.com:99999/", "https://exämple.com/"),
        *("https://example.com/#part", "https://exa mple.com/\n", "http://[::1/"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="an address such as"):
        made(url=url)


def test_without_tls_a_service_is_on_this_machine_or_allowed() -> None:
    with pytest.raises(ValidationError, match="allow_http"):
        made(url="http://10.0.0.1/events")

    made(url="http://127.0.0.1:8000/events")
    made(url="http://10.0.0.1/events", allow_http=True)


def test_a_secret_comes_from_one_place() -> None:
    for changes in ({"secret": None}, {"secret_file": "crm.secret"}):
        with pytest.raises(ValidationError, match="secret"):
            made(**changes)


def test_networks_are_named_as_networks() -> None:
    assert len(made(allow_networks=["10.0.0.0/8", "::1"]).allow_networks) == 2
    for wrong in (["everything"], [True], 7):
        with pytest.raises(ValidationError, match="list of networks"):
            made(allow_networks=wrong)


def test_lists_are_written_with_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "url": "https://example.com/events",
        "secret": f"{SECRET},{OTHER_SECRET}",
        "events": "message.received, message.erased",
        "tenants": "acme",
        "allow_networks": "10.0.0.0/8,fd00::/8",
        "at_once": "2",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"LISTEN_WEBHOOKS__CRM__{name.upper()}", value)

    read = load_settings().webhooks["crm"]

    assert len(read.secret) == 2
    assert read.events == ("message.received", "message.erased")
    assert read.tenants == ("acme",)
    assert len(read.allow_networks) == 2
    assert read.at_once == 2


def test_nothing_secret_is_shown() -> None:
    shown = repr(made(url="https://example.com/events?token=hush"))

    assert SECRET not in shown
    assert "hush" not in shown
