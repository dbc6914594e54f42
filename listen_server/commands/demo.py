"""`listen-server demo`: a server, a call to it, and what was recorded, on this machine alone."""

import asyncio
import hashlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

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
from listen_server.settings import Settings, load_settings
from listen_server.simulator.clip import CLIP_WORDS
from listen_server.simulator.live import CallResult, SimulatedCall
from listen_server.simulator.order import Order
from listen_server.simulator.report import bars
from listen_server.simulator.runner import run_calls

WIDTH = 64  # characters of the waveform


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop after the one call.")] = False,
    port: Annotated[int, typer.Option(help="Port to serve on; 0 is any.")] = 0,
    data_dir: DataDir = None,
) -> None:
    """Serve, place a call with speech in it, and show what was recorded. Needs no jambonz."""
    set_up_logs(level="warning", human=True)
    settings = load_settings(
        host="127.0.0.1", port=port, open=True, data_dir=data_dir or Path("data", "demo")
    )
    console = Console(highlight=False, soft_wrap=True)
    app = App(settings)
    try:
        asyncio.run(_show(console, app, settings, once=once))
    except KeyboardInterrupt:
        console.print("stopped")


async def _show(console: Console, app: App, settings: Settings, *, once: bool) -> None:
    drain = drain_of(app)
    async with running(app.asgi, None, options_of(settings), drain=drain) as bound:
        console.print(f"A listen server is up on ws://127.0.0.1:{bound.port}.")
        result = await _call(console, bound)
        while app.admission.active:  # noqa: ASYNC110 - until the last word is written
            await asyncio.sleep(0.05)
        sidecar = await asyncio.to_thread(_newest, settings.data_dir)
        await asyncio.to_thread(_tell, console, sidecar, result)
        if not once:
            await _stay(console, bound)
    if result.fault is not None:
        raise typer.Exit(1)


async def _call(console: Console, bound: Bound) -> CallResult:
    url = f"ws://127.0.0.1:{bound.port}/listen/demo"
    console.print(
        "A caller hears the greeting and leaves a message; jambonz forks both voices to us:"
    )
    for speaker, words in CLIP_WORDS.items():
        console.print(f"  {speaker}: [italic]{words}[/italic]")
    calls: list[SimulatedCall] = await asyncio.to_thread(Order(url=url, mix="stereo").place)
    with bars(console, calls) as report:
        (result,) = await run_calls(calls, report)
    if result.fault is not None:
        console.print(f"The call did not go as it should: {result.fault}", style="red")
    return result


def _newest(data_dir: Path) -> Path:
    return max(data_dir.rglob("recordings/**/*.json"), key=lambda file: file.name)


def _tell(console: Console, sidecar: Path, result: CallResult) -> None:
    """Print the recording, and prove it against what was sent."""
    told: dict[str, Any] = json.loads(sidecar.read_text())
    file = sidecar.parent / told["files"][0]["name"]
    block, rate = read_audio(file)
    same = hashlib.sha256(interleave(block)).hexdigest() == result.sha256
    console.print(f"\nRecorded, {told['state']}: {told['reason']}.")
    console.print(f"  {file}")
    console.print(
        f"  {told['seconds']:.2f} s, {rate} Hz, {block.shape[0]} channels, "
        f"{file.stat().st_size} bytes, {len(told['gaps'])} gaps"
    )
    for name, line in zip(("caller", "greeting"), draw(waveform_peaks(block, WIDTH)), strict=True):
        console.print(f"  {name:>8} {line}", markup=False)
    equal = "equals what was sent, sample by sample" if same else "DIFFERS from what was sent"
    console.print(f"  The audio {equal}.", style="green" if same else "red")
    console.print(f"  Beside it, {sidecar.name} keeps the call's metadata.")


async def _stay(console: Console, bound: Bound) -> None:
    console.print("\nThe server stays up. In another terminal, place a call of your own:")
    console.print(
        f"  {sys.argv[0]} call FILE.wav --url ws://127.0.0.1:{bound.port}/listen",
        style="bold",
    )
    console.print("Without FILE.wav it is the same call again. Ctrl-C stops the server.")
    await asyncio.Event().wait()
