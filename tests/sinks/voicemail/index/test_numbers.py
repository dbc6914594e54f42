import hmac
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks import voicemail
from listen_sinks.voicemail.index.numbers import normal_form, number_key

SECRET, SALT = bytes(32), bytes(range(32))
KEY = number_key(SECRET, SALT)


@pytest.mark.parametrize(
    "spelling",
    [
        "+442079460000",
        "442079460000",
        "00442079460000",
        "+44 (0)20 7946-0000",
        "0044 20 7946 0000",
        "sip:+442079460000@sbc.example.com;user=phone",
        "tel:+44-20-7946-0000",
        " +44\u00a020\u20117946\u20110000 ",
        "\uff0b\uff14\uff14\uff12\uff10\uff17\uff19\uff14\uff16\uff10\uff10\uff10\uff10",
    ],
)
def test_one_number_is_found_in_every_spelling(spelling: str) -> None:
    assert normal_form(spelling) == "number:442079460000"


def test_a_national_number_stays_what_it_is() -> None:
    assert normal_form("020 7946 0000") == "number:02079460000"


def test_an_extension_is_a_number_and_a_name_is_a_name() -> None:
    assert normal_form("100") == "number:100"
    assert normal_form(" Anna.Schmidt ") == "name:anna.schmidt"
    assert normal_form("sip:Anna@example.com") == "name:anna"
    assert normal_form("anonymous") == "name:anonymous"


def test_a_caller_is_not_told_to_be_the_owner_of_a_mailbox() -> None:
    assert KEY.caller("+442079460000") != KEY.mailbox("+442079460000")


def test_two_tenants_and_two_installations_share_no_hash() -> None:
    number = "+442079460000"

    others = [number_key(SECRET, bytes(32)), number_key(bytes(range(1, 33)), SALT)]

    assert len({key.mailbox(number) for key in [KEY, *others]}) == 3


def test_a_key_shows_nothing_of_itself() -> None:
    assert repr(KEY) == "NumberKey()"


def test_a_secret_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        number_key(b"short", SALT)


def test_the_page_says_how_a_hash_is_made_to_the_byte() -> None:
    page = (Path(voicemail.__file__).parent / "FORMAT.md").read_text()
    label = re.findall(r'HMAC-SHA256\(secret 32, "(.+?)" 00 salt 32\)', page)[0].encode()
    secret, salt = bytes(range(32)), bytes(range(32, 64))
    key = hmac.digest(secret, label + b"\0" + salt, "sha256")
    examples = re.findall(
        r'^"(.+)" +form    (.+)\n +mailbox ([0-9a-f]{64})(?:\n +caller  ([0-9a-f]{64}))?$',
        page,
        re.MULTILINE,
    )

    assert "secret = 00 01 ... 1f    salt = 20 21 ... 3f" in page
    assert len(examples) == 2
    for address, form, mailbox, caller in examples:
        uses = {b"mailbox": mailbox, b"caller": caller}
        for use, told in uses.items():
            made = hmac.digest(key, use + b"\0" + form.encode(), "sha256").hex()
            assert told in (made, "")
        assert number_key(secret, salt).mailbox(address) == mailbox
        assert caller in ("", number_key(secret, salt).caller(address))


@given(st.text())
def test_every_text_has_a_hash(address: str) -> None:
    assert len(KEY.mailbox(address)) == len(KEY.caller(address)) == 64


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.data())
def test_where_somebody_puts_spaces_never_changes_the_hash(
    number: str, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(1, len(number) - 1), max_size=4))
    spaced = "".join(" " * (place in cuts) + digit for place, digit in enumerate(number))

    assert KEY.caller(f"+{spaced}") == KEY.caller(number) == KEY.caller(f"00{spaced}")
