import re
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.recording import sidecar
from listen_sinks.recording.naming import LONGEST_LABEL, ObjectNames, safe_label
from listen_sinks.testing import make_call

SAFE = re.compile(r"(?:[0-9A-Za-z](?:[0-9A-Za-z_-]*[0-9A-Za-z])?)?")


def names_of(call_sid: Any) -> tuple[ObjectNames, str]:
    call = make_call(call_sid=call_sid)
    return ObjectNames(sidecar.begun(call, "stream")), call.stream_id


@pytest.mark.parametrize(
    ("call_sid", "label"),
    [
        ("7b0c7a52-0d1f-4b36-9f5e-0a4f6f2b1c11", "7b0c7a52-0d1f-4b36-9f5e-0a4f6f2b1c11"),
        ("CA_0123456789abcdef", "CA_0123456789abcdef"),
        ("../../../../etc/passwd", "etc_passwd"),
        ("..", ""),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("a/b\\c d\x00e\nf", "a_b_c_d_e_f"),
        ("%2e%2e%2fx", "2e_2e_2fx"),
        ("grüße\u202e@host", "gr_e_host"),
        ("\ud83d", ""),
        ("١٢٣", ""),  # digits, but not ASCII
        ("x" * 10_000, "x" * 64),
        ("x" * 63 + "--y", "x" * 63),
        ("", ""),
        (None, ""),
        (17, ""),
        (["x"], ""),
    ],
)
def test_a_label_is_plain_whatever_it_is_made_of(call_sid: Any, label: str) -> None:
    assert safe_label(call_sid) == label


@given(call_sid=st.text(st.characters()))
def test_no_call_sid_leads_out_of_the_folder_of_the_day(call_sid: str) -> None:
    names, stream_id = names_of(call_sid)

    label = safe_label(call_sid)
    assert SAFE.fullmatch(label)
    assert len(label) <= LONGEST_LABEL
    for name in (names.sidecar, names.audio(f"{stream_id}.wav")):
        path = PurePosixPath(name)
        assert re.fullmatch(r"\d{4}/\d\d/\d\d", str(path.parent))
        assert path.stem == (f"{label}-{stream_id}" if label else stream_id)


@given(call_sids=st.lists(st.text(st.characters()), min_size=2, max_size=2))
def test_two_streams_never_share_a_name(call_sids: list[str]) -> None:
    one, other = (names_of(call_sid)[0] for call_sid in call_sids)

    assert one.sidecar != other.sidecar


def test_a_call_of_which_nothing_is_known_has_a_name() -> None:
    document = sidecar.unknown("01KG8Z0000000000000000000A", make_call().started_at)

    assert ObjectNames(document).stem == "01KG8Z0000000000000000000A"


def test_the_sidecar_names_files_as_they_are_called_beside_it() -> None:
    call = make_call(call_sid="some call")
    document = sidecar.begun(call, "channel")
    local = [{"name": f"{call.stream_id}-ch{n}.wav", "bytes": 44} for n in (0, 1)]
    sidecar.keep(document, [file | {"first_frame": 0, "frames": 0} for file in local], "wav")

    named = ObjectNames(document).in_sidecar(document)

    names = [file["name"] for file in named["files"]]
    assert names == [f"some_call-{call.stream_id}-ch{n}.wav" for n in (0, 1)]
    assert named | {"files": document["files"]} == document
