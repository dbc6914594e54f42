"""Where a webhook may go: no address of the inside of a network, unless the operator allows it.

A name is resolved once for each try, every address that it has is checked, and one of those is
connected to: what the name says to somebody else, or a moment later, does not count.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address at its end
_OUTSIDE_6: Final = ipaddress.IPv6Network("2000::/3")  # all that IANA gives to the internet
# What Python knows as special depends on its version; these are, by IANA's registries (RFC 6890).
_SPECIAL: Final[tuple[Network, ...]] = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments; a cloud's metadata among them
    IPv4Network("192.88.99.0/24"),  # once the way to 6to4
    IPv4Network("168.63.129.16/32"),  # looks public, and is the host of Azure's machines
    IPv6Network("2001::/23"),  # protocol assignments; Teredo among them
    IPv6Network("3fff::/20"),  # documentation
)

_LOOKUPS: Final = ThreadPoolExecutor(4, thread_name_prefix="webhook-names")
"""Of their own: a resolver that is away keeps a thread for many seconds, and others need theirs."""


class Inside(Exception):  # noqa: N818 - a finding about a name, and no fault of a program
    """A name leads, or might lead, to the inside of the network."""


class Unresolved(Exception):  # noqa: N818 - a finding; later it may be otherwise
    """A name has no address, for now."""


async def resolve(host: str, port: int, allowed: Sequence[Network] = ()) -> list[str]:
    """Return the addresses of a host, if each of them may be connected to.

    Raises Inside, Unresolved.
    """
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.get_running_loop().run_in_executor(_LOOKUPS, look_up)
    except (OSError, UnicodeError) as error:
        raise Unresolved("its name has no address") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise Unresolved("its name has no address")
    if not all(may_reach(address, allowed) for address in addresses):
        raise Inside("its address is inside the network: see allow_networks")
    return addresses


def may_reach(text: str, allowed: Sequence[Network] = ()) -> bool:
    """Say whether an address is on the internet, or in a network that is allowed."""
    try:
        address = _meant(ipaddress.ip_address(text))
    except ValueError:
        return False
    if any(address in network for network in allowed):  # of the other version: never
        return True
    if isinstance(address, IPv6Address) and (address.scope_id or address not in _OUTSIDE_6):
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
