"""Keys of messages: roots and mailboxes' key pairs. README.md is the page to read."""

from listen_sinks.voicemail.keys.mailbox import (
    X25519,
    PrivateKey,
    PublicKey,
    new_pair,
    seal_message_key,
)
from listen_sinks.voicemail.keys.making import (
    installed_providers,
    make_provider,
    read_provider_config,
)
from listen_sinks.voicemail.keys.provider import KeyProvider, KeysAway, Notice, WrongKey
from listen_sinks.voicemail.keys.rotation import (
    MailboxKey,
    Rewrapped,
    check,
    context_of,
    create_key,
    move_all,
    reseal,
    rewrap_all,
    rotate_mailbox,
    unlock,
)

__all__ = [
    "X25519",
    "KeyProvider",
    "KeysAway",
    "MailboxKey",
    "Notice",
    "PrivateKey",
    "PublicKey",
    "Rewrapped",
    "WrongKey",
    "check",
    "context_of",
    "create_key",
    "installed_providers",
    "make_provider",
    "move_all",
    "new_pair",
    "read_provider_config",
    "reseal",
    "rewrap_all",
    "rotate_mailbox",
    "seal_message_key",
    "unlock",
]
