"""A peer whose packets stop arriving in the middle of a call, in a network of its own.

Run under `unshare -n`: the network is taken down there, so that nobody hears of the end, neither
by FIN nor by reset. Arguments: the data directory. Waits until the server has let the peer go.
"""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from end_to_end.frozen import IFF_RUNNING, IFF_UP, set_network
from process import ServerProcess, server_process

from listen_server.simulator.order import Order

PINGS = "ping_interval = 1\nping_timeout = 1\n"


async def call_and_cut(server: ServerProcess) -> None:
    (call,) = Order(url=server.url(), seconds=60).place()
    placed = asyncio.create_task(call.run())
    while call.at < 1:  # noqa: ASYNC110 - the call's own clock
        await asyncio.sleep(0.02)
    set_network(0)
    while not any(line.get("event") == "stream ended" for line in server.log):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    set_network(IFF_UP | IFF_RUNNING)
    placed.cancel()


def main() -> None:
    set_network(IFF_UP | IFF_RUNNING)
    with server_process(Path(sys.argv[1]), "--open", toml=PINGS) as server:
        asyncio.run(call_and_cut(server))
        server.stop()


if __name__ == "__main__":
    main()
