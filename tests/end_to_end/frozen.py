"""A server that is stopped for ten seconds in the middle of a call, in a network of its own.

Run under `unshare -n`: the kernel's socket buffers are made small there, so that what piles up
does so where it would with jambonz, and is lost there. Prints the caller's account as JSON.
"""

import asyncio
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from process import ServerProcess, server_process

from listen_server.simulator.live import CallResult, SimulatedCall
from listen_server.simulator.order import Order

FROZEN_FOR = 10.0  # seconds
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40


def set_network(flags: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags))


def prepare_network() -> None:
    set_network(IFF_UP | IFF_RUNNING)
    for name in ("tcp_rmem", "tcp_wmem"):
        Path(f"/proc/sys/net/ipv4/{name}").write_text("4096 8192 16384")


async def call_and_freeze(server: ServerProcess) -> CallResult:
    (call,) = Order(url=server.url(), rate=16000, seconds=18).place()
    placed = asyncio.create_task(call.run())
    await reached(call, 2.0)
    os.kill(server.process.pid, signal.SIGSTOP)
    await reached(call, 2.0 + FROZEN_FOR)
    os.kill(server.process.pid, signal.SIGCONT)
    return await placed


async def reached(call: SimulatedCall, seconds: float) -> None:
    while call.at < seconds:  # noqa: ASYNC110 - the call's own clock
        await asyncio.sleep(0.02)


def main() -> None:
    prepare_network()
    with server_process(Path(sys.argv[1]), "--open") as server:
        result = asyncio.run(call_and_freeze(server))
        server.stop()
    print(json.dumps({"samples": result.samples, "lost_bytes": result.lost_bytes}))  # noqa: T201 - for the test


if __name__ == "__main__":
    main()
