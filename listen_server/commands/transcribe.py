"""`listen-server transcribe`: what an engine understands of your own audio, and how well.

The same engines as calls get, with the settings of the transcript sink if there is one.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from listen_server.commands.options import ConfigFile, DataDir
from listen_server.errors import ConfigError
from listen_server.logs import set_up_logs
from listen_server.settings import Settings, load_settings

if TYPE_CHECKING:
    from listen_codecs.formats import AudioBlock, AudioFormat
    from listen_sinks.transcript.api import TranscriberPlugin
    from listen_sinks.transcript.collected import Transcript
    from listen_sinks.transcript.config import TranscriptConfig

KIND: Final = "transcript"
NULL: Final = "null"
"""The engine that understands nothing."""
_BLOCK: Final = 0.1  # seconds


def transcribe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audio: WAV, FLAC, ...")],
    *,
    engine: Annotated[
        str | None, typer.Option(help="Which one; that of the settings if not given.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="What is spoken: en-US.")] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="What was really said, or @FILE, with a line for each audio file."
        ),
    ] = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Print what an engine understands of audio files, and the word error rate against a text.

    The words go to standard output, everything else to standard error.
    """
    set_up_logs(level="warning", human=True)
    said = _references(reference, files)
    settings = load_settings(config, data_dir=data_dir)
    found = transcript_config(settings, engine, language)
    asyncio.run(_transcribe(files, said, found, settings))


def transcript_config(
    settings: Settings, engine: str | None = None, language: str | None = None
) -> "TranscriptConfig":
    """Return the settings of the transcript sink, for another engine if one is named.

    Raises ConfigError if no engine is chosen at all, or the one that is cannot be had.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - as the next

    from listen_sinks.transcript.config import TranscriptConfig  # noqa: PLC0415 - takes time
    from listen_sinks.transcript.engines import installed_engines  # noqa: PLC0415 - as above

    own: dict[str, Any] = {}
    for name, sink in settings.sinks.items():
        if (sink.kind or name) == KIND:
            own = {k: v for k, v in (sink.model_extra or {}).items() if k != "hook"}
            break
    if engine is not None and engine != own.get("engine"):
        own = {k: v for k, v in own.items() if k != "options"} | {"engine": engine}
    if language is not None:
        own["language"] = language
    if own.get("engine", NULL) == NULL:
        names = ", ".join(name for name in installed_engines() if name != NULL)
        raise ConfigError(f"choose an engine with --engine: there are {names or 'none'}")
    try:
        return TranscriptConfig.model_validate(own)
    except ValidationError as error:
        faults = (str(d["msg"]).removeprefix("Value error, ") for d in error.errors())
        raise ConfigError(*faults) from None


@asynccontextmanager
async def opened(config: "TranscriptConfig", settings: Settings) -> "AsyncIterator[Any]":
    """Open an engine; yields its TranscriberPlugin. Raises ConfigError."""
    from listen_sinks.api import SinkContext, SinkError  # noqa: PLC0415 - with the others
    from listen_sinks.transcript.engines import make_transcriber  # noqa: PLC0415

    try:
        plugin = await asyncio.to_thread(
            make_transcriber, config.engine, config.options, SinkContext(KIND, settings.data_dir)
        )
        await plugin.open()
    except (SinkError, ValueError) as error:
        raise ConfigError(str(error)) from error
    try:
        yield plugin
    finally:
        await plugin.close()


async def _transcribe(
    files: Sequence[Path],
    said: Sequence[str | None],
    config: "TranscriptConfig",
    settings: Settings,
) -> None:
    from listen_sinks.transcript.word_errors import word_errors  # noqa: PLC0415 - with the others

    words = errors = 0
    async with opened(config, settings) as plugin:
        for file, reference in zip(files, said, strict=True):
            transcript = await _understood(file, plugin, config)
            _print(file, transcript, several=len(files) > 1)
            if reference is not None:
                found = word_errors(reference, transcript.text())
                words += found.said
                errors += found.substituted + found.deleted + found.inserted
                typer.echo(
                    f"  word error rate {found.rate:.2f}: {found.said} words said, "
                    f"{found.substituted} wrong, {found.deleted} missing, {found.inserted} added",
                    err=True,
                )
    if words and len(files) > 1:
        typer.echo(f"all {len(files)} files: word error rate {errors / words:.2f}", err=True)


async def _understood(
    file: Path, plugin: "TranscriberPlugin", config: "TranscriptConfig"
) -> "Transcript":
    from rich.console import Console  # noqa: PLC0415 - with the others
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    from listen_sinks.transcript.api import EngineAway, EngineRefused  # noqa: PLC0415
    from listen_sinks.transcript.reading import read_aloud  # noqa: PLC0415

    block, audio_format = await asyncio.to_thread(_read, file)
    total = audio_format.seconds(block.shape[1])
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    quiet = not sys.stderr.isatty()
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=quiet
    ) as progress:
        task = progress.add_task(file.name, total=total)
        try:
            return await read_aloud(
                plugin,
                config.engine,
                _blocks(block, audio_format),
                audio_format,
                config.language,
                told=lambda seconds: progress.update(task, completed=seconds),
            )
        except (EngineAway, EngineRefused) as error:
            raise ConfigError(f"{file}: {error}") from error


def _read(file: Path) -> "tuple[AudioBlock, AudioFormat]":
    """Read a file as a call would bring it: one or two channels, at a rate of jambonz."""
    from listen_codecs.files import UnreadableAudio, read_audio  # noqa: PLC0415 - with the others
    from listen_codecs.formats import SAMPLE_RATES, AudioFormat  # noqa: PLC0415
    from listen_codecs.resampling import resample  # noqa: PLC0415

    try:
        block, rate = read_audio(file)
    except (UnreadableAudio, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot read {file}: {reason}") from error
    if block.shape[0] > 2:  # noqa: PLR2004 - a call has two ends
        raise ConfigError(f"{file} has {block.shape[0]} channels: a call has one or two")
    if rate not in SAMPLE_RATES:
        wanted = min((known for known in SAMPLE_RATES if known >= rate), default=SAMPLE_RATES[-1])
        block, rate = resample(block, rate, wanted), wanted
    return block, AudioFormat(rate, "mono" if block.shape[0] == 1 else "stereo")


async def _blocks(block: "AudioBlock", audio_format: "AudioFormat") -> "AsyncIterator[AudioBlock]":
    step = round(_BLOCK * audio_format.sample_rate)
    for start in range(0, block.shape[1], step):
        yield block[:, start : start + step]


def _print(file: Path, transcript: "Transcript", *, several: bool) -> None:
    if several:
        typer.echo(f"{file}:", err=True)
    channels = {result.channel for result in transcript.results}
    for result in transcript.in_order:
        who = f"{result.channel + 1}: " if len(channels) > 1 else ""
        typer.echo(f"{who}{result.text}")
    if not transcript.results:
        typer.echo(f"{file}: {transcript.engine} understood no word", err=True)


def _references(reference: str | None, files: Sequence[Path]) -> list[str | None]:
    if reference is None:
        return [None] * len(files)
    lines = [reference]
    if reference.startswith("@"):
        try:
            text = Path(reference[1:]).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ConfigError(f"--reference: cannot read {reference[1:]} ({error})") from error
        lines = [line for line in text.splitlines() if line.strip()]
        if len(files) == 1:
            lines = [" ".join(lines)]
    if len(lines) != len(files):
        raise ConfigError(
            f"--reference has {len(lines)} line(s) for {len(files)} file(s): each needs one"
        )
    return list(lines)
