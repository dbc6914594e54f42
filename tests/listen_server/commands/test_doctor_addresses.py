"""What the doctor says of applications: what to enter in jambonz, and who answers there."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import serving, settings
from ports import held_port
from terminal import Ended, run

from listen_server.app import App
from listen_server.checks import Finding
from listen_server.commands.doctor_addresses import Entrance, Look, entrances
from listen_server.credentials import CredentialStore, NewCredential
from listen_server.simulator.handshake import Credential

DESK = {"application": "desk_app:Desk", "tenant": "acme"}
SECRET = "whsec-of-the-account"  # noqa: S105 - a test's


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Have a port that is free, a disk that is not full, and an application to import."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "live"))
    monkeypatch.setenv("LISTEN_MIN_FREE_DISK", "0")
    with held_port() as free:
        monkeypatch.setenv("LISTEN_PORT", str(free))
        yield free


def serve_desk(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setenv("LISTEN_APPLICATIONS", json.dumps({"/desk": {**DESK, **changes}}))


def doctor(data_dir: Path) -> Ended:
    return run("doctor", "--data-dir", str(data_dir))


def made(data_dir: Path, tenant: str = "acme") -> NewCredential:
    return CredentialStore(data_dir).add(tenant)


def test_the_addresses_to_enter_are_told_for_both_transports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    new = made(tmp_path)
    serve_desk(monkeypatch)

    looked = doctor(tmp_path)

    assert looked.status == 0
    lines = looked.told.splitlines()
    for address in ("http://127.0.0.1:{}/desk", "http://127.0.0.1:{}/desk/call-status"):
        assert address.format(port) in lines
    assert f"ws://127.0.0.1:{port}/desk" in lines
    assert f"user {new.credential.user}" in looked.told


def test_the_addresses_are_public_where_the_settings_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    serve_desk(monkeypatch)
    monkeypatch.setenv("LISTEN_PUBLIC_WEB_URL", f"https://127.0.0.1:{port}/jambonz/")

    (one,) = look_at(tmp_path)

    assert one.web == f"https://127.0.0.1:{port}/jambonz/desk"
    assert one.socket == f"wss://127.0.0.1:{port}/jambonz/desk"
    assert [finding.level for finding in one.findings] == ["bad"]  # nobody answers


def test_an_address_without_a_name_is_told_though_nobody_knocks_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_desk(monkeypatch)
    monkeypatch.setenv("LISTEN_PUBLIC_WEB_URL", "https://[::1]")

    (one,) = look_at(tmp_path)

    assert one.socket == "wss://[::1]/desk"
    assert [finding.level for finding in one.findings] == ["warn"]


def test_nothing_secret_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = made(tmp_path)
    serve_desk(monkeypatch, secrets=[SECRET])
    monkeypatch.setenv("LISTEN_ROUTES", '{"/record/{vendor}": {}}')  # its lines have a password

    options = ("--user", new.credential.user, "--password", new.secret)
    looked = run("doctor", "--data-dir", str(tmp_path), *options)

    assert "must be signed with the webhook secret" in looked.told
    assert SECRET not in looked.told
    assert new.secret not in looked.told.partition("\nFor application /desk")[2]


def test_an_application_without_a_credential_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "other")
    serve_desk(monkeypatch)

    looked = doctor(tmp_path)

    assert looked.status == 1
    assert "no credential lets jambonz in; `listen-server credentials add acme`" in looked.told


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("no_such_module:Desk", "cannot be imported (ModuleNotFoundError"),
        ("desk_app:Nobody", "cannot be imported (AttributeError"),
        ("json:JSONDecoder", "is no subclass of CallApplication"),
        ("desk_app:Needy", "cannot be made, without arguments (TypeError"),
        ("desk_app:Silent", "Silent has no on_call"),
    ],
)
def test_an_application_that_cannot_be_served_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, says: str
) -> None:
    serve_desk(monkeypatch, application=place)

    looked = doctor(tmp_path)

    assert looked.status == 1
    assert says in looked.told
    assert "calling webhook" not in looked.told


def test_all_applications_that_cannot_be_served_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"/a": {**DESK, "application": "none:A"}, "/b": {**DESK, "application": "none:B"}}
    monkeypatch.setenv("LISTEN_APPLICATIONS", json.dumps(wrong))

    assert doctor(tmp_path).told.count("BAD") == 2


async def test_an_application_that_answers_is_told_apart_from_one_that_does_not(
    tmp_path: Path,
) -> None:
    new = await asyncio.to_thread(made, tmp_path)
    given = Credential(new.credential.user, new.secret)
    apart = {"/desk": DESK, "/shop": DESK}
    ready = await asyncio.to_thread(
        lambda: settings(tmp_path, open=False, applications={"/desk": DESK})
    )
    async with serving(ready) as server:
        where = {"open": False, "applications": apart, "port": server.port}
        asking, trying = await asyncio.to_thread(
            lambda: [found(tmp_path, auth, **where) for auth in (None, given)]
        )

    assert [one.level for one in asking] == ["ok", "bad"]
    assert asking[0].sentence.endswith("answers, and asks for a credential")
    assert [one.level for one in trying] == ["ok", "bad"]
    assert trying[0].sentence.endswith("/desk answers")
    assert "has no such application" in trying[1].sentence


def found(data_dir: Path, auth: Credential | None, **where: Any) -> list[Finding]:
    return [finding for one in look_at(data_dir, auth, **where) for finding in one.findings]


def look_at(data_dir: Path, auth: Credential | None = None, **changes: Any) -> list[Entrance]:
    return list(entrances(Look(App(settings(data_dir, **changes)), auth)))
