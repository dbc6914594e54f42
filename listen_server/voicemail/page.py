"""What a browser sees at the address of the application: what it is, and what to enter in jambonz.

No secret is on it, so everybody may see it. jambonz's own GET goes to the application: mounting.py.
"""

import base64
import hashlib
from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}"
    "code{background:#eee;padding:.1em .3em;overflow-wrap:anywhere}"
    "dt{font-weight:bold;margin-top:1rem}dd{margin:0}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#1a1a1a}code{background:#333}}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}
_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Voicemail for jambonz</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Voicemail for jambonz</h1>
<p>This address is an application for jambonz, and no page to work with. Callers whose numbers are
routed to it leave messages; owners of mailboxes call another number to hear them.</p>
<h2>What to enter in jambonz</h2>
<p>Two applications. The address decides on the transport: hooks by <code>https</code>, or one
websocket for each call by <code>wss</code>.</p>
<dl>
<dt>Leaving messages: calling webhook</dt>
<dd><code>{web}{path}</code> or <code>{socket}{path}</code></dd>
<dt>Fetching messages: calling webhook</dt>
<dd>{owner}</dd>
<dt>Both: call status webhook</dt>
<dd><code>{web}{path}/call-status</code>; with <code>{scheme}</code> the same as the calling
webhook</dd>
<dt>Method</dt>
<dd>POST</dd>
<dt>Authentication</dt>
<dd>{auth}</dd>
</dl>
<h2>Mailboxes</h2>
<p><code>listen-server mailboxes add NUMBER --new-pin</code> makes one.
<code>listen-server doctor</code> checks all of this.</p>
</main>
</body>
</html>
"""
_BASIC: Final = (
    "HTTP Basic: user and password as <code>listen-server credentials add TENANT</code> printed "
    "them."
)
_OPEN: Final = (
    "None: this server takes calls from its own machine only. <code>listen-server credentials add "
    "TENANT</code> makes a user and a password for others."
)


def page(request: Request, *, path: str, web: str, open_: bool, retrieval: bool) -> Response:
    """Return the page. `web` is scheme and host, as jambonz is to enter them."""
    scheme, separator, host = web.partition("://")
    socket_scheme = "wss" if scheme == "https" else "ws"
    socket = f"{socket_scheme}{separator}{host}"
    owner = " or ".join(f"<code>{escape(base + path)}/owner</code>" for base in (web, socket))
    text = _PAGE.format(
        style=_STYLE,
        web=escape(web),
        socket=escape(socket),
        scheme=socket_scheme,
        path=escape(path),
        owner=owner if retrieval else "Turned off here: <code>[voicemail] retrieval</code>.",
        auth=_OPEN if open_ else _BASIC,
    )
    return HTMLResponse("" if request.method == "HEAD" else text, headers=_HEADERS)


def wants_page(request: Request) -> bool:
    """Tell a person from jambonz, which names a call and asks for no HTML.

    Who brings a credential and is no browser is jambonz as well, whatever it forgets to say.
    """
    if request.method not in {"GET", "HEAD"} or "call_sid" in request.query_params:
        return False
    if "callSid" in request.query_params:
        return False
    return (
        "text/html" in request.headers.get("accept", "") or "authorization" not in request.headers
    )
