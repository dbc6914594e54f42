from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from message_index import NOON
from ulid import ULID

from listen_sinks.voicemail.index.audit import (
    FIRST,
    AuditEntry,
    AuditEvent,
    AuditProblem,
    ChainCheck,
    Head,
    SignedHead,
    is_signed,
    key_name,
    missing,
    sign,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
TRUSTED = {key_name(KEY.public_key()): KEY.public_key()}
CHAIN = str(ULID())


def make_chain(length: int) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    previous = FIRST
    for number in range(length):
        event = AuditEvent("listen", "user:01kb", str(ULID()))
        entries.append(AuditEntry(CHAIN, number, NOON, event, previous))
        previous = entries[-1].hash
    return entries


def head_of(entries: Sequence[AuditEntry]) -> SignedHead:
    return sign(Head(CHAIN, entries[-1].number, entries[-1].hash), KEY)


def check(
    rows: Sequence[tuple[int, AuditEntry, str]], head: SignedHead | None
) -> list[AuditProblem]:
    found = ChainCheck(CHAIN)
    for row in rows:
        found.take(*row)
    found.finish(head, TRUSTED)
    return found.problems


def rows_of(entries: Sequence[AuditEntry]) -> list[tuple[int, AuditEntry, str]]:
    return [(entry.number, entry, entry.hash) for entry in entries]


def test_a_log_that_nobody_touched_is_right() -> None:
    entries = make_chain(5)

    assert check(rows_of(entries), head_of(entries)) == []


TAMPERING: dict[str, Callable[[list[AuditEntry]], list[AuditEntry]]] = {
    "removed": lambda log: log[:2] + log[3:],
    "first removed": lambda log: log[1:],
    "truncated": lambda log: log[:-1],
    "all removed": lambda _log: [],
    "reordered": lambda log: [
        log[0],
        replace(log[2], number=1),
        replace(log[1], number=2),
        *log[3:],
    ],
    "repeated": lambda log: [*log, replace(log[-1], number=5)],
}


@pytest.mark.parametrize("how", TAMPERING)
def test_a_log_with_entries_moved_is_found_out(how: str) -> None:
    log = make_chain(5)
    stored = {entry.number: entry.hash for entry in log}

    changed = TAMPERING[how](log)
    rows = [(entry.number, entry, stored.get(entry.number, entry.hash)) for entry in changed]

    assert check(rows, head_of(log))


@given(st.integers(0, 4), st.sampled_from(["verb", "actor", "subject", "result", "at", "chain"]))
def test_a_change_of_anything_in_any_entry_is_found_where_it_is(number: int, what: str) -> None:
    log = make_chain(5)
    entry = log[number]
    event = {
        "verb": replace(entry.event, verb="export"),
        "actor": replace(entry.event, actor="user:01kc"),
        "subject": replace(entry.event, subject=None),
        "result": replace(entry.event, result="failed"),
    }.get(what, entry.event)
    changed = replace(entry, event=event)
    if what == "at":
        changed = replace(entry, at=NOON.replace(microsecond=1))
    if what == "chain":
        changed = replace(entry, chain=str(ULID()))

    rows = rows_of(log)
    rows[number] = (number, changed, entry.hash)

    problems = check(rows, head_of(log))
    assert [(problem.number, problem.what) for problem in problems] == [(number, "was changed")]


def test_a_log_made_anew_from_some_entry_on_ends_in_another_hash_than_was_signed() -> None:
    log = make_chain(5)
    forged = log[:2]
    for entry in log[2:]:
        event = replace(entry.event, actor="user:01kc")
        forged.append(replace(entry, event=event, previous=forged[-1].hash))

    assert [problem.what for problem in check(rows_of(forged), head_of(log))] == [
        "is not the entry that was signed"
    ]


def test_a_head_of_another_key_counts_for_nothing() -> None:
    log = make_chain(3)
    stranger = Ed25519PrivateKey.generate()
    own = Head(CHAIN, 2, log[-1].hash)

    unknown = sign(own, stranger)
    pretending = replace(unknown, key=key_name(KEY.public_key()))

    for head in (unknown, pretending):
        assert not is_signed(head, TRUSTED)
        assert "not signed by a key that is trusted" in check(rows_of(log), head)[0].what
    assert check(rows_of(log), None) == [AuditProblem(CHAIN, None, "has no signed head")]


def test_entries_that_nobody_signed_are_not_taken() -> None:
    log = make_chain(5)

    problems = check(rows_of(log), head_of(log[:3]))

    assert [problem.what for problem in problems] == ["entries behind the signed head"]


def test_a_whole_chain_that_is_gone_is_missed_by_who_has_seen_it() -> None:
    log = make_chain(3)
    seen = Head(CHAIN, 2, log[-1].hash)

    assert missing([seen], {(CHAIN, 2): log[-1].hash}) == []
    assert [problem.chain for problem in missing([seen], {})] == [CHAIN]
    assert missing([seen], {(CHAIN, 2): FIRST})


@pytest.mark.parametrize(
    "actor",
    ["+442079460000", "user:442079460000", "Anna Schmidt", "user:anna@example.com", "", "user:"],
)
def test_an_actor_that_is_a_person_and_no_id_is_refused(actor: str) -> None:
    with pytest.raises(ValueError, match="an actor is a kind and an id"):
        AuditEvent("listen", actor)


@pytest.mark.parametrize("subject", ["+442079460000", "442079460000", "Anna", "a b", ""])
def test_a_subject_that_is_a_number_or_a_name_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="a subject is the id"):
        AuditEvent("listen", "retention", subject)


def test_ids_of_messages_parts_and_tenants_are_subjects() -> None:
    for subject in (CHAIN, f"{CHAIN}:3", "acme", "1und1", None):
        assert AuditEvent("listen", "credential:9f3a1234567", subject).subject == subject
