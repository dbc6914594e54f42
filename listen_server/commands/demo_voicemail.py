"""The demo's second half: the same call as a sealed message, heard, checked and erased."""

import asyncio
import hashlib
import time
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from listen_codecs.pcm import interleave
from listen_server.commands.demo_transcript import show_transcript
from listen_server.commands.voicemail import ACTOR
from listen_server.plugins import configure_sinks
from listen_server.settings import Settings
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.access import Access, access
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.errors import UnknownMessage
from listen_sinks.voicemail.index.messages import list_messages
from listen_sinks.voicemail.index.records import Message

PATIENCE: Final = 20.0  # seconds for the message to be shipped
SHOWN: Final = 16  # bytes of the object in the hex line


async def show_voicemail(
    console: Console, settings: Settings, sha256: str, since: datetime
) -> bool:
    """Print what became of the newest message; return whether it is exact, and erased at the end.

    `sha256` is of the audio that was sent, as s16le, by a call that began after `since`.
    """
    sinks = await asyncio.to_thread(configure_sinks, settings)
    plugin = sinks["voicemail"].plugin
    assert isinstance(plugin, Voicemail)  # noqa: S101 - the demo's own settings
    async with access(plugin) as store:
        message = await _arrived(store, since)
        if message is None:
            console.print("The message did not reach the store.", style="red")
            return False
        console.print("\nThe same call as voicemail, sealed: nothing of it is plain on the disk.")
        await _show_object(console, store, plugin.directory, message)
        exact = await _play(console, store, message, sha256)
        understood = await show_transcript(console, store, message)
        return await _erase(console, store, message) and exact and understood


async def _arrived(store: Access, since: datetime) -> Message | None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for tenant in await store.tenants():
            page = await list_messages(store.database, tenant.id, limit=1)
            if page.messages and page.messages[0].started_at >= since:
                return page.messages[0]
        await asyncio.sleep(0.05)
    return None


async def _show_object(console: Console, store: Access, folder: Path, message: Message) -> None:
    reader = await store.store()
    described = await reader.describe(message.tenant, message.id, actor=ACTOR)
    name = described.parts[0].ranges[0].name
    file = folder / store.config.store / name
    content = await asyncio.to_thread(file.read_bytes)
    middle = len(content) // 2
    console.print(f"  {file}")
    console.print(f"  {content[:SHOWN].hex(' ')}  {_printable(content[:SHOWN])}", markup=False)
    console.print(
        f"  {content[middle : middle + SHOWN].hex(' ')}  "
        f"{_printable(content[middle : middle + SHOWN])}  (its middle: AES-256-GCM)",
        markup=False,
    )


async def _play(console: Console, store: Access, message: Message, sha256: str) -> bool:
    reader = await store.store()
    playback = await reader.open(message.tenant, message.id, actor=ACTOR)
    samples = await playback.samples()
    same = await asyncio.to_thread(
        lambda: hashlib.sha256(interleave(samples)).hexdigest() == sha256
    )
    described = await reader.describe(message.tenant, message.id, actor=ACTOR)
    findings = [
        finding
        for part in described.parts
        for finding in await reader.check(message.id, part, actor=ACTOR)
    ]
    said = "equals what was sent, sample by sample" if same else "DIFFERS from what was sent"
    console.print(f"  Opened with its mailbox's key, {playback.seconds:.2f} s: it {said}.")
    console.print(f"  Checked against index and digest: {findings or 'all as it should be'}.")
    return same and not findings


async def _erase(console: Console, store: Access, message: Message) -> bool:
    receipt = await erase_message(store.erasures, message.tenant, message.id, actor=ACTOR)
    await store.remove_objects(receipt)
    try:
        await store.find(message.id)
    except UnknownMessage:
        console.print(
            f"  Erased: {receipt.keys_destroyed} key(s) destroyed, receipt {receipt.erasure}."
        )
        return True
    console.print("  The message is still there.", style="red")
    return False


def _printable(content: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in content)  # noqa: PLR2004 - ASCII
