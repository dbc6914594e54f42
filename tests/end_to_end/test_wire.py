"""One call as jambonz's media server puts it on the wire, byte for byte, over a bare socket."""

import re
import socket
import struct
from pathlib import Path

import numpy as np
from process import ServerProcess, finished_calls, server_process

from listen_codecs.files import read_audio

REQUEST = (
    b"GET /listen/calls/271314e6:4433?token=a%2Fb HTTP/1.1\r\n"
    b"Pragma: no-cache\r\n"
    b"Cache-Control: no-cache\r\n"
    b"Host: 127.0.0.1\r\n"
    b"Origin: http://127.0.0.1\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: audio.jambonz.org\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"authorization: Basic bGVmdDpvdmVy\r\n"
    b"\r\n"
)
METADATA = (
    b'{"sampleRate":8000,"mixType":"stereo","callSid":"7b0c7a52-0d1f-4b36-9f5e-0a4f6f2b1c11",'
    b'"direction":"inbound","from":"+15551230001","to":"+15551230002","sipStatus":200}'
)
KEY_PRESSED = b'{"event":"dtmf","dtmf":"5","duration":"1600"}'
MASK = bytes([0x12, 0x34, 0x56, 0x78])
CLOSE = struct.pack(">H", 1000)  # and no reason


def frame(opcode: int, payload: bytes) -> bytes:
    """FIN, masked, never fragmented, no extension: the only form that jambonz sends."""
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | opcode, 0x80 | size])
    elif size < 65536:
        head = bytes([0x80 | opcode, 0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, 0x80 | 127]) + size.to_bytes(8, "big")
    masked = bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))
    return head + MASK + masked


def upgrade(server: ServerProcess) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101 ")
    head = answer.lower()
    assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n" in head
    assert b"sec-websocket-protocol: audio.jambonz.org\r\n" in head
    assert b"sec-websocket-extensions" not in head
    return connection


def test_a_call_as_jambonz_puts_it_on_the_wire(tmp_path: Path) -> None:
    samples = np.arange(2 * 160 * 64, dtype="<i2")  # two channels, 64 packets
    packets = [samples[i : i + 320].tobytes() for i in range(0, samples.size, 320)]
    backlog = b"".join(packets[13:])  # coalesced while the socket was not writable

    with server_process(tmp_path, "--open") as server, upgrade(server) as connection:
        connection.sendall(frame(1, METADATA))
        for packet in packets[:10]:
            assert len(packet) == 640
            connection.sendall(frame(2, packet))
        connection.sendall(frame(1, KEY_PRESSED))
        half = frame(2, packets[10] + packets[11])
        connection.sendall(half[:100])  # TCP cuts where it likes
        connection.sendall(half[100:] + frame(2, b"") + frame(2, packets[12]))
        connection.sendall(frame(2, backlog) + frame(8, CLOSE))
        connection.shutdown(socket.SHUT_RDWR)  # at once: it does not wait for our answer
        (told,) = finished_calls(tmp_path / "recordings")
        block, _ = read_audio(told["path"])

    assert (told["state"], told["reason"]) == ("complete", "closed by jambonz")
    assert (told["sample_rate"], told["mix"], told["metadata_quality"]) == (8000, "stereo", "exact")
    assert np.array_equal(block, samples.reshape(-1, 2).T)


def test_no_word_of_the_call_is_in_a_file_name_or_a_log_line(tmp_path: Path) -> None:
    with server_process(tmp_path, "--open") as server, upgrade(server) as connection:
        connection.sendall(frame(1, METADATA) + frame(1, KEY_PRESSED) + frame(2, bytes(640)))
        connection.sendall(frame(8, CLOSE))
        finished_calls(tmp_path / "recordings")
        server.stop()

    written = "".join(server.raw) + "".join(str(file) for file in tmp_path.rglob("*"))
    assert not re.search(r"7b0c7a52|1555123000|271314e6|a%2Fb|left:over|bGVmd", written)
