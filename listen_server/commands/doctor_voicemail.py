"""What the doctor says of voicemail: its two applications, its page, its mailboxes, its mail.

doctor.py shows it. The applications are entered in jambonz; a mail is never sent from here.
"""

import asyncio
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from listen_server.app import App
from listen_server.checks import Finding, Level
from listen_server.commands.doctor_addresses import Entrance, Look, entrance
from listen_server.jambonz.application import STATUS_PATH
from listen_server.pasting import web_address
from listen_server.settings import Settings
from listen_server.simulator.errors import CallError
from listen_server.simulator.target import tls_context
from listen_server.voicemail.config import VoicemailSettings, stream_route
from listen_sinks.api import SinkError
from listen_sinks.mail.smtp import MailAway, MailServer
from listen_sinks.voicemail.access import access
from listen_sinks.voicemail.config import VoicemailConfig
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.mailboxes import list_mailboxes
from listen_sinks.voicemail.pins import Pins
from listen_sinks.voicemail.plugin import Voicemail

_PATIENCE: Final = 10.0  # seconds for the page
_MOST: Final = 2**16  # bytes of it that are read
_TITLE: Final = b"<title>Voicemail for jambonz</title>"
_WRONG_PLACE: Final = "does `public_web_url` lead here, and does the proxy pass this path on?"
_INDEX: Final = "index.db"  # webhooks have one, too
_SECRET: Final = VoicemailConfig.model_fields["number_secret"].default
_FIXES: Final[Mapping[str, str]] = {
    "login refused": "look at `user` and `password`",
    "its certificate": "name its authority in `ca_file`, or its own name in `host`",
    "it offers no STARTTLS": 'set `tls = "tls"` and the port for that, mostly 465',
    "no TLS could": 'set `tls = "starttls"` and the port for that, mostly 587',
    "it offers no login": "take `user` and `password` out, or ask whose server it is",
    "sender refused": "set a `sender` that `user` may be",
    "its name": "look at `host`",
    "nothing listens": "look at `port`",
}
ADD: Final = "`listen-server mailboxes add NUMBER --tenant {} --new-pin --email ADDRESS`"


def voicemail(look: Look) -> Iterator[Entrance]:
    """Yield the applications of voicemail, where it is served, and knock at them."""
    settings = look.app.settings
    wanted = settings.voicemail
    if stream_route(wanted, settings.routes) is None:
        return
    status = web_address(settings, wanted.path) + STATUS_PATH
    signed = bool(wanted.secrets)
    paths = {"leaving messages": wanted.path}
    if wanted.retrieval:
        paths["fetching messages"] = f"{wanted.path}/owner"
    for what, path in paths.items():
        yield entrance(look, f"voicemail, {what}", path, tenant=None, signed=signed, status=status)


def voicemail_findings(look: Look) -> Iterator[Finding]:
    """Yield what keeps voicemail from working, where it is served; and mail. Blocks."""
    settings = look.app.settings
    if stream_route(settings.voicemail, settings.routes) is not None:
        yield from _page(look)
        yield from _mailboxes(look.app)
    elif settings.voicemail.enabled is not False and _is_expected(settings):
        yield Finding("warn", _not_served(settings.voicemail))
    if settings.mail is not None:
        yield from _mail(look.app)


def _is_expected(settings: Settings) -> bool:
    """Tell whether somebody has set voicemail up: in the settings, or by a mailbox."""
    if "voicemail" in settings.model_fields_set:
        return True
    return all((settings.data_dir / file).exists() for file in (_INDEX, _SECRET))


def _not_served(wanted: VoicemailSettings) -> str:
    return (
        f"no route has a voicemail sink, so {wanted.path} is not served: write "
        f'`sinks = ["{wanted.sink}"]` under [routes."/listen"]'
    )


def _page(look: Look) -> Iterator[Finding]:
    """Fetch the page as a browser would: the same way as hooks come."""
    settings = look.app.settings
    url = web_address(settings, settings.voicemail.path)
    request = urllib.request.Request(url, headers={"accept": "text/html"})  # noqa: S310 - http(s), as `WebUrl` checks
    try:
        context = tls_context(ca_file=look.ca_file) if url.startswith("https:") else None
        with urllib.request.urlopen(request, timeout=_PATIENCE, context=context) as answer:  # noqa: S310 - as above
            found, text = answer.url, answer.read(_MOST)
    except urllib.error.HTTPError as error:
        error.close()
        yield Finding("bad", f"{url} answers a browser with {error.code}: {_WRONG_PLACE}")
    except CallError as error:
        yield Finding("bad", str(error))
    except (OSError, ValueError) as error:
        level: Level = "bad" if settings.public_web_url else "warn"
        yield Finding(level, f"{url} shows no page: {_why(error)}")
    else:
        if found != url:
            yield Finding("bad", f"{url} redirects, and jambonz may not follow: {_WRONG_PLACE}")
        elif _TITLE not in text:
            yield Finding("bad", f"{url} shows another page than ours: {_WRONG_PLACE}")
        else:
            yield Finding("ok", f"{url} shows its page")


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({reason.verify_message}); --ca-file names others"
    if isinstance(reason, OSError):
        return reason.strerror or type(reason).__name__
    return str(reason)


@dataclass
class _Boxes:
    """What mailboxes a tenant has."""

    numbered: int = 0
    with_pin: int = 0


def _mailboxes(app: App) -> Iterator[Finding]:
    plugin = app.sinks[app.settings.voicemail.sink].plugin
    if not isinstance(plugin, Voicemail):
        return  # the App would not be there
    try:
        found = asyncio.run(_counted(plugin))
    except (IndexAway, SinkError) as error:
        yield Finding("bad", f"mailboxes cannot be looked at: {error}")
        return
    entering = {credential.tenant for credential in app.credentials.all()}
    wanted = entering or {app.settings.voicemail.tenant}
    for tenant in sorted(wanted | found.keys()):
        boxes = found.get(tenant, _Boxes())
        if not boxes.numbered and tenant in wanted:
            says = f"no mailbox of tenant {tenant} has a number, so nobody can be called"
            yield Finding("warn", f"{says}: {ADD.format(tenant)}")
        elif not boxes.numbered:
            continue
        elif entering and tenant not in entering:
            says = f"tenant {tenant} has mailboxes and no credential, so jambonz never comes for it"
            yield Finding("warn", f"{says}: `listen-server credentials add {tenant}`")
        else:
            pins = f"{boxes.with_pin} with a PIN"
            says = f"tenant {tenant}: {boxes.numbered} mailbox(es) with a number, {pins}"
            yield Finding("ok", says)


async def _counted(plugin: Voicemail) -> Mapping[str, _Boxes]:
    """Count mailboxes by tenant. Raises IndexAway, SinkError."""
    found: dict[str, _Boxes] = {}
    async with access(plugin) as store:
        pins = Pins(store.database, store.secret)
        for tenant in await store.tenants():
            boxes = found.setdefault(tenant.id, _Boxes())
            for box in await list_mailboxes(store.database, tenant.id):
                boxes.numbered += box.addresses > 0
                boxes.with_pin += await pins.state(box.id) is not None
    return found


def _mail(app: App) -> Iterator[Finding]:
    settings, wanted = app.settings, app.settings.mail
    if wanted is None:
        return
    if not any(isinstance(sink.plugin, Voicemail) for sink in app.sinks.values()):
        yield Finding("warn", "mail: it tells of voicemail, and no route has that sink")
    if wanted.link_hours and settings.public_web_url is None:
        yield Finding("warn", "mail: it has no link to the message: set `public_web_url`")
    where = f"mail: {wanted.host}, port {wanted.port}"
    try:
        asyncio.run(_look(MailServer(wanted, settings.data_dir)))
    except MailAway as error:
        fix = next((fix for begins, fix in _FIXES.items() if str(error).startswith(begins)), "")
        yield Finding("bad", f"{where}: {error}" + (f"; {fix}" if fix else ""))
    except SinkError as error:
        yield Finding("bad", str(error))
    else:
        how = "without TLS" if wanted.tls == "none" else "by TLS"
        yield Finding("ok", f"{where} takes mail {how}; none was sent")


async def _look(server: MailServer) -> None:
    await server.open()
    await server.look()
