"""`messages play` and `messages export`: a message in the clear, in a pipe or in a file."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, BinaryIO, TypeAlias

import typer

from listen_codecs.files import SUFFIXES, Encoding
from listen_server.commands.naming import MessageId
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.voicemail import ACTOR, SinkName, run
from listen_server.errors import ConfigError
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.exports import export as exported
from listen_sinks.voicemail.findings import Finding
from listen_sinks.voicemail.store import Reading
from listen_sinks.voicemail.trimming import By, trimmed

Output: TypeAlias = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write; - is standard output."),
]
Trim: TypeAlias = Annotated[
    bool, typer.Option("--trim", help="Leave out the silence at the beginning and at the end.")
]
Voice: TypeAlias = Annotated[
    bool, typer.Option("--voice", help="With --trim: leave out noise, too; only speech counts.")
]
_Where: TypeAlias = tuple[Path | None, Path | None, str | None]
_STDOUT = Path("-")


def play(
    message: MessageId,
    *,
    output: Output = None,
    trim: Trim = False,
    voice: Voice = False,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Write a message as WAV to standard output, for a player: `... | aplay`."""
    target = output or _STDOUT
    _write(message, "wav", target, "listen", (config, data_dir, sink), _by(trim, voice))


def export(
    message: MessageId,
    *,
    format_: Annotated[
        str,
        typer.Option(
            "--format", metavar="FORMAT", help=f"{', '.join(SUFFIXES)}; all but Opus are exact."
        ),
    ] = "wav",
    output: Output = None,
    trim: Trim = False,
    voice: Voice = False,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Write a message to a file, in the clear: MESSAGE.wav here, if not said otherwise."""
    encoding = next((known for known in SUFFIXES if known == format_), None)
    if encoding is None:
        raise ConfigError(f"there is no format {format_!r}: choose of {', '.join(SUFFIXES)}")
    target = output or Path(f"{message}{SUFFIXES[encoding]}")
    _write(message, encoding, target, "export", (config, data_dir, sink), _by(trim, voice))
    if output is None:
        typer.echo(str(target))


def _by(trim: bool, voice: bool) -> By | None:  # noqa: FBT001 - two options, as they are given
    """Return what is left out at both ends; None if nothing is."""
    if voice and not trim:
        raise ConfigError("--voice says how to trim: give --trim with it")
    return ("voice" if voice else "level") if trim else None


def _write(
    message: str,
    encoding: Encoding,
    target: Path,
    reading: Reading,
    where: _Where,
    trim: By | None,
) -> None:
    """Write a message in some encoding; a file that is there already is not touched."""
    if target == _STDOUT and sys.stdout.isatty():
        raise ConfigError("this is a terminal: pipe it into a player, or name a file with --output")

    async def work(store: Access) -> tuple[Finding, ...]:
        tenant = (await store.find(message)).tenant
        reader = await store.store()
        playback = await reader.open(tenant, message, actor=ACTOR, reading=reading)
        if playback.findings and not playback.frames:
            raise ConfigError(*(f"{message}, {finding}" for finding in playback.findings))
        heard = await trimmed(playback, by=trim) if trim else playback
        async with aclosing(exported(heard, encoding)) as blocks:
            await _save(blocks, target)
        return playback.findings

    tell(message, run(work, *where))


async def _save(blocks: AsyncIterator[bytes], target: Path) -> None:
    """Write what comes; a player that has heard enough is no fault."""
    try:
        if target == _STDOUT:
            await _copy(blocks, sys.stdout.buffer)
            return
        with await asyncio.to_thread(_create, target) as file:
            try:
                await _copy(blocks, file)
            except BaseException:
                await asyncio.to_thread(target.unlink, missing_ok=True)
                raise
    except BrokenPipeError:
        # Python would try again at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _copy(blocks: AsyncIterator[bytes], file: BinaryIO) -> None:
    async for block in blocks:
        await asyncio.to_thread(file.write, block)
    await asyncio.to_thread(file.flush)


def _create(target: Path) -> BinaryIO:
    """Make a file that others may not read; it is in the clear."""
    try:
        return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        raise ConfigError(f"{target} is there already: name another with --output") from None
    except OSError as error:
        raise ConfigError(
            f"cannot write {target} ({error.strerror}): name another with --output"
        ) from None


def tell(message: str, findings: tuple[Finding, ...]) -> None:
    """Say what is not right with a message, and end with status 1 if anything is."""
    for finding in findings:
        typer.echo(f"{message}, {finding}", err=True)
    if findings:
        raise typer.Exit(1)
