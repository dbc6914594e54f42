"""Who may stream: made once, shown once, and nowhere to be found again."""

import json
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_server.credentials import (
    SCOPES,
    CredentialStore,
    basic_credentials,
    basic_header,
)
from listen_server.errors import ConfigError


def test_a_new_credential_opens_the_door_to_its_tenant_alone(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)

    made = store.add("acme", account_sid="AC1")

    user = made.credential.user
    found = store.check(user, made.secret)
    assert found is not None
    assert (found.tenant, found.scopes, found.account_sid) == ("acme", ("listen", "record"), "AC1")
    assert store.check(user, made.secret + "x") is None
    assert store.check(user, made.secret[:-1]) is None
    assert store.check(user, "") is None
    assert store.check("acme", made.secret) is None
    assert len(store) == 1


def test_two_credentials_never_share_a_user_or_a_secret(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)

    made = [store.add(f"tenant-{number}") for number in range(30)]

    assert len({one.credential.user for one in made}) == 30
    assert len({one.secret for one in made}) == 30
    assert store.check(made[0].credential.user, made[1].secret) is None


@pytest.mark.parametrize("tenant", ["a", "acme", "a" * 23, "0-9"])
def test_jambonz_can_send_every_credential(tmp_path: Path, tenant: str) -> None:
    made = CredentialStore(tmp_path).add(tenant)

    assert len(f"{made.credential.user}:{made.secret}".encode()) <= 64
    assert f"{made.credential.user}:{made.secret}".isascii()


@pytest.mark.parametrize("tenant", ["", "-a", "A", "a b", "a:b", "ä", "a" * 24, "../a", "a\n"])
def test_a_tenant_that_is_no_name_is_refused(tmp_path: Path, tenant: str) -> None:
    with pytest.raises(ConfigError, match="a-z, 0-9 and -"):
        CredentialStore(tmp_path).add(tenant)


@pytest.mark.parametrize("scopes", [(), ("listen", "everything"), ("LISTEN",)])
def test_a_scope_that_there_is_not_is_refused(tmp_path: Path, scopes: tuple[str, ...]) -> None:
    store = CredentialStore(tmp_path)

    with pytest.raises(ConfigError, match=", ".join(SCOPES)):
        store.add("acme", scopes)  # type: ignore[arg-type] # that is the mistake
    assert not store.all()


def test_a_tenant_has_two_credentials_at_most(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    store.add("acme")
    store.add("acme")

    with pytest.raises(ConfigError, match="revoke one first"):
        store.add("acme")

    store.add("other")
    assert [one.tenant for one in store.all()] == ["acme", "acme", "other"]


def test_a_rotation_keeps_the_old_one_until_the_next(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    first = store.add("acme", ("record",), "AC1")

    second = store.rotate("acme")

    assert store.check(first.credential.user, first.secret)
    assert store.check(second.credential.user, second.secret)
    assert (second.credential.scopes, second.credential.account_sid) == (("record",), "AC1")

    third = store.rotate("acme")

    assert store.check(first.credential.user, first.secret) is None
    assert store.check(second.credential.user, second.secret)
    assert store.check(third.credential.user, third.secret)


def test_a_tenant_without_a_credential_cannot_rotate(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="credentials add"):
        CredentialStore(tmp_path).rotate("acme")


def test_a_revoked_credential_opens_nothing(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    made, other = store.add("acme"), store.add("other")

    store.revoke(made.credential.user)

    assert store.check(made.credential.user, made.secret) is None
    assert store.check(other.credential.user, other.secret)
    with pytest.raises(ConfigError, match="credentials list"):
        store.revoke(made.credential.user)


def test_another_process_sees_a_change_when_it_reads_again(tmp_path: Path) -> None:
    server, console = CredentialStore(tmp_path), CredentialStore(tmp_path)
    assert not server.reload()

    made = console.add("acme")

    assert server.check(made.credential.user, made.secret) is None
    assert server.reload()
    assert not server.reload()
    assert server.check(made.credential.user, made.secret)

    console.revoke(made.credential.user)

    assert server.reload()
    assert server.check(made.credential.user, made.secret) is None


def test_it_is_remembered_that_there_was_a_credential(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    assert not store.ever_any

    store.revoke(store.add("acme").credential.user)

    assert len(store) == 0
    assert store.ever_any
    assert CredentialStore(tmp_path).ever_any


def test_two_consoles_at_once_do_not_undo_each_other(tmp_path: Path) -> None:
    first, second = CredentialStore(tmp_path), CredentialStore(tmp_path)

    made = [first.add("a"), second.add("b"), first.add("c")]
    second.revoke(made[0].credential.user)

    known = CredentialStore(tmp_path)
    assert [one.tenant for one in known.all()] == ["b", "c"]
    assert known.check(made[1].credential.user, made[1].secret)


def test_many_processes_at_once_do_not_undo_each_other(tmp_path: Path) -> None:
    import subprocess

    program = (
        "import sys, pathlib; from listen_server.credentials import CredentialStore;"
        "CredentialStore(pathlib.Path(sys.argv[1])).add(sys.argv[2])"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), f"tenant-{number}"])
        for number in range(4)
    ]

    assert [process.wait(30) for process in started] == [0, 0, 0, 0]
    assert len(CredentialStore(tmp_path)) == 4


def test_only_this_user_can_read_what_is_stored(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "data"
    CredentialStore(directory).add("acme")

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}
    assert modes == {"credentials.json": 0o600, "credentials.key": 0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_no_secret_is_in_the_files_or_in_what_is_printed(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    made = store.add("acme")

    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert made.secret.encode() not in stored
    digest = made.credential.digest
    printed = f"{made} {made!r} {made.credential!r} {store!r} {store.all()!r} {vars(store)!r}"
    assert made.secret not in printed
    assert digest not in printed


def test_a_stolen_file_without_its_key_cannot_be_tried_out(tmp_path: Path) -> None:
    one, other = CredentialStore(tmp_path / "one"), CredentialStore(tmp_path / "other")
    made = one.add("acme")
    other.add("acme")

    file = tmp_path / "other" / "credentials.json"
    file.write_bytes((tmp_path / "one" / "credentials.json").read_bytes())

    assert CredentialStore(tmp_path / "other").check(made.credential.user, made.secret) is None


def test_an_unknown_user_costs_as_much_work_as_a_known_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CredentialStore(tmp_path)
    made = store.add("acme")
    digested: list[tuple[str, str]] = []
    plain = store._digest

    def counting(user: str, secret: str) -> str:
        digested.append((user, secret))
        return plain(user, secret)

    monkeypatch.setattr(store, "_digest", counting)

    assert store.check("nobody", "guess") is None
    assert store.check(made.credential.user, "guess") is None
    assert digested == [("nobody", "guess"), (made.credential.user, "guess")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"version": 2, "credentials": []}',
        b'{"version": 1, "credentials": [{"user": "a"}]}',
        b'{"version": 1, "credentials": [], "more": 1}',
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_fix(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "credentials.json"
    file.write_bytes(content)

    with pytest.raises(ConfigError, match=r"restore the file from a backup") as raised:
        CredentialStore(tmp_path)
    assert str(file) in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("field", "value"),
    [("digest", "not hex"), ("digest", "ab"), ("scopes", []), ("created", "2026-01-01T00:00:00")],
)
def test_a_credential_that_somebody_spoilt_is_no_credential(
    tmp_path: Path, field: str, value: object
) -> None:
    CredentialStore(tmp_path).add("acme")
    file = tmp_path / "credentials.json"
    stored = json.loads(file.read_text())
    stored["credentials"][0][field] = value
    file.write_text(json.dumps(stored))

    with pytest.raises(ConfigError, match="restore the file") as raised:
        CredentialStore(tmp_path)
    assert str(value) not in str(raised.value) or value == []


@pytest.mark.parametrize("key", [None, b"", b"too short", bytes(33)])
def test_a_lost_or_spoilt_key_is_told_with_its_fix(tmp_path: Path, key: bytes | None) -> None:
    CredentialStore(tmp_path).add("acme")
    file = tmp_path / "credentials.key"
    if key is None:
        file.unlink()
    else:
        file.write_bytes(key)

    with pytest.raises(ConfigError, match=r"credentials\.key .*restore it from a backup"):
        CredentialStore(tmp_path)


def test_a_key_that_was_lost_is_not_replaced_under_living_credentials(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    made = store.add("acme")
    key = tmp_path / "credentials.key"
    kept = key.read_bytes()
    key.unlink()

    with pytest.raises(ConfigError, match="restore it from a backup"):
        store.add("other")

    key.write_bytes(kept)
    assert CredentialStore(tmp_path).check(made.credential.user, made.secret)


def test_what_was_known_stays_when_the_file_becomes_unreadable(tmp_path: Path) -> None:
    server = CredentialStore(tmp_path)
    made = server.add("acme")
    (tmp_path / "credentials.json").write_bytes(b"{")

    with pytest.raises(ConfigError):
        server.reload()

    assert server.check(made.credential.user, made.secret)


def test_a_directory_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ConfigError, match=r"cannot (read|change) the credentials in"):
        CredentialStore(tmp_path / "file").add("acme")


def test_a_header_is_read_as_it_was_made() -> None:
    assert basic_header("acme.1a2b3c", "secret") == "Basic YWNtZS4xYTJiM2M6c2VjcmV0"
    assert basic_credentials("Basic YWNtZS4xYTJiM2M6c2VjcmV0") == ("acme.1a2b3c", "secret")
    assert basic_credentials("basic  YTpi ") == ("a", "b")
    assert basic_credentials("BASIC YTpiOmM=") == ("a", "b:c")


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic ", "Basic YQ==", "Basic a", "Basic \u00e9", "Bearer YTpi", "Basic /w=="],
)
def test_a_header_that_is_not_basic_is_nobody(header: str) -> None:
    assert basic_credentials(header) is None


@given(st.text(alphabet=st.characters(exclude_characters=":", codec="utf-8")), st.text("ab:ü€"))
def test_any_user_and_secret_survive_the_header(user: str, secret: str) -> None:
    assert basic_credentials(basic_header(user, secret)) == (user, secret)


@given(st.one_of(st.binary(), st.binary().map(lambda data: b"Basic " + data)))
def test_no_header_is_too_odd_to_be_read(header: bytes) -> None:
    found = basic_credentials(header.decode("latin-1"))

    assert found is None or [type(part) for part in found] == [str, str]
