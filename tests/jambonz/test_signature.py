"""`Jambonz-Signature`: jambonz's own bytes, now, under one of our secrets, and nothing else."""

import hashlib
import hmac

import pytest

from listen_server.jambonz.signature import WINDOW, is_signed, sign

BODY = b'{"call_sid":"7b0c7a52"}'
NOW = 1_750_000_000
OLD, NEW = "own-secret-old", "own-secret-new"


def test_the_header_is_made_as_jambonz_makes_it() -> None:
    digest = hmac.new(NEW.encode(), b"1750000000." + BODY, hashlib.sha256).hexdigest()

    assert sign(BODY, NEW, NOW) == f"t=1750000000,v1={digest}"


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_each_of_several_secrets_is_good(secret: str) -> None:
    assert is_signed(sign(BODY, secret, NOW), BODY, [OLD, NEW], now=NOW)


def test_one_byte_more_is_another_body() -> None:
    assert not is_signed(sign(BODY, NEW, NOW), BODY + b" ", [NEW], now=NOW)


def test_another_secret_is_not_ours() -> None:
    assert not is_signed(sign(BODY, "own-secret-else", NOW), BODY, [OLD, NEW], now=NOW)
    assert not is_signed(sign(BODY, NEW, NOW), BODY, [], now=NOW)


@pytest.mark.parametrize("off", [-WINDOW - 1, WINDOW + 1])
def test_the_window_has_two_sides(off: float) -> None:
    assert is_signed(sign(BODY, NEW, NOW), BODY, [NEW], now=NOW + off / 2)
    assert not is_signed(sign(BODY, NEW, NOW), BODY, [NEW], now=NOW + off)


def test_one_of_several_signatures_is_enough() -> None:
    header = f"{sign(BODY, NEW, NOW)},v1={'0' * 64}"

    assert is_signed(header, BODY, [NEW], now=NOW)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=1750000000",
        f"v1={'0' * 64}",
        f"t=1750000000,v1={'0' * 64}",
        f"t=x,v1={'0' * 64}",
        f"t=-1750000000,v1={'0' * 64}",
        f"t={'1' * 5000},v1={'0' * 64}",
        f"t=1,t=1750000000,v1={'0' * 64}",
        f"t=\u0661,v1={'0' * 64}",
        "t=1750000000,v1=\u00e9",
    ],
)
def test_no_other_header_is_one(header: str | None) -> None:
    assert not is_signed(header, BODY, [NEW], now=NOW)
