"""Wrap and unwrap once and say so: a program, because gRPC reads its environment only once.

wrap_once.py KIND JSON-OF-ITS-CONFIGURATION
"""

import asyncio
import json
import sys
from pathlib import Path

from blockbuster import blockbuster_ctx

from listen_sinks.voicemail.keys import KeyProvider, check, make_provider


async def wrap_once(provider: KeyProvider) -> None:
    with blockbuster_ctx(["listen_sinks"]):
        await provider.open()
        await check(provider)
        await provider.close()
    print("wrapped and unwrapped")  # noqa: T201 - what it is for


kind, values = sys.argv[1:]
asyncio.run(wrap_once(make_provider(kind, json.loads(values), Path.cwd())))
