"""What jambonz must be told so that its calls come here. commands/doctor.py prints it."""

import re
import socket
from collections.abc import Iterator
from typing import Any, Final

from listen_server.credentials import CredentialStore, Scope
from listen_server.settings import Settings
from listen_server.simulator.handshake import Credential

PASSWORD: Final = "PASSWORD"  # noqa: S105 - it stands for one
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - recognised, not bound
_VENDOR: Final = "/record/{vendor}"


def verb(settings: Settings, auth: Credential | None) -> dict[str, Any]:
    """Return the listen verb for an application."""
    made: dict[str, Any] = {
        "verb": "listen",
        "url": public_url(settings, verb_path(settings) or "/"),
        "mixType": "stereo",
        "actionHook": "/recorded",
    }
    if auth is not None:
        made["wsAuth"] = {"username": auth.username, "password": auth.password}
    return made


def recorder_lines(settings: Settings, auth: Credential | None) -> Iterator[str]:
    """Yield what makes jambonz record all calls here, for its feature server's environment."""
    recorder = next((path for path in settings.routes if path.endswith(_VENDOR)), None)
    if recorder is None:
        return
    base = public_url(settings, recorder.removesuffix(_VENDOR) or "/").rstrip("/")
    yield f"JAMBONZ_RECORD_WS_BASE_URL={base}"
    yield f"JAMBONZ_RECORD_WS_USERNAME={auth.username if auth else 'anybody'}"
    yield f"JAMBONZ_RECORD_WS_PASSWORD={auth.password if auth else 'anything'}"


def newest_credential(credentials: CredentialStore, scope: Scope) -> Credential | None:
    """Return the newest credential of a scope, with a word in the place of its password."""
    fitting = [one for one in credentials.all() if scope in one.scopes]
    if not fitting:
        return None
    return Credential(max(fitting, key=lambda one: one.created).user, PASSWORD)


def verb_path(settings: Settings) -> str | None:
    """Return a path for applications; what a pattern leaves open stands in capitals."""
    patterns = [path for path in settings.routes if "record" not in path.split("/")]
    if not patterns:
        return None
    plainest = min(patterns, key=lambda path: path.count("{"))
    return re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), plainest)


def public_url(settings: Settings, path: str) -> str:
    """Return the address of a path as jambonz reaches it."""
    if settings.public_audio_url:
        return settings.public_audio_url.rstrip("/") + path
    scheme = "wss" if settings.tls_cert else "ws"
    host = socket.getfqdn() if is_everywhere(settings) else settings.host
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}:{settings.port}{path}"


def web_address(settings: Settings, path: str) -> str:
    """Return the address of an application as jambonz reaches it over webhooks: https://..."""
    base = settings.public_web_url or re.sub("^ws", "http", public_url(settings, ""))
    return base.rstrip("/") + path


def socket_address(settings: Settings, path: str) -> str:
    """Return the address of an application as jambonz reaches it over its websocket: wss://..."""
    return re.sub("^http", "ws", web_address(settings, path))


def is_everywhere(settings: Settings) -> bool:
    """Tell whether every address of the machine is listened on, so that none is a name for it."""
    return settings.host in _EVERYWHERE
