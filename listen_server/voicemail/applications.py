"""The two applications: one number leaves messages, one fetches them. mounting.py serves both.

Both have all hooks, so that a call goes from one to the other: `*` in a greeting asks for the PIN.
"""

from listen_server.jambonz import Call, Verbs
from listen_server.voicemail.fetching import FetchingHooks
from listen_server.voicemail.leaving import LeavingHooks


class Leaving(FetchingHooks, LeavingHooks):
    """A caller leaves a message."""

    async def on_call(self, call: Call) -> Verbs:
        """Greet, and record."""
        return await self.caller_called(call)


class Fetching(FetchingHooks, LeavingHooks):
    """An owner fetches messages."""

    async def on_call(self, call: Call) -> Verbs:
        """Ask who it is."""
        return await self.owner_called(call)
