"""The demo's story: a message is left, its seal and its words are shown, its owner hears it.

Both calls are played by simulator/platform, against the voicemail that this server serves.
"""

import asyncio
import textwrap
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import numpy as np
from rich.console import Console

from listen_server.commands.demo_mailbox import NUMBER, DemoMailbox
from listen_server.commands.demo_transcript import show_transcript
from listen_server.commands.voicemail import ACTOR
from listen_server.simulator.clip import CALLER_CLIP
from listen_server.simulator.platform import (
    AppAddress,
    Line,
    Order,
    Outcome,
    Played,
    place,
    read_script,
)
from listen_server.voicemail.config import PATH
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.errors import UnknownMessage
from listen_sinks.voicemail.index.messages import list_messages
from listen_sinks.voicemail.index.records import Message

PATIENCE: Final = 20.0  # seconds for the message to be shipped
_MARGIN: Final = "  "
SHOWN: Final = 16  # bytes of the object in the hex line
CALLER: Final = "+15550100001"
OWNERS: Final = "+15550100009"
"""What owners call."""


async def show_voicemail(console: Console, box: DemoMailbox, port: int) -> bool:
    """Print the whole story; return whether all in it is as it should be."""
    since = datetime.now(UTC)
    console.print("\nSomebody calls Anna Berg, who does not answer. jambonz asks our voicemail:")
    left = await _leave(console, port)
    message = await _arrived(box, since)
    if message is None:
        console.print("The message did not reach the store.", style="red")
        return False
    console.print("\nThe message is in the mailbox, sealed: nothing of it is plain on the disk.")
    await _show_object(console, box, message)
    understood = await show_transcript(console, box.store, message)
    console.print(f"\nAnna Berg calls the number for owners, with her PIN, {box.pin}:")
    heard = await _fetch(console, port, box.pin)
    exact = _is_exact(console, left, heard)
    return await _erase(console, box.store, message) and exact and understood


class Arrivals:
    """The messages that come from now on, each told once."""

    def __init__(self, box: DemoMailbox) -> None:
        self._box = box
        self._since = datetime.now(UTC)
        self._told: set[str] = set()

    async def new(self) -> list[Message]:
        """Return those that were not there before, oldest first."""
        box = self._box
        page = await list_messages(box.store.database, box.mailbox.tenant, box.mailbox.id)
        found = [one for one in reversed(page.messages) if one.started_at >= self._since]
        fresh = [one for one in found if one.id not in self._told]
        self._told.update(one.id for one in fresh)
        return fresh


def other_calls(port: int, pin: str) -> tuple[str, str]:
    """Return the arguments of `simulate call` for another message, and for fetching it."""
    app = f"http://127.0.0.1:{port}{PATH}"
    leave = f"--to {NUMBER} --app {app} --do 'recording speak \"{CALLER_CLIP}\"'"
    fetch = f"--from {NUMBER} --to {OWNERS} --app {app}/owner --do 'hears \"PIN\" press {pin}#'"
    return leave, fetch


async def _leave(console: Console, port: int) -> Outcome:
    """Play the caller: speaks after the tone, falls silent, and is thanked."""
    script = read_script([f'recording speak "{CALLER_CLIP}"'])
    app = AppAddress(url=f"http://127.0.0.1:{port}{PATH}")
    order = Order(app=app, to=NUMBER, from_=CALLER, script=script, audio=None)
    return await place(order, _shown(console))


async def _fetch(console: Console, port: int, pin: str) -> Outcome:
    """Play the owner: says the PIN, hears the newest message, deletes it, and goes."""
    keys = [f"{pin}#", "3", "*"]
    cues = ["PIN", "To delete it", "is deleted"]
    script = read_script(f'hears "{cue}" press {key}' for cue, key in zip(cues, keys, strict=True))
    app = AppAddress(url=f"http://127.0.0.1:{port}{PATH}/owner")
    order = Order(app=app, to=OWNERS, from_=NUMBER, script=script, audio=None)
    return await place(order, _shown(console))


def _shown(console: Console) -> Callable[[Line], None]:
    width = console.width - len(_MARGIN) if console.is_terminal else None
    return lambda line: console.print(textwrap.indent(line.folded(width), _MARGIN), markup=False)


async def _arrived(box: DemoMailbox, since: datetime) -> Message | None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        page = await list_messages(box.store.database, box.mailbox.tenant, box.mailbox.id, limit=1)
        if page.messages and page.messages[0].started_at >= since:
            return page.messages[0]
        await asyncio.sleep(0.05)
    return None


async def _show_object(console: Console, box: DemoMailbox, message: Message) -> None:
    reader = await box.store.store()
    described = await reader.describe(message.tenant, message.id, actor=ACTOR)
    name = described.parts[0].ranges[0].name
    file = box.plugin.directory / box.store.config.store / name
    content = await asyncio.to_thread(file.read_bytes)
    middle = len(content) // 2
    console.print(f"  {file}")
    console.print("  Its first bytes, and some of its middle, which is AES-256-GCM:")
    for some in (content[:SHOWN], content[middle : middle + SHOWN]):
        console.print(f"  {some.hex(' ')}  {_printable(some)}", markup=False)
    findings = [
        finding
        for part in described.parts
        for finding in await reader.check(message.id, part, actor=ACTOR)
    ]
    console.print(f"  Checked against index and digest: {findings or 'all as it should be'}.")


def _is_exact(console: Console, left: Outcome, heard: Outcome) -> bool:
    """Compare what the owner heard with what the caller sent, sample by sample."""
    played = [sound.pcm for sound in heard.heard if isinstance(sound, Played)]
    sent = [stream.pcm for stream in left.streams]
    if len(sent) == 1 and any(np.array_equal(one, sent[0]) for one in played):
        console.print("  What she heard equals what was sent, sample by sample.", style="green")
        return True
    console.print("  What she heard DIFFERS from what was sent.", style="red")
    return False


async def _erase(console: Console, store: Access, message: Message) -> bool:
    receipt = await erase_message(store.erasures, message.tenant, message.id, actor=ACTOR)
    await store.remove_objects(receipt)
    try:
        await store.find(message.id)
    except UnknownMessage:
        console.print(
            f"  Then it is erased: {receipt.keys_destroyed} key(s) destroyed, "
            f"receipt {receipt.erasure}."
        )
        return True
    console.print("  The message is still there.", style="red")
    return False


def _printable(content: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in content)  # noqa: PLR2004 - ASCII
