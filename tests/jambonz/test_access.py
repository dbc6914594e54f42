"""Who may bring hooks: all that is configured is asked for, and nothing is open by mistake."""

from typing import Any

import pytest
from starlette.requests import HTTPConnection

from listen_server.credentials import basic_header
from listen_server.jambonz import Access
from listen_server.jambonz.access import Peer

ACCESS = Access(users={"ann": "own-password", "eve": ""})


def connection(client: tuple[str, int] | None = ("127.0.0.1", 1), **headers: str) -> HTTPConnection:
    """Make a request."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "headers": raw, "client": client}
    return HTTPConnection(scope)


@pytest.mark.parametrize("client", [("10.0.0.5", 1), ("203.0.113.10", 1), ("testclient", 1), None])
def test_without_authentication_others_are_refused(client: Any) -> None:
    denied = Access().before_body(connection(client), signed=True)

    assert denied is not None
    assert denied.status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1"])
def test_without_authentication_this_machine_is_let_in(host: str) -> None:
    assert Access().before_body(connection((host, 1)), signed=True) is None


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:3000", "localhost.:80", "127.0.0.1:3000", "127.9.9.9", "[::1]:3000"],
)
def test_without_authentication_hooks_come_for_localhost(host: str) -> None:
    assert Access().before_body(connection(host=host), signed=True) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:3000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "10.0.0.5",
        "[::2]",
        "[::1",
        "",
    ],
)
def test_a_web_page_whose_name_leads_to_this_machine_brings_nothing(host: str) -> None:
    denied = Access().before_body(connection(host=host), signed=True)

    assert denied is not None
    assert denied.status == 403
    assert "set public_web_url" in denied.says


def test_a_name_that_is_said_to_be_this_machines_is_taken() -> None:
    access = Access(names=("desk.example",))

    assert access.before_body(connection(host="desk.example:3000"), signed=True) is None
    assert access.before_body(connection(host="evil.example"), signed=True)


def test_with_authentication_any_name_will_do() -> None:
    asked = connection(host="desk.example", authorization=basic_header("ann", "own-password"))

    assert ACCESS.before_body(asked, signed=True) is None


@pytest.mark.parametrize(
    "header",
    [
        "forwarded",
        "origin",
        "referer",
        "sec_fetch_site",
        "via",
        "x_forwarded_for",
        "x_forwarded_proto",
        "x_real_ip",
    ],
)
def test_a_proxy_or_a_web_page_on_this_machine_brings_others(header: str) -> None:
    assert Access().before_body(
        connection(("127.0.0.1", 1), **{header: "for=203.0.113.10"}), signed=True
    )


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !",
        "Bearer own-password",
        basic_header("ann", "own-password-2"),
        basic_header("bob", "own-password"),
        basic_header("ann", ""),
        "Basic " + "QQ" * 5000,
    ],
)
def test_no_other_header_is_the_right_user(header: str) -> None:
    denied = ACCESS.before_body(connection(authorization=header), signed=True)

    assert denied is not None
    assert denied.status == 401


def test_the_right_user_comes_from_anywhere() -> None:
    asked = connection(("203.0.113.10", 1), authorization=basic_header("ann", "own-password"))

    assert ACCESS.before_body(asked, signed=False) is None


def test_users_can_be_kept_elsewhere() -> None:
    access = Access(check=lambda user, password: (user, password) == ("bob", "own-password"))

    assert access.basic
    assert not access.before_body(
        connection(authorization=basic_header("bob", "own-password")), signed=False
    )
    assert access.before_body(connection(authorization=basic_header("bob", "x")), signed=False)


def test_whose_calls_they_are_the_credential_says() -> None:
    access = Access(check=lambda user, given: user if given == "own" else False, tenant="us")

    own, other = basic_header("bob", "own"), basic_header("bob", "x")

    assert access.peer(connection(authorization=own)).tenant == "bob"
    assert access.peer(connection(authorization=other)).tenant == "us"
    assert Access(users={"ann": "own"}).peer(connection()) == Peer(None, None)


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("app.example.com:8443", "http://app.example.com:8443"),
        ("[2001:db8::1]:80", "http://[2001:db8::1]:80"),
        ("evil.example.com/path", None),
        ("user@evil.example.com", None),
        ("", None),
    ],
)
def test_the_way_by_which_jambonz_has_come_is_known(host: str, base: str | None) -> None:
    assert Access().peer(connection(host=host)).base == base


def test_a_websocket_needs_a_user_where_only_secrets_are_configured() -> None:
    denied = Access(secrets=("own-secret",)).before_body(connection(), signed=False)

    assert denied is not None
    assert denied.status == 403


def test_a_repr_shows_no_secret() -> None:
    assert "own-" not in repr(Access(users={"ann": "own-password"}, secrets=("own-secret",)))
