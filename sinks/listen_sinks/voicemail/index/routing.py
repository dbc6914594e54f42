"""Which mailbox a stream is for, decided in memory. routes.py reads the table from the database.

    Routing -> resolve(tenant, what the route, the metadata, the dialled number say) -> Resolution

The table holds public keys and keyed hashes only. It is kept in a file too, so that calls go to
the right mailbox while the database is away.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from listen_sinks.voicemail.index.numbers import NumberKey, number_key
from listen_sinks.voicemail.keys.mailbox import PublicKey

By: TypeAlias = Literal["pass", "route", "metadata", "number", "catch-all"]
_VERSION: Final = 1
_LONGEST: Final = 256  # characters of an address


class BadRouting(ValueError):  # noqa: N818 - the name is the fault
    """A file that should hold a routing table does not."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A mailbox as a receiver sees it."""

    key: PublicKey  # names the mailbox, too
    settings: Mapping[str, Any]  # the tenant's, then its own: policies.py reads them
    full: bool  # its quota was used up when the table was made

    @property
    def mailbox(self) -> str:
        """The mailbox's id."""
        return self.key.mailbox


@dataclass(frozen=True, slots=True)
class TenantRoutes:
    """The mailboxes of one tenant."""

    salt: bytes = field(repr=False)
    numbers: NumberKey
    mailboxes: Mapping[str, Destination]  # by id
    addresses: Mapping[str, str] = field(repr=False)  # keyed hash to id
    catch_all: str | None  # id; every tenant has one, unless it is being made

    def find(self, address: object) -> Destination | None:
        """Find a mailbox by its id, or by one of its numbers or names."""
        if type(address) is int and abs(address) < 10**_LONGEST:
            address = str(address)
        if not isinstance(address, str) or not 0 < len(address) <= _LONGEST:
            return None
        text = address.strip()
        mailbox = text.upper()
        if mailbox not in self.mailboxes:
            mailbox = self.addresses.get(self.numbers.mailbox(text), "")
        return self.mailboxes.get(mailbox)


@dataclass(frozen=True, slots=True)
class Routing:
    """All tenants, as they were at `loaded_at`."""

    tenants: Mapping[str, TenantRoutes]
    loaded_at: datetime

    def to_bytes(self) -> bytes:
        """Return it as JSON: nothing in it opens or finds anything without the secret."""
        tenants = {name: _plain(routes) for name, routes in self.tenants.items()}
        table = {"v": _VERSION, "loaded_at": self.loaded_at.isoformat(), "tenants": tenants}
        return json.dumps(table, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes, secret: bytes) -> "Routing":
        """Read it back; `secret` is that of the keyed hashes. Raises BadRouting."""
        try:
            table = json.loads(data)
            if table["v"] != _VERSION:
                raise BadRouting("a routing table of another version")
            tenants = {name: _routes(plain, secret) for name, plain in table["tenants"].items()}
            return cls(tenants, datetime.fromisoformat(table["loaded_at"]))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise BadRouting("a routing table that cannot be read") from error


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where a stream goes, and what it was found by."""

    destination: Destination
    by: By
    missed: tuple[By, ...]  # what named no mailbox of the tenant, though it named something


def resolve(
    routing: Routing,
    tenant: str,
    route_mailbox: object = None,
    metadata_mailbox: object = None,
    to_number: object = None,
    granted_mailbox: str | None = None,
) -> Resolution | None:
    """Choose the mailbox: by the pass, the route, the metadata, the number, else the catch-all.

    A pass names it by id. What names no mailbox is passed over. Never raises, whatever the values
    are. None only if nothing is known of the tenant, not even a catch-all: there is no key to seal
    to.
    """
    routes = routing.tenants.get(tenant)
    if routes is None:
        return None
    named: tuple[tuple[By, object], ...] = (
        ("route", route_mailbox),
        ("metadata", metadata_mailbox),
        ("number", to_number),
    )
    missed: list[By] = []
    if granted_mailbox is not None:
        if found := routes.mailboxes.get(granted_mailbox):
            return Resolution(found, "pass", ())
        missed.append("pass")
    for by, address in named:
        if found := routes.find(address):
            return Resolution(found, by, tuple(missed))
        if address not in (None, ""):
            missed.append(by)
    catch_all = routes.mailboxes.get(routes.catch_all or "")
    return Resolution(catch_all, "catch-all", tuple(missed)) if catch_all else None


def _plain(routes: TenantRoutes) -> dict[str, Any]:
    return {
        "salt": _text(routes.salt),
        "catch_all": routes.catch_all,
        "addresses": dict(routes.addresses),
        "mailboxes": [
            {
                "id": place.key.mailbox,
                "version": place.key.version,
                "kem": place.key.kem,
                "public": _text(place.key.raw),
                "settings": dict(place.settings),
                "full": place.full,
            }
            for place in routes.mailboxes.values()
        ],
    }


def _routes(plain: Mapping[str, Any], secret: bytes) -> TenantRoutes:
    salt = _bytes(plain["salt"])
    places = [
        Destination(
            PublicKey(one["id"], one["version"], one["kem"], _bytes(one["public"])),
            dict(one["settings"]),
            bool(one["full"]),
        )
        for one in plain["mailboxes"]
    ]
    return TenantRoutes(
        salt=salt,
        numbers=number_key(secret, salt),
        mailboxes={place.mailbox: place for place in places},
        addresses=dict(plain["addresses"]),
        catch_all=plain["catch_all"],
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
