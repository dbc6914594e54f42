"""What a server said, in words for a person."""

import pytest

from listen_server.simulator.errors import CallRefused
from listen_server.simulator.refusals import first_line, no_answer


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"Forbidden", "Forbidden"),
        (b"one\ntwo", "one"),
        (b"", ""),
        (b"\x1b[31mred\x07", "[31mred"),
        (b"\xff" * 5000, "\N{REPLACEMENT CHARACTER}" * 200),
    ],
)
def test_what_a_server_says_is_cut_to_a_printable_line(body: bytes, line: str) -> None:
    assert first_line(body) == line


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"", "the connection ended before the upgrade was answered; does a websocket server "),
        (
            b"220 mail ready\r\n",
            "what answers is no web server; does something else listen there, ",
        ),
        (
            b"HTTP/1.0 200 OK\r\n\r\nhi",
            "the server refused the call with 200 OK; it speaks HTTP/1.0",
        ),
        (b"HTTP/1.0 501 \r\n", "the server refused the call with 501; it speaks HTTP/1.0, which "),
        (b"HTTP/1.0 404 Not Found\r\n", "404 Not Found; does the server have a route for "),
    ],
)
def test_what_is_no_answer_is_told_by_what_came_instead(head: bytes, told: str) -> None:
    assert told in str(no_answer(head, credential=False))


@pytest.mark.parametrize("body", ["no.", "no;", "no:", "no"])
def test_a_servers_sentence_is_not_punctuated_twice(body: str) -> None:
    assert "404 Not Found: no; does" in str(CallRefused(404, "Not Found", body))


def test_whoever_gave_a_credential_is_not_told_to_give_one() -> None:
    without = str(CallRefused(401, "Unauthorized", ""))
    given = str(CallRefused(401, "Unauthorized", "", credential=True))

    assert "give the credential with --user and --password" in without
    assert "--user" not in given
    assert "not revoked?" in given


@pytest.mark.parametrize(
    ("status", "hint"), [(307, "follows no redirect"), (429, "wait"), (502, "the proxy in front")]
)
def test_what_jambonz_does_or_the_operator_can_is_said(status: int, hint: str) -> None:
    assert hint in str(CallRefused(status, "", ""))
