"""Tokens: they open for their purpose, for a while, unaltered, or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from listen_server.voicemail.tokens import Tokens

SECRET = bytes(range(32))


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_sealed_is_what_opens() -> None:
    tokens = Tokens(SECRET)

    token = tokens.seal("audio", {"m": "01", "s": 1.5}, 60)

    assert tokens.open("audio", token) == {"m": "01", "s": 1.5}


def test_another_process_with_the_same_secret_opens_it() -> None:
    assert Tokens(SECRET).open("audio", Tokens(SECRET).seal("audio", {"m": 1}, 60)) == {"m": 1}
    assert Tokens(bytes(32)).open("audio", Tokens(SECRET).seal("audio", {"m": 1}, 60)) is None


def test_a_token_is_for_one_purpose() -> None:
    tokens = Tokens(SECRET)

    assert tokens.open("state", tokens.seal("audio", {}, 60)) is None


def test_a_token_that_is_old_does_not_open() -> None:
    clock = Clock()
    tokens = Tokens(SECRET, clock)
    token = tokens.seal("audio", {}, 60)

    clock.now += 59.9
    assert tokens.open("audio", token) == {}
    clock.now += 0.2
    assert tokens.open("audio", token) is None


def test_a_token_tells_nothing_of_what_is_in_it() -> None:
    token = Tokens(SECRET).seal("audio", {"mailbox": "01M7WR0000000000000000000"}, 60)

    assert "01M7WR" not in token
    assert token != Tokens(SECRET).seal("audio", {"mailbox": "01M7WR0000000000000000000"}, 60)


def test_a_token_has_one_spelling() -> None:
    tokens = Tokens(SECRET)
    token = next(
        one for one in (tokens.seal("audio", {"m": "x" * n}, 60) for n in range(40)) if "=" in one
    )
    cut = token.index("=")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters[letters.index(token[cut - 1]) + 1]  # another in the bits that nobody reads

    assert tokens.open("audio", token) is not None
    assert tokens.open("audio", token[: cut - 1] + last + token[cut:]) is None


@given(at=st.integers(0, 10_000), character=st.characters())
def test_a_token_that_was_altered_does_not_open(at: int, character: str) -> None:
    tokens = Tokens(SECRET)
    token = tokens.seal("audio", {"m": "01"}, 60)
    at %= len(token)
    altered = token[:at] + character + token[at + 1 :]

    assert tokens.open("audio", altered) == ({"m": "01"} if altered == token else None)


@given(st.text(max_size=300))
def test_whatever_is_no_token_does_not_open(text: str) -> None:
    assert Tokens(SECRET).open("audio", text) is None
    assert Tokens(SECRET).open("audio", text * 100) is None
