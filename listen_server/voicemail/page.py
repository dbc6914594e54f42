"""What a browser sees at the address of the application: what it is, and what to enter in jambonz.

No secret is on it, so everybody may see it. jambonz's own GET goes to the application: mounting.py.
"""

from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from listen_server.voicemail.plain_page import PlainPage

_PAGE: Final = PlainPage(
    "Voicemail for jambonz",
    44,
    style=(
        "code{background:#eee;padding:.1em .3em;overflow-wrap:anywhere;"
        "-webkit-box-decoration-break:clone;box-decoration-break:clone}"
        "dt{font-weight:bold;margin-top:1rem}dd{margin:0}"
    ),
    dark="code{background:#333}",
)
_CONTENT: Final = """\
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
<code>listen-server doctor</code> checks all of this.</p>"""
_BASIC: Final = (
    "HTTP Basic: user and password as <code>listen-server credentials add TENANT</code> printed "
    "them."
)
_OPEN: Final = (
    "None: this server takes calls from its own machine only. <code>listen-server credentials add "
    "TENANT</code> makes a user and a password for others."
)


def page(*, path: str, web: str, open_: bool, retrieval: bool) -> Response:
    """Return the page. `web` is scheme and host, as jambonz is to enter them."""
    scheme, separator, host = web.partition("://")
    socket_scheme = "wss" if scheme == "https" else "ws"
    socket = f"{socket_scheme}{separator}{host}"
    owner = " or ".join(f"<code>{escape(base + path)}/owner</code>" for base in (web, socket))
    content = _CONTENT.format(
        web=escape(web),
        socket=escape(socket),
        scheme=socket_scheme,
        path=escape(path),
        owner=owner if retrieval else "Turned off here: <code>[voicemail] retrieval</code>.",
        auth=_OPEN if open_ else _BASIC,
    )
    return _PAGE.answer(content)


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
