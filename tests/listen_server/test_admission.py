"""Who comes in and who does not: each refusal with its status, its reason and its sentence."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ulid import ULID

from listen_server.admission import Admission, Admitted, Refused, Request
from listen_server.credentials import CredentialStore, NewCredential, Scope, basic_header
from listen_server.passes import LIFETIME, Pass, Passes
from listen_server.settings import load_settings

JAMBONZ = "audio.jambonz.org"
PASSES = Passes(bytes(range(32)))
GRANTED = Pass("acme", str(ULID()), str(ULID()))


class Door:
    """An admission with a clock and a state of health that the test holds in its hands."""

    def __init__(self, data_dir: Path, **changes: Any) -> None:
        self.now = 0.0
        self.unavailable: str | None = None
        self.unavailable_to_sent: str | None = None
        self.passes: Callable[[str, str], Pass | None] | None = PASSES.check
        self.credentials = CredentialStore(data_dir)
        self.admission = Admission(
            load_settings(data_dir=data_dir, **changes),
            self.credentials,
            unavailable=lambda: self.unavailable,
            unavailable_to_sent=lambda: self.unavailable_to_sent,
            clock=lambda: self.now,
        )

    def knock(self, **request: Any) -> Admitted | Refused:
        return self.admission.decide(self.request(**request))

    def request(
        self,
        *,
        scope: Scope = "listen",
        subprotocols: tuple[str, ...] = (JAMBONZ,),
        authorization: bytes | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        address: str = "192.0.2.1",
        with_: NewCredential | None = None,
        wrong: str | None = None,
        passed: tuple[str, str] | None = None,
    ) -> Request:
        if with_:
            secret = with_.secret if wrong is None else wrong
            authorization = basic_header(with_.credential.user, secret).encode()
        if passed is not None:
            authorization = basic_header(*passed).encode()
        if authorization is not None:
            headers = (*headers, (b"authorization", authorization))
        return Request(scope, subprotocols, headers, address, self.passes)


@pytest.fixture
def door(tmp_path: Path) -> Callable[..., Door]:
    return lambda **changes: Door(tmp_path, **changes)


def refusal(decision: Admitted | Refused) -> tuple[int, str]:
    assert isinstance(decision, Refused)
    assert decision.sentence.endswith("\n")
    return decision.status, decision.reason


def headers_of(decision: Admitted | Refused) -> dict[bytes, bytes]:
    assert isinstance(decision, Refused)
    return dict(decision.headers)


def test_the_right_credential_names_the_tenant(door: Callable[..., Door]) -> None:
    at = door()
    made = at.credentials.add("acme", account_sid="AC1")

    assert at.knock(with_=made) == Admitted("acme", JAMBONZ, "AC1")


def test_the_first_subprotocol_that_is_spoken_here_is_echoed(door: Callable[..., Door]) -> None:
    at = door(open=True)

    decision = at.knock(subprotocols=("chat", "audio.drachtio.org", JAMBONZ))

    assert decision == Admitted("local", "audio.drachtio.org")


@pytest.mark.parametrize(
    ("offered", "told"),
    [((), "none"), (("chat",), "chat"), (("ws.jambonz.org", "chat"), "ws.jambonz.org")],
)
def test_another_subprotocol_is_refused_and_told(
    door: Callable[..., Door], offered: tuple[str, ...], told: str
) -> None:
    decision = door(open=True).knock(subprotocols=offered)

    assert refusal(decision) == (400, "subprotocol")
    assert isinstance(decision, Refused)
    assert decision.offered == told
    assert "audio.jambonz.org or audio.drachtio.org" in decision.sentence


def test_any_subprotocol_is_echoed_where_all_are_taken(door: Callable[..., Door]) -> None:
    at = door(open=True, subprotocol="any")

    assert at.knock(subprotocols=("chat", "more")) == Admitted("local", "chat")
    assert at.knock(subprotocols=()) == Admitted("local", None)


def test_without_a_credential_the_door_is_shut(door: Callable[..., Door]) -> None:
    at = door()
    at.credentials.add("acme")

    decision = at.knock()

    assert refusal(decision) == (401, "no credential")
    assert headers_of(decision)[b"www-authenticate"].startswith(b'Basic realm="listen-server"')
    assert isinstance(decision, Refused)
    assert "91 bytes" in decision.sentence


@pytest.mark.parametrize(
    "authorization", [b"", b"Basic", b"Basic \xff\xfe", b"Bearer YTpi", b"Basic YWJj", b"\x80"]
)
def test_a_header_that_cannot_be_read_is_refused(
    door: Callable[..., Door], authorization: bytes
) -> None:
    at = door()
    at.credentials.add("acme")

    decision = at.knock(authorization=authorization)

    assert refusal(decision) == (401, "unreadable credential")
    assert b"www-authenticate" in headers_of(decision)


def test_who_asks_the_api_without_a_credential_is_told_how_to_give_one(
    door: Callable[..., Door],
) -> None:
    at = door()
    at.credentials.add("acme")

    decision = at.admission.admit(at.request(scope="api", subprotocols=()))

    assert isinstance(decision, Refused)
    assert decision.status == 401
    assert "--user and LISTEN_API_PASSWORD" in decision.sentence
    assert "wsAuth" not in decision.sentence


def test_a_wrong_secret_and_an_unknown_user_are_refused_alike(door: Callable[..., Door]) -> None:
    at = door()
    made = at.credentials.add("acme")

    wrong = at.knock(with_=made, wrong="guess")
    unknown = at.knock(authorization=basic_header("nobody", "guess").encode())

    assert refusal(wrong) == (401, "wrong credential")
    assert wrong == unknown


def test_a_credential_opens_only_what_it_is_for(door: Callable[..., Door]) -> None:
    at = door()
    made = at.credentials.add("acme", ("record",))

    assert isinstance(at.knock(with_=made, scope="record"), Admitted)
    decision = at.knock(with_=made, scope="listen")
    assert refusal(decision) == (403, "scope")
    assert isinstance(decision, Refused)
    assert "listen" in decision.sentence


def test_guessing_is_answered_with_when_to_come_back(door: Callable[..., Door]) -> None:
    at = door()
    made = at.credentials.add("acme")

    answers = [refusal(at.knock(with_=made, wrong="guess")) for _ in range(11)]

    assert answers == [(401, "wrong credential")] * 10 + [(429, "guessing")]
    assert headers_of(at.knock(with_=made, wrong="guess")) == {b"retry-after": b"10"}
    at.now = 10.5
    assert refusal(at.knock(with_=made, wrong="guess")) == (401, "wrong credential")


def test_the_right_credential_is_never_refused_for_somebody_who_guesses(
    door: Callable[..., Door],
) -> None:
    at = door()
    made = at.credentials.add("acme")
    for _ in range(50):
        at.knock(with_=made, wrong="guess")

    assert isinstance(at.knock(with_=made), Admitted)


@pytest.mark.parametrize("why", ["draining", "starting", "disk nearly full"])
def test_a_server_that_is_not_ready_says_when_to_come_back(
    door: Callable[..., Door], why: str
) -> None:
    at = door(open=True)
    at.unavailable = why

    decision = at.knock()

    assert refusal(decision) == (503, why)
    assert headers_of(decision)[b"retry-after"].isdigit()
    assert isinstance(decision, Refused)
    assert why in decision.sentence


def test_a_full_server_takes_nobody_until_somebody_has_left(door: Callable[..., Door]) -> None:
    at = door(open=True, max_streams=2)
    for tenant in ("a", "b"):
        assert isinstance(at.knock(), Admitted)
        at.admission.entered(tenant)

    assert refusal(at.knock()) == (503, "full")
    assert b"retry-after" in headers_of(at.knock())

    at.admission.left("a")
    assert at.admission.active == 1
    assert isinstance(at.knock(), Admitted)


def test_a_tenant_that_has_its_share_does_not_take_that_of_others(
    door: Callable[..., Door],
) -> None:
    at = door(max_streams_per_tenant=1)
    acme, other = at.credentials.add("acme"), at.credentials.add("other")
    at.admission.entered("acme")

    assert refusal(at.knock(with_=acme)) == (503, "tenant full")
    assert isinstance(at.knock(with_=other), Admitted)


def test_a_stranger_does_not_learn_whether_the_server_is_full(door: Callable[..., Door]) -> None:
    at = door(max_streams=1)
    at.credentials.add("acme")
    at.admission.entered("acme")

    assert refusal(at.knock()) == (401, "no credential")


def test_tenants_that_have_left_take_no_memory(door: Callable[..., Door]) -> None:
    at = door(open=True)
    for number in range(100):
        at.admission.entered(str(number))
    for number in range(100):
        at.admission.left(str(number))

    assert at.admission.active == 0
    assert not at.admission._active


def test_an_open_server_takes_everybody_on_this_machine_and_ignores_credentials(
    door: Callable[..., Door],
) -> None:
    at = door(open=True)
    at.credentials.add("acme")

    assert at.knock() == Admitted("local", JAMBONZ)
    assert at.knock(authorization=b"Basic nonsense") == Admitted("local", JAMBONZ)


@pytest.mark.parametrize(
    "header", [b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via", b"x-forwarded-proto"]
)
@pytest.mark.parametrize("changes", [{"open": True}, {}])
def test_an_open_server_takes_nobody_whom_a_proxy_brings(
    door: Callable[..., Door], header: bytes, changes: dict[str, Any]
) -> None:
    decision = door(**changes).knock(headers=((header, b"203.0.113.7"),))

    assert refusal(decision) == (401, "forwarded without credential")
    assert isinstance(decision, Refused)
    assert "credentials add" in decision.sentence


def test_a_fresh_server_on_this_machine_is_open_until_there_is_a_credential(
    door: Callable[..., Door],
) -> None:
    at = door()
    assert at.admission.open
    assert isinstance(at.knock(), Admitted)

    at.credentials.add("acme")

    assert not at.admission.open
    assert refusal(at.knock()) == (401, "no credential")


def test_revoking_the_last_credential_does_not_open_the_door(door: Callable[..., Door]) -> None:
    at = door()
    at.credentials.revoke(at.credentials.add("acme").credential.user)

    assert not at.admission.open
    assert refusal(at.knock()) == (401, "no credential")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - that is the danger
def test_a_server_behind_a_proxy_is_never_open_by_itself(
    door: Callable[..., Door], host: str
) -> None:
    at = door(host=host, behind_tls_proxy=True)

    assert refusal(at.knock()) == (401, "no credential")


def test_what_a_request_says_is_not_in_its_repr(door: Callable[..., Door]) -> None:
    at = door()
    made = at.credentials.add("acme")
    request = at.request(with_=made)

    assert made.secret not in repr(request)
    assert basic_header(made.credential.user, made.secret) not in repr(request)
    assert "authorization" not in repr(request)


@pytest.mark.parametrize("everybody", [False, True])
@pytest.mark.parametrize("forwarded", [False, True])
def test_a_pass_opens_the_door_and_says_what_for(
    door: Callable[..., Door],
    everybody: bool,  # noqa: FBT001 - a table
    forwarded: bool,  # noqa: FBT001
) -> None:
    at = door(open=everybody)
    at.credentials.add("acme", account_sid="AC1")
    headers = ((b"x-forwarded-for", b"192.0.2.7"),) if forwarded else ()

    decision = at.knock(passed=PASSES.issue(GRANTED), headers=headers)

    assert decision == Admitted("acme", JAMBONZ, granted=GRANTED.granted)


def test_whom_this_server_has_sent_gets_in_while_it_drains_and_not_when_it_is_full(
    tmp_path: Path,
) -> None:
    at = Door(tmp_path, open=True)
    at.unavailable = "draining"

    assert isinstance(at.knock(), Refused)
    assert isinstance(at.knock(passed=PASSES.issue(GRANTED)), Admitted)

    at.unavailable_to_sent = "disk nearly full"
    assert isinstance(at.knock(passed=PASSES.issue(GRANTED)), Refused)


@pytest.mark.parametrize("everybody", [False, True])
def test_a_pass_that_is_old_altered_or_another_tenants_is_refused(
    door: Callable[..., Door],
    everybody: bool,  # noqa: FBT001 - a table
) -> None:
    at = door(open=everybody)
    at.credentials.add("acme")
    user, password = PASSES.issue(GRANTED)
    old = ULID.from_timestamp(time.time() - LIFETIME - 5)

    for wrong in (
        PASSES.issue(Pass("acme", GRANTED.mailbox, str(old))),
        (user, password[:-1] + ("A" if password[-1] != "A" else "B")),
        (user.replace("acme~", "evil~"), password),
        Passes(bytes(32)).issue(GRANTED),
    ):
        assert refusal(at.knock(passed=wrong)) == (401, "wrong pass")


def test_a_route_without_a_sink_that_makes_passes_takes_none(door: Callable[..., Door]) -> None:
    at = door()
    at.credentials.add("acme")
    at.passes = None

    assert refusal(at.knock(passed=PASSES.issue(GRANTED))) == (401, "wrong credential")


def test_a_pass_is_for_what_callers_say_and_no_other_stream(door: Callable[..., Door]) -> None:
    at = door()
    at.credentials.add("acme")

    assert refusal(at.knock(passed=PASSES.issue(GRANTED), scope="record")) == (403, "scope")


def test_guessing_passes_is_slowed_down_as_guessing_passwords_is(door: Callable[..., Door]) -> None:
    at = door()
    at.credentials.add("acme")

    def guess() -> Admitted | Refused:
        user, _ = PASSES.issue(Pass("acme", str(ULID()), str(ULID())))
        return at.knock(passed=(user, "A" * 16))

    answers = [refusal(guess()) for _ in range(11)]

    assert answers == [(401, "wrong pass")] * 10 + [(429, "guessing")]
    assert isinstance(at.knock(passed=PASSES.issue(GRANTED)), Admitted)


def test_a_pass_does_not_get_past_what_a_tenant_may_have_at_once(door: Callable[..., Door]) -> None:
    at = door(max_streams_per_tenant=1)
    at.credentials.add("acme")
    at.admission.entered("acme")

    assert refusal(at.knock(passed=PASSES.issue(GRANTED)))[0] == 503
