"""What the doctor says of a server that is not up, and what it gives to paste."""

import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ports import held_port
from terminal import Ended, run

from listen_server.credentials import CredentialStore, NewCredential, Scope


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Have a port that is free, and a disk that is not full."""
    monkeypatch.setenv("LISTEN_MIN_FREE_DISK", "0")
    with held_port() as free:
        monkeypatch.setenv("LISTEN_PORT", str(free))
        yield free


def doctor(data_dir: Path, *options: str) -> Ended:
    return run("doctor", "--data-dir", str(data_dir), *options)


def verb_in(ended: Ended) -> dict[str, Any]:
    start = ended.told.index("{\n")
    verb: dict[str, Any] = json.loads(ended.told[start : ended.told.index("\n}", start) + 2])
    return verb


def made(data_dir: Path, *scopes: Scope) -> NewCredential:
    return CredentialStore(data_dir).add("acme", scopes or ("listen", "record"))


def nothing_to_paste(ended: Ended) -> bool:
    assert ended.status == 1
    assert "BAD" in ended.told
    return not any(word in ended.told for word in ("wsAuth", '"verb"', "JAMBONZ_RECORD"))


def test_options_of_serve_are_the_doctors_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        looked = doctor(tmp_path, "--host", "localhost", "--port", str(port), "--open")

    assert f"something listens on port {port}" in looked.told


def test_the_verb_names_the_host_and_port_that_were_given(tmp_path: Path) -> None:
    assert verb_in(doctor(tmp_path, "--port", "8765"))["url"] == "ws://127.0.0.1:8765/listen"


def test_a_user_without_a_password_is_not_tried_and_not_printed_with_an_empty_one(
    tmp_path: Path,
) -> None:
    user = made(tmp_path).credential.user

    looked = doctor(tmp_path, "--user", user)

    assert looked.status == 0
    assert "the credential was not tried" in looked.told
    assert verb_in(looked)["wsAuth"] == {"username": user, "password": "PASSWORD"}
    assert "PASSWORD stands for" in looked.told


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_password_is_asked_for_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = made(tmp_path)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda _: new.secret)  # which shows nothing

    looked = doctor(tmp_path, "--user", new.credential.user)

    assert looked.status == 0
    assert verb_in(looked)["wsAuth"]["password"] == new.secret


def test_a_password_without_its_user_is_one_sentence(tmp_path: Path) -> None:
    looked = doctor(tmp_path, "--password", "x")

    assert (looked.status, looked.told.count("\n")) == (2, 1)
    assert "--user" in looked.told


@pytest.mark.parametrize(
    ("user", "password", "says"),
    [
        ("nobody", "x", "there is no credential 'nobody'"),
        ("", "wrong", "is wrong: `listen-server credentials rotate`"),
        ("", "x" * 90, "bytes long, and jambonz garbles or omits more than 90"),
    ],
)
def test_nothing_is_pasted_with_a_credential_that_would_be_refused(
    tmp_path: Path, user: str, password: str, says: str
) -> None:
    known = made(tmp_path).credential.user

    looked = doctor(tmp_path, "--user", user or known, "--password", password)

    assert says in looked.told
    assert nothing_to_paste(looked)


def test_a_mail_server_that_is_away_hides_no_address(tmp_path: Path) -> None:
    made(tmp_path)
    config = tmp_path / "server.toml"
    config.write_text(
        '[routes."/listen"]\nsinks = ["voicemail"]\n[mail]\nhost = "127.0.0.1"\nport = 1\n'
        'tls = "none"\nsender = "v@example.com"\n'
    )

    looked = doctor(tmp_path, "--config", str(config))

    assert looked.status == 1
    assert "nothing listens" in looked.told
    assert "For voicemail, leaving messages, the calling webhook" in looked.told
    assert verb_in(looked)["url"].endswith("/listen")
    assert looked.told.rstrip().endswith("Mend what is BAD, then ask again.")


def test_the_right_credential_is_filled_in(tmp_path: Path) -> None:
    new = made(tmp_path)

    looked = doctor(tmp_path, "--user", new.credential.user, "--password", new.secret)

    assert looked.status == 0
    assert verb_in(looked)["wsAuth"]["password"] == new.secret
    assert f"JAMBONZ_RECORD_WS_PASSWORD={new.secret}" in looked.told
    assert "PASSWORD stands for" not in looked.told


def test_after_the_last_credential_is_revoked_nothing_is_pasted(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    store.revoke(made(tmp_path).credential.user)

    looked = doctor(tmp_path)

    assert "every credential is revoked" in looked.told
    assert nothing_to_paste(looked)


@pytest.mark.parametrize(
    ("scope", "there", "missing"),
    [("listen", '"verb"', "JAMBONZ_RECORD"), ("record", "JAMBONZ_RECORD", '"verb"')],
)
def test_only_what_a_credentials_scope_allows_is_given_to_paste(
    tmp_path: Path, scope: Scope, there: str, missing: str
) -> None:
    made(tmp_path, scope)

    looked = doctor(tmp_path)

    assert there in looked.told
    assert missing not in looked.told
    assert "credentials add TENANT --scope" in looked.told


def test_settings_that_contradict_each_other_are_all_bad(tmp_path: Path) -> None:
    looked = doctor(tmp_path, "--host", "0.0.0.0", "--tls-cert", "nowhere.pem")  # noqa: S104

    assert looked.told.count("BAD") == 3
    assert nothing_to_paste(looked)


@pytest.mark.parametrize(
    ("setting", "value"), [("BEHIND_TLS_PROXY", "true"), ("TRUSTED_PROXIES", "127.0.0.1")]
)
def test_an_address_that_is_a_guess_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    made(tmp_path)
    monkeypatch.setenv(f"LISTEN_{setting}", value)

    assert "is a guess of how jambonz reaches this server" in doctor(tmp_path).told


def test_a_public_address_that_does_not_answer_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setenv("LISTEN_PUBLIC_AUDIO_URL", f"ws://127.0.0.1:{port}")

    looked = doctor(tmp_path)

    assert f"nothing listens on 127.0.0.1 port {port}" in looked.told
    assert nothing_to_paste(looked)


def test_an_address_that_jambonz_misreads_is_bad(tmp_path: Path) -> None:
    looked = doctor(tmp_path, "--host", "::1")

    assert "jambonz reads this url as host '1]'" in looked.told
    assert nothing_to_paste(looked)


def test_a_file_that_is_no_ca_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PUBLIC_AUDIO_URL", "wss://127.0.0.1")

    looked = doctor(tmp_path, "--ca-file", str(tmp_path / "nowhere.pem"))

    assert "nowhere.pem cannot be read (No such file or directory)" in looked.told


def test_the_verb_leads_to_the_route_that_leaves_the_least_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_ROUTES", '{"/record/{vendor}": {}, "/a/{team}/{box}": {}}')

    looked = doctor(tmp_path)

    assert verb_in(looked)["url"].endswith("/a/TEAM/BOX")


def test_a_recorder_alone_has_no_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_ROUTES", '{"/api/v1/record/{vendor}": {}}')

    looked = doctor(tmp_path)

    assert '"verb"' not in looked.told
    assert f"JAMBONZ_RECORD_WS_BASE_URL=ws://127.0.0.1:{verb_port(looked)}/api/v1" in looked.told


def verb_port(looked: Ended) -> str:
    return looked.told.partition("JAMBONZ_RECORD_WS_BASE_URL=ws://127.0.0.1:")[2].split("/")[0]
