"""The frame of the pages that people see: plain HTML without scripts, and nothing from elsewhere.

page.py and listening_page.py fill it.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import HTMLResponse, Response

_STYLE: Final = (
    ":root{{color-scheme:light dark}}"  # a player and the bars are dark in the dark, too
    "body{{font:1rem/1.5 system-ui,sans-serif;max-width:{width}rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}}{more}"
    "@media(prefers-color-scheme:dark){{body{{color:#eee;background:#1a1a1a}}{dark}}}"
)
_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class PlainPage:
    """A kind of page. Its content is HTML: whoever puts a value in escapes it."""

    title: str
    width: int
    """At most, in rem."""
    style: str = ""
    """CSS of its own."""
    dark: str = ""
    """The same, in the dark."""
    policy: str = ""
    """What it may load, beside its style: directives of a Content-Security-Policy."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of its own."""

    def answer(self, content: str, status: int = 200) -> Response:
        """Return it with a content."""
        style = _STYLE.format(width=self.width, more=self.style, dark=self.dark)
        known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        headers = {
            "content-security-policy": (
                f"default-src 'none'; style-src 'sha256-{known}'; {self.policy}base-uri 'none'; "
                "form-action 'none'; frame-ancestors 'none'"
            ),
            "cache-control": "no-store",
            "cross-origin-resource-policy": "same-origin",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            **self.headers,
        }
        text = _PAGE.format(title=self.title, style=style, content=content)
        return HTMLResponse(text, status, headers=headers)
