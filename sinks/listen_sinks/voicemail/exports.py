"""Messages as files to take away: WAV as it is, FLAC and Opus made by a process of their own.

Plain audio goes to that process through a pipe and comes back through another: it touches no
disk. export_process.py is what runs there.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import IO, Final

from listen_codecs.files import Encoding, NoAudio
from listen_codecs.pcm import interleave
from listen_sinks.voicemail.playback import Playback

_BLOCK: Final = 2**18


class ExportFailed(Exception):  # noqa: N818 - a finding: the message is as good as before
    """No file was made, or not all of it."""


async def export(playback: Playback, encoding: Encoding) -> AsyncGenerator[bytes, None]:
    """Yield a message as a file. FLAC and WAV keep every sample, Opus is for the ear.

    Raises NoAudio for FLAC and Opus of nothing, ExportFailed, and what reading raises. Nothing
    is yielded before the whole message is read, but for WAV.
    """
    if encoding == "wav":
        async with aclosing(playback.wav_blocks()) as blocks:
            async for block in blocks:
                yield block
        return
    if not playback.frames:
        raise NoAudio(f"there is no sample to write as {encoding}")
    process = await asyncio.to_thread(_start, encoding, playback.sample_rate, playback.channels)
    try:
        await _feed(process, playback)
        while block := await asyncio.to_thread(_stream(process.stdout).read, _BLOCK):
            yield block
        if await asyncio.to_thread(process.wait):
            raise ExportFailed(f"the process that makes {encoding} ended without it")
    finally:
        process.kill()
        await asyncio.shield(asyncio.to_thread(_end, process))


async def _feed(process: subprocess.Popen[bytes], playback: Playback) -> None:
    pipe = _stream(process.stdin)
    try:
        async with aclosing(playback.blocks()) as blocks:
            async for block in blocks:
                await asyncio.to_thread(pipe.write, interleave(block))
        await asyncio.to_thread(pipe.close)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ExportFailed("the process that makes the file has died") from error


def _start(encoding: Encoding, sample_rate: int, channels: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program, and words of ours
        [
            sys.executable,
            "-P",  # what lies in the working directory is none of our modules
            "-m",
            "listen_sinks.voicemail.export_process",
            *(encoding, str(sample_rate), str(channels)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what it did not take any more
            _stream(pipe).close()
    process.wait()


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - both are pipes
    return pipe
