"""What people see and hear of a voicemail, in a real browser that runs no scripts."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from browser import Window, launched, window
from harness import say
from mail_receiver import MailReceiver
from playwright.async_api import Browser, Locator
from stored_messages import speech
from voicemail.machine import PATH, Machine, machine

from listen_codecs.pcm import interleave
from listen_server.voicemail.listening_page import listening_link, opened_link
from listen_server.voicemail.tokens import PURPOSE, Tokens
from listen_sinks.mail.letter import Letter, html_body
from listen_sinks.voicemail.index.own_secrets import derived

WEB: Final = "https://voice.example.com"
SECONDS: Final = 500.0  # more than a player fetches before it is asked for
MOST: Final = 500_000  # bytes of audio that a caller sends at once
AT: Final = datetime(2026, 11, 20, 14, 3, tzinfo=UTC)
LETTER: Final = Letter("01KB", "v@example.com", ("ann@example.com",), AT, AT, 62.4)
CONTRASTS: Final = Path(__file__).with_name("contrasts.js")


@dataclass
class Post:
    """A server on which Ann has got a message, and the mail that told her."""

    machine: Machine
    html: str
    link: str

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.machine.server.port}"

    def address(self, path: str) -> str:
        return f"http://{self.host}{path}"

    async def old_link(self) -> str:
        """Return the same link as if it had been made long ago."""
        secret = await asyncio.to_thread(self.machine.plugin.number_secret)
        tokens = Tokens(derived(secret, PURPOSE))
        told = opened_link(tokens, self.link.rpartition("/")[2])
        assert told is not None
        return f"{PATH}/mail/{listening_link(tokens, told['t'], told['b'], told['m'], -1)}"


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as running:
        yield running


@pytest.fixture(scope="module")
async def post(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Post]:
    del browser  # without one nothing of this is needed
    folder = tmp_path_factory.mktemp("server")
    async with (
        MailReceiver().running() as receiver,
        machine(folder, mail=receiver.given(), public_web_url=WEB) as made,
    ):
        number, _ = await made.box(profile={"name": "Ann", "emails": ["ann@example.com"]})
        await leave(made, number)
        await receiver.until_mails(1)
        mail = receiver.mails[0]
        yield Post(made, mail.html, mail.text.rpartition(WEB)[2].strip())


async def leave(made: Machine, number: str) -> None:
    known = f"{made.credential.credential.user}:{made.credential.secret}".encode()
    headers = {"authorization": f"Basic {base64.b64encode(known).decode()}"}
    call = {"callSid": "a-call", "from": "+15551230001", "to": number, "sampleRate": 8000}
    audio = interleave(speech(SECONDS))
    async with made.server.connect(additional_headers=headers) as socket:
        await say(socket, json.dumps(call))
        await say(socket, *(audio[at : at + MOST] for at in range(0, len(audio), MOST)))


async def opened(shows: Window, mail: str) -> None:
    """Show a mail as a mail program would, which has no policy of ours."""
    await shows.page.goto("about:blank")
    await shows.page.set_content(mail)


async def shown(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait until the browser shows something."""
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - a page without scripts tells of no event
            await asyncio.sleep(0.02)


async def state(player: Locator, name: str) -> float:
    return float(await player.evaluate(f"player => player.{name}"))


async def test_an_owner_follows_the_mail_and_hears_the_message_by_keys_alone(
    browser: Browser, post: Post
) -> None:
    async with window(browser) as shows:
        page = shows.page
        await opened(shows, post.html.replace(WEB, post.address("")))
        await page.get_by_role("link", name="Listen to it").click()
        player = page.get_by_label("The message")
        await player.wait_for()
        before = len(shows.of_audio())
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await shown(lambda: state(player, "currentTime"))
        began, seconds = await state(player, "currentTime"), await state(player, "duration")
        await shown(lambda: is_after(player, began))
        await player.evaluate(f"player => {{ player.currentTime = {SECONDS - 20} }}")
        await shown(lambda: is_after(player, SECONDS - 20))
        asked = [await one.header_value("range") or "" for one in shows.of_audio()]
        status = [answer.status for one in shows.of_audio() if (answer := await one.response())]

    assert before == 0
    assert seconds == SECONDS
    assert asked[0] == "bytes=0-"
    assert int(asked[-1].removeprefix("bytes=").rstrip("-")) > 16000 * (SECONDS / 2)
    assert set(status) == {206}
    assert (shows.hosts(), shows.complaints) == ({post.host}, [])


async def is_after(player: Locator, second: float) -> bool:
    return await state(player, "currentTime") > second


@pytest.mark.parametrize("fault", ["old", "altered", "cut off"])
async def test_a_link_that_leads_nowhere_says_so_and_plays_nothing(
    browser: Browser, post: Post, fault: str
) -> None:
    links = {
        "old": await post.old_link(),
        "altered": f"{post.link[:-6]}AAAAAA",
        "cut off": f"{PATH}/mail/",
    }
    async with window(browser) as shows:
        answer = await shows.page.goto(post.address(links[fault]))
        said = await shows.page.get_by_role("main").inner_text()
        players = await shows.page.locator("audio").count()

    assert answer is not None
    assert answer.status == 404
    assert "There is nothing here" in said
    assert (players, len(shows.requests)) == (0, 1)


async def test_the_address_of_the_application_shows_what_it_is(
    browser: Browser, post: Post
) -> None:
    async with window(browser) as shows:
        await shows.page.goto(post.address(PATH))
        heading = await shows.page.get_by_role("heading", level=1).inner_text()
        addresses = await shows.page.get_by_role("code").all_inner_texts()

    assert heading == "Voicemail for jambonz"
    assert f"{WEB}{PATH}" in addresses
    assert (shows.hosts(), shows.complaints) == ({post.host}, [])


async def test_all_of_it_is_read_on_a_small_phone_in_the_light_and_in_the_dark(
    browser: Browser, post: Post
) -> None:
    contrasts = await asyncio.to_thread(CONTRASTS.read_text)
    wide = replace(LETTER, caller="x" * 60, words="word" * 200, link=WEB + "/x" * 200)
    ways: list[tuple[str, Callable[[Window], Awaitable[Any]]]] = [
        ("application", lambda shows: shows.page.goto(post.address(PATH))),
        ("message", lambda shows: shows.page.goto(post.address(post.link))),
        ("mail", lambda shows: opened(shows, html_body(wide))),
    ]
    for scheme in ("light", "dark"):
        small = {"viewport": {"width": 320, "height": 640}, "color_scheme": scheme}
        async with window(browser, **small) as shows:
            for name, way in ways:
                await way(shows)
                assert not await shows.scrolls_sideways(), (name, scheme)
                seen = await shows.page.evaluate(contrasts)
                assert seen
                assert min(seen.values()) >= 4.5, (name, scheme, seen)  # WCAG 2.2, 1.4.3
