"""`[voicemail]`: what an operator may write, and what is said of what is wrong."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness import settings
from voicemail.machine import machine_settings

from listen_server.errors import ConfigError
from listen_server.voicemail.config import stream_route
from listen_server.voicemail.sentences import SENTENCES
from listen_server.voicemail.voice import Voice


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"path": "voicemail"}, "a path is asked for"),
        ({"sentences": {"thanx": "Thanks"}}, "there is no sentence 'thanx'"),
        ({"sentences": {"de.greeting_of": "{nam}"}}, "nothing is known of {nam}"),
        ({"sentences": {"thanks": "{0.__class__}"}}, "braces are for names"),
        ({"call_back_prefixes": ["1555"]}, "each begins with +"),
        ({"tenant": "A B"}, "1 to 23 of a-z"),
        ({"enabled": True}, "no route has the sink 'voicemail'"),
        ({"review_wait": 9}, "3.5 or less is asked for"),
        ({"finish_on_key": "12"}, "a text that matches"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    tmp_path: Path, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=r"voicemail") as refused:
        settings(tmp_path, voicemail=given)
    assert says in str(refused.value)


def test_a_webhook_secret_is_in_no_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        settings(tmp_path, voicemail={"secrets": "whsec-canary"})
    assert "canary" not in str(refused.value)


def test_another_application_may_not_be_in_the_way(tmp_path: Path) -> None:
    applications = {"/jambonz": {"application": "desk:Desk"}}

    with pytest.raises(ConfigError, match="in the way of /jambonz"):
        machine_settings(tmp_path, applications=applications)


@pytest.mark.parametrize(
    ("routes", "wanted", "expected"),
    [
        ({"/listen": ["recording"]}, {}, None),
        ({"/listen": ["recording"], "/vm": ["voicemail"]}, {}, "/vm"),
        ({"/vm": ["voicemail"]}, {"enabled": False}, None),
        ({"/vm/{mailbox}": ["voicemail"], "/record/x": ["voicemail"]}, {}, None),
        ({"/a": ["voicemail"], "/b": ["voicemail"]}, {"listen": "/b"}, "/b"),
        ({"/vm": ["mail2"]}, {"sink": "mail2"}, "/vm"),
    ],
)
def test_it_is_served_where_a_route_has_the_sink(
    tmp_path: Path, routes: dict[str, list[str]], wanted: dict[str, Any], expected: str | None
) -> None:
    given = {path: {"sinks": sinks} for path, sinks in routes.items()}
    made = settings(tmp_path, routes=given, voicemail=wanted)

    assert stream_route(made.voicemail, made.routes) == expected


def test_a_sentence_of_ones_own_is_said_in_its_language_first() -> None:
    own = {"thanks": "Cheers.", "de.thanks": "Danke.", "de-CH.thanks": "Merci."}

    assert Voice(None, None, None, own).text("thanks") == "Cheers."
    assert Voice(None, "de-DE", None, own).text("thanks") == "Danke."
    assert Voice(None, "de-CH", None, own).text("thanks") == "Merci."
    assert Voice(None, "fr-FR", None, {}).text("thanks") == SENTENCES["thanks"]


def test_a_server_without_mailboxes_imports_nothing_for_them(tmp_path: Path) -> None:
    loads = (
        "import sys; from pathlib import Path; from listen_server.app import App; "
        "from listen_server.settings import load_settings; "
        f"App(load_settings(data_dir=Path({str(tmp_path)!r}), min_free_disk=0.0)); "
        "print([name for name in ('listen_server.jambonz', 'listen_server.voicemail.desk',"
        " 'cryptography.fernet', 'sqlalchemy') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, check=True, text=True)

    assert done.stdout.splitlines()[-1] == "[]"
