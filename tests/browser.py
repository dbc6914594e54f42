"""A real browser for tests: the Chromium of this machine, with a window of its own for each test.

It is driven by playwright, which brings no browser here and fetches none.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Error, Page, Request, async_playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_QUIET: Final = (  # it asks nothing of anybody by itself
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
_SCROLLS: Final = "() => document.documentElement.scrollWidth > window.innerWidth"


@dataclass
class Window:
    """One page, what it asked for, and what the browser complained of."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._asked)
        self.page.on("console", self._heard)
        self.page.on("pageerror", self._failed)

    def hosts(self) -> set[str]:
        """Return whom it asked."""
        return {urlsplit(request.url).netloc for request in self.requests} - {""}  # about:blank

    def of_audio(self) -> list[Request]:
        """Return what was asked for to be played."""
        return [request for request in self.requests if request.resource_type == "media"]

    async def scrolls_sideways(self) -> bool:
        """Tell if what is shown is wider than the window."""
        return bool(await self.page.evaluate(_SCROLLS))

    def _asked(self, request: Request) -> None:
        self.requests.append(request)

    def _failed(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Start it; skip the test where there is none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("there is no Chromium here: install it (Debian's package: chromium)")
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(
                executable_path=found,
                args=_QUIET,
                chromium_sandbox=os.geteuid() != 0,  # as root it starts without only
            )
        except Error as error:
            pytest.skip(f"Chromium does not start here: {error.message.splitlines()[0]}")
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def window(browser: Browser, **options: Any) -> AsyncIterator[Window]:
    """Open a window that shares nothing with others, and runs no script of a page."""
    context = await browser.new_context(java_script_enabled=False, **options)
    try:
        yield Window(await context.new_page())
    finally:
        await context.close()
