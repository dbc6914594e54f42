"""The listen protocol, without a network."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conversation import CONVERSATIONS, Conversation, describe, fields_of, read_conversation
from hypothesis import given
from hypothesis import strategies as st

from listen_codecs.formats import AudioFormat
from listen_codecs.pcm import deinterleave, interleave
from listen_server.errors import MessageTooLarge, PeerError
from listen_server.events import AudioReceived, CallEnded, CallStarted, Event, TextIgnored
from listen_server.protocol import MAX_MESSAGE, ListenProtocol

MONO = AudioFormat(8000, "mono")
METADATA = '{"sampleRate":8000,"mixType":"stereo","callSid":"c1"}'


def replay(conversation: Conversation) -> list[Event]:
    protocol = ListenProtocol(conversation.route)
    events: list[Event] = []
    for step in conversation.steps:
        match step.kind:
            case "text":
                events += protocol.receive_text(step.text)
            case "audio":
                events += protocol.receive_bytes(b"".join(step.pieces))
            case _:
                events += protocol.disconnected(clean=step.code == 1000)
    return events


def account(events: list[Event]) -> list[str]:
    """Say what came of a conversation, in the words of its file."""
    lines: list[str] = []
    flags: list[str] = []
    frames = 0
    started = False
    for event in events:
        match event:
            case CallStarted():
                started = True
                lines.append(f"metadata {event.quality}")
                lines.append(f"format {event.format.sample_rate} {event.format.mix}")
                flags.extend(event.flags)
            case AudioReceived():
                frames += event.block.shape[1]
            case TextIgnored():
                lines.append(f"ignored {event.cause}")
            case CallEnded():
                flags.extend(event.flags)
                ending = f"outcome {'complete' if event.clean else 'interrupted'}"
            case _:
                lines.append(describe(event))
    if not started:
        return ["nothing"]
    return [*lines, *(f"flag {flag}" for flag in flags), f"frames {frames}", ending]


@pytest.mark.parametrize("file", CONVERSATIONS, ids=lambda file: file.stem)
def test_a_conversation_is_understood(file: Path) -> None:
    conversation = read_conversation(file)

    events = replay(conversation)

    expected = [line for line in conversation.expected if not line.startswith("field")]
    assert sorted(account(events)) == sorted(expected)
    assert [line for line in account(events) if line.startswith("event")] == [
        line for line in expected if line.startswith("event")
    ]
    for event in events:
        if isinstance(event, CallStarted):
            assert not fields_of(conversation.expected, event.attributes)


@pytest.mark.parametrize("file", CONVERSATIONS, ids=lambda file: file.stem)
def test_every_sample_of_a_conversation_arrives(file: Path) -> None:
    conversation = read_conversation(file)

    events = replay(conversation)

    blocks = [event.block for event in events if isinstance(event, AudioReceived)]
    received = b"".join(interleave(block) for block in blocks)
    assert received == conversation.audio[: len(received)]
    assert len(conversation.audio) - len(received) < 4


@given(audio=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400)))
def test_where_the_network_cuts_the_stream_never_changes_the_audio(
    audio: bytes, cuts: list[int]
) -> None:
    protocol = ListenProtocol(MONO)
    borders = sorted({0, len(audio), *(cut for cut in cuts if cut < len(audio))})

    events = protocol.receive_text(METADATA)
    for start, end in pairwise(borders):
        events += protocol.receive_bytes(audio[start:end])

    blocks = [event.block for event in events if isinstance(event, AudioReceived)]
    received = np.concatenate([np.empty((2, 0), np.int16), *blocks], axis=1)
    whole = deinterleave(audio[: len(audio) // 4 * 4], 2)
    assert np.array_equal(received, whole)


MESSAGES = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=60),
    st.sampled_from(
        [
            METADATA,
            METADATA + "'",
            '{"event":"dtmf","dtmf":"5"}',
            '{"type":"mark","data":{"name":7}}',
            '{"type":"playDone","data":[]}',
            '{"type":["mark"]}',
            '{"event":"dtmf","dtmf":"5","duration":"99999999999999999999"}{"a":1}x',
            "[" * 5000,
            b"\x00" * (MAX_MESSAGE + 1),
        ]
    ),
)


@given(st.lists(MESSAGES, max_size=12), st.booleans(), st.booleans())
def test_any_texts_and_bytes_in_any_order_give_events_or_a_peer_error(
    messages: list[str | bytes],
    clean: bool,  # noqa: FBT001 - drawn by hypothesis
    gives_up_waiting: bool,  # noqa: FBT001 - the same
) -> None:
    protocol = ListenProtocol(MONO)
    events: list[Event] = []
    for message in messages:
        try:
            if isinstance(message, str):
                events += protocol.receive_text(message)
            else:
                events += protocol.receive_bytes(message)
        except PeerError:
            break
        if gives_up_waiting:
            events += protocol.start_without_metadata()
    events += protocol.disconnected(clean=clean)

    starts = [isinstance(event, CallStarted) for event in events]
    assert starts.count(True) <= 1
    assert not any(isinstance(e, AudioReceived) for e in events[: [*starts, True].index(True)])
    assert isinstance(events[-1], CallEnded)


def test_a_message_larger_than_any_of_jambonz_ends_the_connection() -> None:
    protocol = ListenProtocol(MONO, max_message=2_000_000)

    with pytest.raises(MessageTooLarge, match="2000001 bytes") as raised:
        protocol.receive_bytes(bytes(2_000_001))

    assert raised.value.close_code == 1009


def test_the_end_is_told_once() -> None:
    protocol = ListenProtocol(MONO)
    protocol.receive_text(METADATA)

    assert len(protocol.disconnected(clean=True)) == 1
    assert protocol.disconnected(clean=False) == []


def test_audio_is_read_only_so_that_sinks_can_share_it() -> None:
    protocol = ListenProtocol(MONO)
    protocol.receive_text(METADATA)

    events = protocol.receive_bytes(bytes(640))

    assert isinstance(events[0], AudioReceived)
    assert not events[0].block.flags.writeable
