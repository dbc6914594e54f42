"""Passes: who has one says by it, and by nothing else, what its stream is for."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from listen_server.credentials import MAX_PER_TENANT, CredentialStore
from listen_server.passes import (
    LIFETIME,
    PURPOSE,
    SKEW,
    Kind,
    Pass,
    PassCheck,
    Passes,
    looks_like_pass,
)
from listen_sinks import voicemail
from listen_sinks.voicemail.index.own_secrets import derived

SECRET = bytes(range(32))
NOW = 1_780_000_000.0
LONGEST_TENANT = "a" * 23
JAMBONZ_TAKES = 90  # bytes of user, colon and password

ULIDS = st.binary(min_size=10, max_size=10).map(
    lambda random: str(ULID((int(NOW * 1000)).to_bytes(6, "big") + random))
)
GRANTED = st.builds(
    Pass,
    tenant=st.from_regex(r"[a-z0-9][a-z0-9-]{0,22}", fullmatch=True),
    mailbox=st.binary(min_size=16, max_size=16).map(lambda data: str(ULID(data))),
    ticket=ULIDS,
    kind=st.sampled_from(["message", "greeting"]),
)


def at(moment: float) -> Callable[[], float]:
    return lambda: moment


def some(kind: Kind = "message", tenant: str = "acme", moment: float = NOW) -> Pass:
    return Pass(tenant, str(ULID()), str(ULID.from_timestamp(moment)), kind)


@given(granted=GRANTED)
def test_a_pass_says_what_it_was_made_for_in_no_more_than_jambonz_takes(granted: Pass) -> None:
    passes = Passes(SECRET, at(NOW))

    user, password = passes.issue(granted)

    assert passes.check(user, password) == granted
    assert looks_like_pass(user)
    assert len(f"{user}:{password}".encode()) <= JAMBONZ_TAKES


def test_a_pass_is_as_the_format_says() -> None:
    secret = derived(SECRET, PURPOSE)
    granted = Pass("acme", "01KA0000000000000000000001", "01KB0000000000000000000002")

    issued = Passes(secret).issue(granted)

    assert issued == (
        "acme~mAZqAAAAAAAAAAAAAAAAAAQAZrAAAAAAAAAAAAAAAAAAg",
        "z6MfH7n41mHtBXs-",
    )
    page = (Path(voicemail.__file__).parent / "FORMAT.md").read_text()
    assert all(value in page for value in (secret.hex(), *issued))


@given(granted=GRANTED, data=st.data())
def test_one_other_character_anywhere_makes_it_no_pass(granted: Pass, data: st.DataObject) -> None:
    passes = Passes(SECRET, at(NOW))
    user, password = passes.issue(granted)
    whole = f"{user}:{password}"
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda one: one != whole[place]))

    altered = f"{whole[:place]}{other}{whole[place + 1 :]}"

    assert passes.check(*altered.split(":", 1) if ":" in altered else (altered, "")) is None


@given(user=st.text(max_size=99), password=st.text(max_size=40))
def test_whatever_somebody_sends_is_a_pass_or_none(user: str, password: str) -> None:
    assert Passes(SECRET, at(NOW)).check(user, password) is None


@pytest.mark.parametrize(
    ("age", "good"),
    [(-SKEW - 1, False), (-SKEW + 1, True), (0, True), (LIFETIME, True), (LIFETIME + 1, False)],
)
def test_a_pass_lasts_a_quarter_of_an_hour(age: float, good: bool) -> None:  # noqa: FBT001 - a table
    granted = some()
    user, password = Passes(SECRET).issue(granted)

    assert Passes(SECRET, at(NOW + age)).check(user, password) == (granted if good else None)


def test_a_pass_of_another_installation_is_none() -> None:
    user, password = Passes(bytes(32), at(NOW)).issue(some())

    assert Passes(SECRET, at(NOW)).check(user, password) is None


def test_the_password_of_one_tenant_is_none_for_another() -> None:
    passes = Passes(SECRET, at(NOW))
    user, password = passes.issue(some(tenant="acme"))

    assert passes.check(user.replace("acme~", "evil~"), password) is None


@pytest.mark.parametrize("tenant", ["", "Acme", "a" * 24, "a~b", "a.b", "-a"])
def test_no_pass_is_made_for_a_tenant_that_no_credential_can_have(tenant: str) -> None:
    with pytest.raises(ValueError, match="tenant"):
        Passes(SECRET).issue(some(tenant=tenant))


def test_no_credential_looks_like_a_pass(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)

    made = [store.add(LONGEST_TENANT) for _ in range(MAX_PER_TENANT)]

    assert not any(looks_like_pass(one.credential.user) for one in made)


class Plugin:
    """A sink's plugin with a secret, once it is open."""

    def __init__(self, secret: bytes | None) -> None:
        self.secret = secret

    def derive(self, purpose: str) -> bytes | None:
        assert purpose == "passes"
        return self.secret


def test_a_route_takes_the_passes_of_its_own_sinks_when_they_are_open() -> None:
    mine, other = Plugin(None), Plugin(secrets.token_bytes(32))
    check = PassCheck([object(), other, mine], at(NOW))
    user, password = Passes(SECRET, at(NOW)).issue(granted := some("greeting"))

    before = check(user, password)
    mine.secret = SECRET

    assert before is None
    assert check(user, password) == granted
    assert PassCheck([object(), other], at(NOW))(user, password) is None
    assert granted.granted == {
        "mailbox": granted.mailbox,
        "ticket": granted.ticket,
        "kind": "greeting",
    }
