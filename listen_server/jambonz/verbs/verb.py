"""What every verb has: its name, its `id`, and how it reads and writes itself; families beside it.

Written alone a verb is an object with `verb`; nested in another it has no `verb`, which jambonz
would refuse there as a property that it does not know.
"""

from typing import Any, ClassVar

from pydantic import model_validator

from listen_server.jambonz.model import NOWHERE, Addresses, Part, without


class Verb(Part):
    """One instruction of an application."""

    verb: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()

    id: str | None = None
    """Name of this one; it comes back with its hooks and its `verb:status`."""

    def write(self, addresses: Addresses = NOWHERE) -> dict[str, Any]:
        """Return the verb as jambonz takes it in an application."""
        return {"verb": self.verb, **self.write_nested(addresses)}

    def write_nested(self, addresses: Addresses = NOWHERE) -> dict[str, Any]:
        """Return the verb as jambonz takes it inside of another, or of a command."""
        return super().write(addresses)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        """Take the name of the verb for granted where it is the right one."""
        if not isinstance(given, dict) or given.get("verb") not in (cls.verb, *cls.aliases):
            return given
        return without(given, ["verb"])
