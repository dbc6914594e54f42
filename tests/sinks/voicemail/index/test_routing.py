import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_index import NOON, SECRET, make_key
from ulid import ULID

from listen_sinks.voicemail.index.numbers import number_key
from listen_sinks.voicemail.index.routing import (
    BadRouting,
    Destination,
    Routing,
    TenantRoutes,
    resolve,
)

ADDRESSES = ["+4930111", "+4930222", "sales", "100"]


def make_routes(*addresses: str, catch_all: bool = True) -> TenantRoutes:
    """Make a tenant whose mailboxes have one address each, and one that has none."""
    salt = os.urandom(32)
    numbers = number_key(SECRET, salt)
    mailboxes = {(key := make_key().public).mailbox: key for _ in range(len(addresses) + 1)}
    ids = list(mailboxes)
    return TenantRoutes(
        salt=salt,
        numbers=numbers,
        mailboxes={
            one: Destination(key, {"min_seconds": 1}, full=False) for one, key in mailboxes.items()
        },
        addresses=dict(zip(map(numbers.mailbox, addresses), ids[1:], strict=True)),
        catch_all=ids[0] if catch_all else None,
    )


def make_routing(**tenants: TenantRoutes) -> Routing:
    return Routing(tenants, NOON)


ACME = make_routes(*ADDRESSES)
GLOBEX = make_routes("+4930333", "sales")
ROUTING = make_routing(acme=ACME, globex=GLOBEX)


def test_the_route_counts_before_the_metadata_and_that_before_the_number() -> None:
    by_route = resolve(ROUTING, "acme", "+4930111", "+4930222", "100")
    by_metadata = resolve(ROUTING, "acme", None, "+49 30 222", "100")
    by_number = resolve(ROUTING, "acme", None, None, "100")

    assert [found and found.by for found in (by_route, by_metadata, by_number)] == [
        "route",
        "metadata",
        "number",
    ]
    ids = [found and found.destination.mailbox for found in (by_route, by_metadata, by_number)]
    assert ids == [ACME.addresses[ACME.numbers.mailbox(a)] for a in ("+4930111", "+4930222", "100")]


def test_a_mailbox_is_found_by_its_id_in_any_case() -> None:
    mailbox = list(ACME.mailboxes)[2]

    found = resolve(ROUTING, "acme", mailbox.lower())

    assert found is not None
    assert (found.destination.mailbox, found.by, found.missed) == (mailbox, "route", ())


def test_what_names_no_mailbox_is_passed_over_and_told() -> None:
    found = resolve(ROUTING, "acme", "nobody", 4930222, "100")

    assert found is not None
    assert (found.by, found.missed) == ("metadata", ("route",))


def test_a_call_that_fits_nowhere_goes_to_the_catch_all() -> None:
    found = resolve(ROUTING, "acme", "nobody", ["no", "name"], "+1")

    assert found is not None
    assert found.destination.mailbox == ACME.catch_all
    assert (found.by, found.missed) == ("catch-all", ("route", "metadata", "number"))


def test_another_tenants_mailbox_cannot_be_named() -> None:
    (stranger, *_) = GLOBEX.mailboxes

    for named in (stranger, "+4930333"):
        found = resolve(ROUTING, "acme", named, named, named)
        assert found is not None
        assert found.destination.mailbox == ACME.catch_all


def test_only_a_tenant_without_any_key_at_hand_gets_nothing() -> None:
    bare = make_routing(acme=make_routes(catch_all=False))

    assert resolve(ROUTING, "initech", "sales") is None
    assert resolve(bare, "acme", "sales") is None


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMED = JSON | st.sampled_from([*ADDRESSES, *ACME.mailboxes, *GLOBEX.mailboxes, "+4930333"])


@given(NAMED, NAMED, NAMED)
def test_no_metadata_whatever_makes_a_call_refused_or_leave_its_tenant(
    route: Any, metadata: Any, number: Any
) -> None:
    found = resolve(ROUTING, "acme", route, metadata, number)

    assert found is not None
    assert found.destination.mailbox in ACME.mailboxes
    assert found.by not in found.missed
    if found.by != "catch-all":
        named = {"route": route, "metadata": metadata, "number": number}[found.by]
        assert ACME.find(named) is found.destination


@given(NAMED, NAMED, NAMED)
def test_a_table_that_comes_from_a_file_routes_the_same(
    route: Any, metadata: Any, number: Any
) -> None:
    again = Routing.from_bytes(ROUTING.to_bytes(), SECRET)

    assert again == ROUTING
    assert resolve(again, "acme", route, metadata, number) == resolve(
        ROUTING, "acme", route, metadata, number
    )


def test_the_file_holds_no_number_and_no_key_that_hashes_one() -> None:
    data = ROUTING.to_bytes()

    for address in ("4930111", "sales", SECRET.hex()):
        assert address.encode() not in data
    assert ACME.numbers.key not in data
    assert ACME.numbers.key.hex().encode() not in data
    assert "4930111" not in repr(ROUTING)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"v":2}',
        b"\xff",
        b'{"v":1,"loaded_at":"today","tenants":{}}',
        b'{"v":1,"loaded_at":"2026-05-04T12:00:00+00:00","tenants":{"acme":{"salt":"AAAA"}}}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_table_is_told_from_one(data: bytes) -> None:
    with pytest.raises(BadRouting):
        Routing.from_bytes(data, SECRET)


@given(st.integers(0, len(ROUTING.to_bytes())))
def test_a_file_that_is_cut_anywhere_is_told_from_a_whole_one(length: int) -> None:
    data = ROUTING.to_bytes()[:length]
    try:
        json.loads(data)
    except ValueError:
        with pytest.raises(BadRouting):
            Routing.from_bytes(data, SECRET)


def test_ids_are_not_taken_for_names() -> None:
    assert ACME.find(str(ULID())) is None
