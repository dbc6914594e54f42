"""How jambonz reaches this server: by its public addresses, or as it came. desk.py asks."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from listen_server.jambonz import Addresses, Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Addresses as far as they are set."""

    addresses: Addresses
    secure: bool
    """Whether jambonz comes by TLS, whatever a proxy in front makes of it."""

    def web(self, call: Call | None) -> str:
        """Return what addresses of audio begin with; empty if nobody knows."""
        if self.addresses.web or call is None or call.base is None:
            return self.addresses.web or ""
        return f"http{self._tls(call.base)}://{urlsplit(call.base).netloc}"

    def audio(self, call: Call) -> str:
        """Return where streams go. A path alone would do, but jambonz gives no pass to those."""
        if self.addresses.audio or call.base is None:
            return self.addresses.audio or ""
        return f"ws{self._tls(call.base)}://{urlsplit(call.base).netloc}"

    def _tls(self, base: str) -> str:
        return "s" if self.secure or base.startswith("https") else ""
