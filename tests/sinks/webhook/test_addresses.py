import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.webhook.addresses import Inside, Unresolved, may_reach, resolve

INSIDE = (
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "0.0.0.0", "255.255.255.255"),  # noqa: S104
    *("169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16"),  # of clouds
    *("100.64.0.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "192.0.2.1"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.1.2.3", "::10.0.0.1"),
    *("64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    "2001:0:102:304::f5ff:fffe",  # Teredo of 10.0.0.1
    *("2001:db8::1", "100::1", "no address", ""),
)
OUTSIDE = ("8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("address", INSIDE)
def test_the_inside_of_a_network_is_not_reached(address: str) -> None:
    assert not may_reach(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_internet_is_reached(address: str) -> None:
    assert may_reach(address)


def test_what_is_allowed_is_reached_and_nothing_beside_it() -> None:
    allowed = [ipaddress.ip_network("10.20.0.0/16"), ipaddress.ip_network("fd00:1::/32")]

    assert may_reach("10.20.3.4", allowed)
    assert may_reach("::ffff:10.20.3.4", allowed)
    assert may_reach("fd00:1::5", allowed)
    assert not may_reach("10.21.0.1", allowed)
    assert not may_reach("fd00:2::5", allowed)
    assert not may_reach("127.0.0.1", allowed)


@given(st.ip_addresses(v=4))
def test_an_address_is_the_same_however_it_is_written(address: ipaddress.IPv4Address) -> None:
    assert may_reach(str(address)) == may_reach(f"::ffff:{address}")


@given(st.one_of(st.ip_addresses(), st.text(max_size=40)))
def test_what_is_reached_is_never_private(address: object) -> None:
    if may_reach(str(address)):
        found = ipaddress.ip_address(str(address))
        assert not found.is_loopback
        assert not found.is_link_local
        assert not found.is_multicast


async def test_one_address_inside_is_enough_to_refuse_a_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering("93.184.216.34", "10.0.0.1"))

    with pytest.raises(Inside):
        await resolve("rebinding.example", 443)


async def test_a_name_has_all_its_addresses_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answering("2606:4700::1111", "93.184.216.34", "93.184.216.34")
    monkeypatch.setattr(socket, "getaddrinfo", found)

    assert await resolve("example.com", 443) == ["2606:4700::1111", "93.184.216.34"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "::1"])
async def test_a_number_is_read_as_the_system_reads_it(host: str) -> None:
    with pytest.raises((Inside, Unresolved)):
        await resolve(host, 80)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 300, "..", "xn--\u00df"])
async def test_a_name_without_an_address_may_have_one_later(host: str) -> None:
    with pytest.raises(Unresolved):
        await resolve(host, 80)


async def test_while_no_name_is_resolved_nothing_but_webhooks_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back = threading.Event()

    def no_answer(*_: object, **__: object) -> list[Any]:
        back.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", no_answer)
    lookups = [asyncio.create_task(resolve("crm.example", 443)) for _ in range(64)]
    await asyncio.sleep(0)  # all of them have begun

    try:
        async with asyncio.timeout(5):
            assert await asyncio.to_thread(str, "a file is read") == "a file is read"
    finally:
        back.set()
        found = await asyncio.gather(*lookups, return_exceptions=True)
    assert all(isinstance(one, Unresolved) for one in found)


def answering(*addresses: str) -> Callable[..., Any]:
    def getaddrinfo(_host: str, port: int, *_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    return getaddrinfo
