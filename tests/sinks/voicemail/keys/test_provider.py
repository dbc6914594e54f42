import json

from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.voicemail.keys.provider import context_bytes

contexts = st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=4)


def test_a_context_is_encoded_as_the_page_says() -> None:
    context = {"version": "1", "mailbox": "01KB0000000000000000000MBX", "ü": '"'}

    encoded = context_bytes(context)

    expected = rb'{"mailbox":"01KB0000000000000000000MBX","version":"1","\u00fc":"\""}'
    assert encoded == expected


@given(one=contexts, other=contexts)
def test_two_contexts_have_the_same_bytes_only_if_they_say_the_same(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert (context_bytes(one) == context_bytes(other)) == (one == other)
    assert json.loads(context_bytes(one)) == one
