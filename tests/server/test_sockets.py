"""Ports: which, whose fault, and what to do about it."""

import socket
from collections.abc import Iterator

import pytest

from listen_server.errors import ConfigError
from listen_server.server.options import ServerOptions
from listen_server.server.sockets import bind, bound


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_port_0_is_a_free_port_and_is_told() -> None:
    options = ServerOptions(port=0, admin_port=0)
    (sockets,) = bind(options, admin=True)

    where = bound(sockets, options)

    assert where.port > 0
    assert where.admin_port not in (0, None, where.port)
    socket.create_connection(("127.0.0.1", where.port)).close()
    sockets.close()


def test_a_port_in_use_is_one_sentence_with_the_fix(taken: int) -> None:
    with pytest.raises(ConfigError) as caught:
        bind(ServerOptions(port=taken), admin=False)

    (fault,) = caught.value.faults
    assert f"port {taken} on 127.0.0.1 is in use" in fault
    assert "--port" in fault


def test_both_ports_are_complained_of_together(taken: int) -> None:
    with pytest.raises(ConfigError) as caught:
        bind(ServerOptions(port=taken, admin_port=taken), admin=True)

    first, second = caught.value.faults
    assert "--port" in first
    assert "--admin-port" in second


def test_workers_do_not_slip_in_beside_another_server() -> None:
    options = ServerOptions(port=0, workers=2)
    theirs = bind(options, admin=False)
    port = bound(theirs[0], options).port

    with pytest.raises(ConfigError, match="is in use"):
        bind(ServerOptions(port=port, workers=2), admin=False)

    for one in theirs:
        one.close()


def test_each_worker_has_a_socket_of_its_own_on_the_one_port() -> None:
    options = ServerOptions(port=0, admin_port=0, workers=3)

    shares = bind(options, admin=True)

    assert len({bound(share, options).port for share in shares}) == 1
    assert len({share.audio[0].fileno() for share in shares}) == 3
    assert len({share.admin[0].fileno() for share in shares}) == 1
    for share in shares:
        share.close()


@pytest.mark.parametrize(("host", "says"), [("192.0.2.1", "no address of"), ("no such", "--host")])
def test_a_host_that_is_not_ours_is_named(host: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        bind(ServerOptions(host=host, port=0), admin=False)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_two_colons_are_every_address_old_and_new(address: str) -> None:
    options = ServerOptions(host="::", port=0)
    (sockets,) = bind(options, admin=False)

    with socket.create_connection((address, bound(sockets, options).port)):
        sockets.close()


def test_a_name_with_several_addresses_listens_on_all_of_them() -> None:
    options = ServerOptions(host="localhost", port=0)
    (sockets,) = bind(options, admin=False)

    found = {one.getsockname()[1] for one in sockets.audio}

    assert found == {bound(sockets, options).port}
    sockets.close()
