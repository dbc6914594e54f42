"""Events that are delivered by a process of its own, for test_faults.py: somebody may kill it.

killed_deliverer.py DATABASE PORT SPEED [stuck]

Time goes by SPEED times as fast for it; `stuck`, it never writes down what has arrived.
"""

import asyncio
import sys

from outboxes import delivering
from webhook_receiver import Receiver

from listen_sinks.voicemail.index.database import Database
from listen_sinks.webhook import way


async def main(url: str, port: int, speed: float, *, stuck: bool) -> None:
    """Deliver for ever."""
    if stuck:

        async def settle(*_: object) -> None:
            await asyncio.Event().wait()

        vars(way)["settle"] = settle
    database = Database(url)
    async with delivering(database, {"crm": Receiver(port=port)}, speed=speed):
        await asyncio.Event().wait()


if __name__ == "__main__":
    url, port, speed, *rest = sys.argv[1:]
    asyncio.run(main(url, int(port), float(speed), stuck="stuck" in rest))
