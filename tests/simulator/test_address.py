import pytest

from listen_server.simulator.address import Address, misreading, parse_address
from listen_server.simulator.errors import CallError


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("ws://127.0.0.1:3000/listen", (False, "127.0.0.1", 3000, "/listen")),
        ("wss://example.org/listen", (True, "example.org", 443, "/listen")),
        ("http://example.org", (False, "example.org", 80, "/")),
        ("HTTPS://example.org:8443", (True, "example.org", 8443, "/")),
        # The example of jambonz's verb reference has its port behind the path.
        ("wss://example.org/calls/7:4433", (True, "example.org", 443, "/calls/7:4433")),
        ("ws://example.org/a%20b?x=%2F&y", (False, "example.org", 80, "/a%20b?x=%2F&y")),
        ("ws://example.org:/listen", (False, "example.org", 80, "/listen")),
        # What jambonz gets wrong
        ("ws://example.org:3000?x=1", (False, "3000?x=1", 80, "/")),
        ("ws://me:secret@example.org/listen", (False, "secret@example.org", 80, "/listen")),
        ("ws://[::1]:3000/listen", (False, "1]", 3000, "/listen")),
    ],
)
def test_a_url_is_read_as_jambonz_reads_it(url: str, read: tuple[bool, str, int, str]) -> None:
    assert parse_address(url) == Address(*read)


@pytest.mark.parametrize("url", ["example.org/listen", "Wss://example.org", "ftp://example.org"])
def test_a_scheme_that_jambonz_does_not_know_is_an_error_with_a_fix(url: str) -> None:
    with pytest.raises(CallError, match="start it with ws or wss"):
        parse_address(url)


def test_a_port_that_no_machine_has_is_an_error() -> None:
    with pytest.raises(CallError, match="names port 99999; there are 65535 of them"):
        parse_address("ws://h:99999/")


def test_a_url_without_a_host_is_an_error() -> None:
    with pytest.raises(CallError, match="no host"):
        parse_address("ws://")


@pytest.mark.parametrize(
    "url",
    ["wss://h.org/calls/7:4433", "ws://h.org:3000?x=1", "ws://me:x@h.org/a", "ws://[::1]:80/"],
)
def test_a_url_that_others_would_read_differently_is_worth_a_note(url: str) -> None:
    assert "jambonz reads this url as host" in (misreading(url, parse_address(url)) or "")


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:3000/listen", "wss://Example.org/a?b=c:d", "ws://h"]
)
def test_a_plain_url_is_worth_no_note(url: str) -> None:
    assert misreading(url, parse_address(url)) is None
