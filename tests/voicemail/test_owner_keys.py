"""Whatever keys an owner presses: something is said, nothing fails, nothing of others is heard."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from voicemail_phone import MOST, Phone
from voicemail_theatre import Stage, opened

PIN: Final = "4711"
MORE: Final = ("", PIN, "8026", "8026", "1111", "*", "100", "200", "999", "0" * 30)
KEYS: Final = st.lists(
    st.tuples(st.sampled_from(["", *"0123456789*#"]), st.sampled_from(MORE)), max_size=25
)


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A mailbox with a bit of everything, beside one of somebody else."""
    folder = tmp_path_factory.mktemp("keys")
    async with opened(folder) as theatre:
        made = Stage(theatre, "keys", folder, {"call_back_prefixes": ["+1555"]})
        await made.mailbox("100", "+15550100001", pin=PIN)
        await made.mailbox("200", "+15550100002", pin="8027")
        await made.rule("100", "call_back", "yes")
        for box, state in (
            *(("200", ""), ("100", ""), ("200", "saved"), ("100", ""), ("100", "saved")),
            *(("100", "heard"), ("200", "deleted"), ("100", "deleted"), ("100", "")),
        ):
            await made.message(0.1, "+15550100007", box, state)
        yield made


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(keys=KEYS, knows_number=st.booleans(), must_change=st.booleans())
async def test_no_keys_end_in_silence_fail_or_open_another_mailbox(
    *, stage: Stage, keys: list[tuple[str, str]], knows_number: bool, must_change: bool
) -> None:
    mailbox = stage.boxes["100"].key.public.mailbox
    await (await stage.pins()).set(mailbox, PIN, must_change=must_change)
    phone = Phone(stage, "+15550100001" if knows_number else "+15550100055")

    await phone.ring(*([] if knows_number else ["100"]), PIN)
    for key, more in [*keys, *([("", "")] * MOST)]:
        match phone.asked:
            case None:
                break
            case {"verb": "listen"} if key:
                await phone.record(mailbox)
            case {"verb": "gather", "numDigits": 1} | {"verb": "dial" | "listen" | "redirect"}:
                await phone.press(key)
            case _:
                await phone.press(more)

    assert phone.asked is None, "a silent caller does not hear good-bye"
    assert not any("gone wrong" in said or "cannot be reached" in said for said in phone.heard)
    others = {stage.messages[number][0] for number in (0, 2, 6)}
    assert not others.intersection(phone.messages)
