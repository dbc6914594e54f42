import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from listen_codecs import SAMPLE_RATES, AudioFormat, Demux

README = (Path(__file__).parents[2] / "codecs" / "README.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```(\w+)(?: (\w+))?\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
HEX = re.compile(r"((?:[0-9a-f]{2} )*[0-9a-f]{2})(?:$|  )")


class Frame(NamedTuple):
    opcode: int
    payload: bytes


class Decoder:
    """RFC 6455, section 5.2, for whole masked frames."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, data: bytes) -> list[Frame]:
        self._bytes += data
        return list(self._frames())

    def _frames(self) -> Iterator[Frame]:
        while len(self._bytes) >= 2 and len(self._bytes) >= sum(self._header()):
            start, size = self._header()
            assert self._bytes[0] & 0xF0 == 0x80, "final, and no extension"
            assert self._bytes[1] & 0x80, "masked"
            mask, masked = self._bytes[start - 4 : start], self._bytes[start : start + size]
            payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
            yield Frame(self._bytes[0] & 0x0F, payload)
            self._bytes = self._bytes[start + size :]

    def _header(self) -> tuple[int, int]:
        """Where the payload starts, and its size."""
        wide = {126: 2, 127: 8}.get(self._bytes[1] & 0x7F, 0)
        size = int.from_bytes(self._bytes[2 : 2 + wide], "big") if wide else self._bytes[1] & 0x7F
        return 2 + wide + 4, size


def header_of(size: int) -> bytes:
    """The header of a binary frame, up to its mask."""
    if size < 126:
        return bytes([0x82, 0x80 | size])
    wide, code = (2, 126) if size < 65536 else (8, 127)
    return bytes([0x82, 0x80 | code]) + size.to_bytes(wide, "big")


def hex_of(line: str) -> bytes:
    found = HEX.match(line)
    return bytes.fromhex(found[1]) if found else b""


def fences(kind: str) -> list[tuple[str, list[str]]]:
    return [(what, text.splitlines()) for name, what, text in FENCES if name == kind]


def without_comment(line: str) -> str:
    return re.split(r"  +", line.removeprefix("=").strip())[0]


def check(frame: Frame, claim: str, demux: Demux) -> None:
    """Hold one line that begins with `=` against the frame above it."""
    if claim.startswith("["):
        assert demux.feed(frame.payload).tolist() == ast.literal_eval(claim)
    elif claim.startswith("{"):
        assert (frame.opcode, frame.payload.decode()) == (1, claim)
    elif claim.startswith("close"):
        assert (frame.opcode, int.from_bytes(frame.payload, "big")) == (8, int(claim.split()[1]))
    else:
        assert (frame.opcode, frame.payload) == (2, bytes.fromhex(claim))


WHOLE = [fence for fence in fences("hex") if "... and so on" not in fence[1][-1]]


@pytest.mark.parametrize(("mix", "lines"), WHOLE, ids=range(len(WHOLE)))
def test_the_hex_of_the_page_means_what_the_page_says(mix: str, lines: list[str]) -> None:
    demux = Demux(AudioFormat(8000, "stereo" if mix == "stereo" else "mono"))
    decoder = Decoder()
    frame: Frame | None = None

    for line in lines:
        if line.startswith("="):
            assert frame
            check(frame, without_comment(line), demux)
        else:
            (frame,) = decoder.feed(hex_of(line)) or (None,)

    assert demux.pending == 0
    assert lines[-1].startswith("=")


def test_the_page_has_all_kinds_of_frames() -> None:
    claims = [line for _, lines in WHOLE for line in lines if line.startswith("=")]

    assert {mix for mix, _ in WHOLE} == {"mono", "stereo", ""}
    assert sum("[" in claim for claim in claims) == 5
    assert sum("dtmf" in claim or "close" in claim for claim in claims) == 2


def test_the_metadata_frame_is_the_json_above_it() -> None:
    ((_, [text]),) = fences("json")
    (lines,) = [lines for _, lines in fences("hex") if "... and so on" in lines[-1]]
    shown = b"".join(hex_of(line) for line in lines if not line.startswith("="))

    mask = shown[4:8]
    rest = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text.encode()))
    (frame,) = Decoder().feed(shown[:8] + rest)

    assert frame == Frame(1, text.encode())
    assert (shown[:8] + rest).startswith(shown)
    assert text.startswith(without_comment(lines[-1]))
    assert f"= {len(text)} bytes" in lines[0]


def test_every_packet_has_the_header_that_the_table_gives_it() -> None:
    cells = r"(\d+) bytes \| `(.*)`"
    rows = re.findall(rf"^\| (\d+) \| {cells} \| {cells} \|$", README, re.MULTILINE)

    assert [int(row[0]) for row in rows] == list(SAMPLE_RATES)
    for rate, mono, mono_header, stereo, stereo_header in rows:
        assert int(mono) == int(rate) // 50 * AudioFormat(int(rate), "mono").frame_bytes
        assert int(stereo) == int(rate) // 50 * AudioFormat(int(rate), "stereo").frame_bytes
        assert header_of(int(mono)) == bytes.fromhex(mono_header)
        assert header_of(int(stereo)) == bytes.fromhex(stereo_header)


def test_frames_of_any_size_are_audio_with_every_channel_in_its_place() -> None:
    rows = re.findall(r"^\| .* \| (\d+) bytes \| `([^`]*)` \|$", README, re.MULTILINE)
    sizes = {int(size): bytes.fromhex(header) for size, header in rows if int(size) >= 255984}

    assert sorted(sizes) == [255984, 1280000]
    for size, header in sizes.items():
        (frame,) = Decoder().feed(header + bytes(4) + bytes.fromhex("01000200") * (size // 4))
        demux = Demux(AudioFormat(64000, "stereo"))
        said, heard = demux.feed(frame.payload)

        assert set(said.tolist()) == {1}
        assert set(heard.tolist()) == {2}
        assert demux.pending == 0


def test_a_real_server_gives_the_answer_of_the_page_to_the_handshake_of_the_page() -> None:
    request, answer = ("\r\n".join(lines).encode() + b"\r\n" for _, lines in fences("http"))
    server = ServerProtocol(subprotocols=[Subprotocol("audio.jambonz.org")])

    server.receive_data(request)
    (received,) = server.events_received()
    response = server.accept(received)  # type: ignore[arg-type]

    assert response.status_code == 101
    for line in answer.decode().splitlines()[1:-1]:
        name, value = line.split(": ")
        assert response.headers[name] == value


def test_the_handshake_lacks_what_the_real_client_lacks() -> None:
    (_, lines), _ = fences("http")
    names = [line.split(":")[0] for line in lines[1:-1]]

    assert lines[0].startswith("GET /")
    assert lines[-1] == ""
    assert names[-1] == "authorization"
    assert not {"User-Agent", "Sec-WebSocket-Extensions"} & set(names)


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    ((_, lines),) = fences("python")

    exec("\n".join(lines), {})  # noqa: S102  # the reader will run it too

    assert [len(line) for line in capsys.readouterr().out.splitlines()] == [72, 72]
