"""Mailbox keys under a root: made, unlocked, rotated, wrapped anew. Rows in, rows out; no database.

FORMAT.md, section 7. The index (index/mailboxes.py) keeps the rows.
"""

import hmac
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

from listen_sinks.voicemail.keys.mailbox import (
    PrivateKey,
    PublicKey,
    new_pair,
    seal_message_key,
)
from listen_sinks.voicemail.keys.provider import KeyProvider, WrongKey


@dataclass(frozen=True, slots=True)
class MailboxKey:
    """A row: one version of a mailbox's key pair, the private half wrapped by the root."""

    public: PublicKey
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What became of one row."""

    old: MailboxKey
    new: MailboxKey | None  # None: it does not open under this root, and is as it was


def context_of(public: PublicKey) -> Mapping[str, str]:
    """Say whose private key is wrapped."""
    return {"mailbox": public.mailbox, "version": str(public.version)}


async def create_key(provider: KeyProvider, mailbox: str, version: int = 1) -> MailboxKey:
    """Make a mailbox's key pair, proven to unwrap before any message is sealed to it.

    Raises KeysAway, WrongKey.
    """
    public, private = new_pair(mailbox, version)
    key = MailboxKey(public, await provider.wrap(private, context_of(public)))
    await unlock(provider, key)
    return key


async def rotate_mailbox(provider: KeyProvider, newest: PublicKey) -> MailboxKey:
    """Make the next version, for messages to come. Raises KeysAway, WrongKey."""
    return await create_key(provider, newest.mailbox, newest.version + 1)


async def unlock(provider: KeyProvider, key: MailboxKey) -> PrivateKey:
    """Return the private key. Raises KeysAway, WrongKey.

    WrongKey too where it does not belong to the row's public key: somebody has put another one
    there, and messages sealed to that are his to read.
    """
    return _proven(key.public, await provider.unwrap(key.wrapped, context_of(key.public)))


def reseal(
    envelope: bytes, private: PrivateKey, to: PublicKey, message_id: str, part: int
) -> bytes:
    """Seal a message key to another version or mailbox. Raises WrongKey."""
    return seal_message_key(private.open_envelope(envelope, message_id, part), to, message_id, part)


async def rewrap_all(provider: KeyProvider, keys: Iterable[MailboxKey]) -> AsyncIterator[Rewrapped]:
    """Wrap every row under the newest root, one after the other.

    Put each row in place as it comes. KeysAway ends it: what came is good, and it can be run
    again from the start. A root may be retired once a run gave no row with `new` None.
    """
    for key in keys:
        try:
            wrapped = await provider.rewrap(key.wrapped, context_of(key.public))
        except WrongKey:
            yield Rewrapped(key, None)
        else:
            yield Rewrapped(key, MailboxKey(key.public, wrapped))


async def move_all(
    source: KeyProvider, target: KeyProvider, keys: Iterable[MailboxKey]
) -> AsyncIterator[Rewrapped]:
    """Wrap every row by another provider; each is proven to unwrap there before it comes."""
    for key in keys:
        context = context_of(key.public)
        try:
            secret = await source.unwrap(key.wrapped, context)
            _proven(key.public, secret)
            moved = MailboxKey(key.public, await target.wrap(secret, context))
            await unlock(target, moved)
        except WrongKey:
            yield Rewrapped(key, None)
        else:
            yield Rewrapped(key, moved)


async def check(provider: KeyProvider) -> None:
    """Prove that a provider wraps, unwraps, and binds to the context.

    Raises KeysAway, or WrongKey with what is wrong: some services take a context and ignore it.
    """
    secret, context = os.urandom(32), {"check": "listen-server"}
    wrapped = await provider.rewrap(await provider.wrap(secret, context), context)
    if not hmac.compare_digest(await provider.unwrap(wrapped, context), secret):
        raise WrongKey("keys: the provider gives back another secret than it was given")
    try:
        await provider.unwrap(wrapped, {"check": "another context"})
    except WrongKey:
        return
    raise WrongKey("keys: the provider ignores the context: a wrapped key could be moved")


def _proven(public: PublicKey, raw: bytes) -> PrivateKey:
    try:
        private = PrivateKey(public.mailbox, public.version, public.kem, raw)
    except ValueError:
        raise WrongKey("keys: what was wrapped for a mailbox is no private key") from None
    if private.public != public:
        raise WrongKey("keys: a mailbox's public key is not the one that was made for it")
    return private
