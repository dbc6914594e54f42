"""`listen-server demo`: a server, a call to it, and what was recorded, on this machine alone."""

import asyncio
import hashlib
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from listen_codecs.files import read_audio
from listen_codecs.pcm import interleave
from listen_codecs.peaks import draw, waveform_peaks
from listen_server.app import App
from listen_server.commands.options import DataDir
from listen_server.logs import set_up_logs
from listen_server.run import drain_of, options_of
from listen_server.server.serving import running
from listen_server.server.sockets import Bound
from listen_server.settings import RouteSettings, Settings, SinkSettings
from listen_server.simulator.clip import CLIP_WORDS
from listen_server.simulator.live import CallResult, SimulatedCall
from listen_server.simulator.order import Order
from listen_server.simulator.report import bars
from listen_server.simulator.runner import run_calls

if TYPE_CHECKING:
    from listen_server.commands.demo_mailbox import DemoMailbox

OFFLINE = "pocketsphinx"
"""The engine that needs no network; not installed everywhere."""
_ROUTES = {
    "/listen": RouteSettings(),
    "/listen/voicemail": RouteSettings(sinks=("voicemail", "transcript")),
}
WIDTH = 64  # characters of the waveform
LOOK = 0.5  # seconds between two looks for new recordings
INTERRUPTED = 130  # exit status after SIGINT, as shells count it


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop when the story is told.")] = False,
    port: Annotated[int, typer.Option(help="Port to serve on; 0 is any.")] = 0,
    data_dir: DataDir = None,
) -> None:
    """Serve, place calls with speech in them, and show what becomes of them. Needs no jambonz."""
    set_up_logs(level="warning", human=True)
    kept = data_dir or Path("data", "demo")
    # what this machine's own server is set to is not for the demo: it may lead to the world
    settings = Settings(
        host="127.0.0.1", port=port, open=True, data_dir=kept, routes=_ROUTES, sinks=_sinks()
    )
    console = Console(highlight=False, soft_wrap=True)
    app = App(settings)
    status = asyncio.run(_show(console, app, settings, once=once))
    if status:
        raise typer.Exit(status)


def _sinks() -> dict[str, SinkSettings]:
    """Return the engine that needs no network, or the one that understands nothing."""
    engine = OFFLINE if find_spec(OFFLINE) else "null"
    return {"transcript": SinkSettings.model_validate({"engine": engine})}


async def _show(console: Console, app: App, settings: Settings, *, once: bool) -> int:
    """Run the demo; return the exit status."""
    from listen_server.commands.demo_mailbox import open_mailbox  # noqa: PLC0415 - takes its time
    from listen_server.commands.demo_voicemail import show_voicemail  # noqa: PLC0415 - so does this

    recordings = Recordings(settings.data_dir)
    async with AsyncExitStack() as opened:
        box = await open_mailbox(settings, opened)
        serving = running(app.asgi, None, options_of(settings), drain=drain_of(app))
        bound = await opened.enter_async_context(serving)
        console.print(f"A listen server is up on ws://127.0.0.1:{bound.port}.")
        result = await _call(console, bound)
        if result.fault is not None or result.ended == "hung up":
            return 1 if result.fault else INTERRUPTED
        await _quiet(app)
        for sidecar in await asyncio.to_thread(recordings.new):
            await asyncio.to_thread(_tell, console, sidecar, result.sha256)
        as_told = await show_voicemail(console, box, bound.port)
        if not once:
            await _stay(console, bound, recordings, box)
    return 0 if as_told else 1


def _write_settings(data_dir: Path) -> Path:
    """Write what other commands need to know of the demo's store; return the file. Blocks."""
    file = data_dir / "demo.toml"
    file.write_text(
        f"data_dir = {json.dumps(str(data_dir.absolute()))}\n\n"
        '[routes."/listen/voicemail"]\nsinks = ["voicemail"]\n'
    )
    return file


async def _quiet(app: App) -> None:
    """Wait until the last word about every call is written."""
    while app.admission.active:  # noqa: ASYNC110 - it has no event of its own
        await asyncio.sleep(0.05)


class Recordings:
    """The finished recordings of a data directory, each told once."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "recordings"
        self._known = set(self._all())

    def new(self) -> list[Path]:
        """Return the sidecars that were not there before, oldest first. Blocks."""
        found = sorted(set(self._all()) - self._known, key=lambda file: file.name)
        self._known.update(found)
        return found

    def _all(self) -> Iterator[Path]:
        return self._folder.glob("[0-9]*/*/*/*.json")


async def _call(console: Console, bound: Bound) -> CallResult:
    url = f"ws://127.0.0.1:{bound.port}/listen/demo"
    console.print("A caller hears the greeting and leaves a message; jambonz forks both to us:")
    for speaker, words in CLIP_WORDS.items():
        console.print(f"  {speaker}: [italic]{words}[/italic]")
    calls: list[SimulatedCall] = await asyncio.to_thread(Order(url=url, mix="stereo").place)
    with bars(console, calls) as report:
        (result,) = await run_calls(calls, report)
    if result.fault is not None:
        console.print(f"The call did not go as it should: {result.fault}", style="red")
    return result


def _tell(console: Console, sidecar: Path, sha256: str | None = None) -> None:
    """Print a recording; prove it against the SHA-256 of what was sent, where that is known."""
    told: dict[str, Any] = json.loads(sidecar.read_text())
    if not told["files"]:
        console.print(f"\nA call without audio, {told['state']}: {sidecar}")
        return
    file = sidecar.parent / told["files"][0]["name"]
    block, rate = read_audio(file)
    console.print(f"\nRecorded, {told['state']}: {told['reason']}.")
    console.print(f"  {file}")
    channels = "1 channel" if block.shape[0] == 1 else f"{block.shape[0]} channels"
    console.print(
        f"  {told['seconds']:.2f} s, {rate} Hz, {channels}, "
        f"{file.stat().st_size} bytes, {len(told['gaps'])} gaps"
    )
    for name, line in zip(("caller", "greeting"), draw(waveform_peaks(block, WIDTH)), strict=False):
        console.print(f"  {name:>8} {line}", markup=False)
    if sha256 is not None:
        same = hashlib.sha256(interleave(block)).hexdigest() == sha256
        equal = "equals what was sent, sample by sample" if same else "DIFFERS from what was sent"
        console.print(f"  The audio {equal}.", style="green" if same else "red")
    console.print(f"  Beside it, {sidecar.name} keeps the call's metadata.")


async def _stay(console: Console, bound: Bound, recordings: Recordings, box: "DemoMailbox") -> None:
    """Tell every further recording and message, until Ctrl-C."""
    from listen_server.commands.demo_voicemail import Arrivals, other_calls  # noqa: PLC0415 - as above

    leave, fetch = other_calls(bound.port, box.pin)
    me = sys.argv[0]
    console.print(
        "\nThe server stays up. In another terminal, leave another message (a file of yours"
    )
    console.print("in the place of that one), and call as the owner to hear it:")
    console.print(f"  {me} simulate call {leave}", style="bold", markup=False)
    console.print(f"  {me} simulate call {fetch}", style="bold", markup=False)
    look = await asyncio.to_thread(_write_settings, box.plugin.directory)
    console.print("Look at the mailbox from outside:")
    console.print(f"  {me} messages list --config {look}", style="bold", markup=False)
    console.print("Or only have a file recorded; without FILE.wav, what was recorded above:")
    console.print(f"  {me} call FILE.wav --url ws://127.0.0.1:{bound.port}/listen", style="bold")
    console.print("Ctrl-C stops the server.")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    arrivals = Arrivals(box)
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK)
        for sidecar in await asyncio.to_thread(recordings.new):
            await asyncio.to_thread(_tell, console, sidecar)
        for message in await arrivals.new():
            console.print(
                f"\nA message of {message.seconds:.2f} s is in the mailbox: {message.id}."
            )
    console.print("Stopping.")
