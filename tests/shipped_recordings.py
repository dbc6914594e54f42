"""What became of recordings that go to a bucket, for the tests of the recording sink."""

import asyncio
from pathlib import Path

from bucket import Bucket
from harness import until
from recordings import Recorded, every_file, left_open, read_recording

from listen_sinks.api import Call
from listen_sinks.recording import Recording


def waiting(plugin: Recording) -> int:
    """Count the recordings that are not in the bucket yet."""
    assert plugin.outbound is not None
    return plugin.outbound.shipping.waiting


def failures(plugin: Recording) -> int:
    """Count the tries that failed."""
    assert plugin.outbound is not None
    return plugin.outbound.shipping.failures


async def shipped(plugin: Recording) -> None:
    """Wait until everything is in the bucket."""
    await until(lambda: not waiting(plugin), 30.0)


async def arrived(there: Bucket, folder: Path, call: Call) -> Recorded:
    """Read a recording back from the bucket, by way of a folder."""
    await there.download(folder)
    return await asyncio.to_thread(read_recording, folder, f"*{call.stream_id}")


def nothing_here(plugin: Recording) -> bool:
    """Say whether a plugin that is open has nothing on the disk but its lock."""
    return left_open(plugin.directory) == ["lock"] and len(every_file(plugin.directory)) == 1
