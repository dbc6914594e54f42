"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ULID = sa.String(26)
_HASH = sa.String(64)
_WORD = sa.String(16)
_NAME = sa.String(64)
_MOMENT = sa.DateTime(timezone=True)
_LIST = sa.JSON(none_as_null=True)
_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    _tenants()
    _mailboxes()
    _mailbox_addresses()
    _mailbox_keys()
    _messages()
    _message_parts()
    _part_leases()
    _message_keys()
    _sealed_values()
    _erasures()
    _erased_messages()
    _erased_parts()
    _audit_chains()
    _audit_log()


def _tenants() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", _NAME, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
    )


def _mailboxes() -> None:
    op.create_table(
        "mailboxes",
        sa.Column("id", _ULID, nullable=False),
        sa.Column("tenant", _NAME, nullable=False),
        sa.Column("catch_all", sa.Boolean(), nullable=False),
        sa.Column("key_version", sa.BigInteger(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=True),
        sa.Column("legal_hold", sa.Boolean(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("erased_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name="fk_mailboxes_tenant"),
        sa.PrimaryKeyConstraint("id", name="pk_mailboxes"),
    )
    op.create_index(
        "uq_mailboxes_catch_all",
        "mailboxes",
        ["tenant"],
        unique=True,
        sqlite_where=sa.text("catch_all"),
        postgresql_where=sa.text("catch_all"),
    )


def _mailbox_addresses() -> None:
    op.create_table(
        "mailbox_addresses",
        sa.Column("tenant", _NAME, nullable=False),
        sa.Column("hash", _HASH, nullable=False),
        sa.Column("mailbox", _ULID, nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailboxes.id"], name="fk_mailbox_addresses_mailbox"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name="fk_mailbox_addresses_tenant"),
        sa.PrimaryKeyConstraint("tenant", "hash", name="pk_mailbox_addresses"),
    )
    op.create_index("ix_mailbox_addresses_mailbox", "mailbox_addresses", ["mailbox"])


def _mailbox_keys() -> None:
    op.create_table(
        "mailbox_keys",
        sa.Column("id", _ROW, nullable=False),
        sa.Column("mailbox", _ULID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("kem", sa.String(length=32), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("destroyed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailboxes.id"], name="fk_mailbox_keys_mailbox"),
        sa.PrimaryKeyConstraint("id", name="pk_mailbox_keys"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_mailbox_keys_mailbox_version", "mailbox_keys", ["mailbox", "version"], unique=True
    )


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", _ULID, nullable=False),
        sa.Column("tenant", _NAME, nullable=False),
        sa.Column("mailbox", _ULID, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("state_before", _WORD, nullable=True),
        sa.Column("state_changed_at", _MOMENT, nullable=False),
        sa.Column("outcome", _WORD, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("caller", _HASH, nullable=True),
        sa.Column("legal_hold", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailboxes.id"], name="fk_messages_mailbox"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name="fk_messages_tenant"),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
    )
    op.create_index("ix_messages_mailbox_id", "messages", ["mailbox", "id"])
    op.create_index(
        "ix_messages_mailbox_state", "messages", ["mailbox", "state", "state_changed_at"]
    )
    op.create_index("ix_messages_tenant_caller", "messages", ["tenant", "caller"])


def _message_parts() -> None:
    op.create_table(
        "message_parts",
        sa.Column("message", _ULID, nullable=False),
        sa.Column("part", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("outcome", _WORD, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=False),
        sa.Column("sample_rate", sa.Integer(), nullable=False),
        sa.Column("mix", _WORD, nullable=False),
        sa.Column("frames", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ranges", _LIST, nullable=False),
        sa.Column("tails", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name="fk_message_parts_message"),
        sa.PrimaryKeyConstraint("message", "part", name="pk_message_parts"),
    )


def _part_leases() -> None:
    op.create_table(
        "part_leases",
        sa.Column("message", _ULID, nullable=False),
        sa.Column("part", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", _NAME, nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("message", "part", name="pk_part_leases"),
    )


def _message_keys() -> None:
    op.create_table(
        "message_keys",
        sa.Column("id", _ROW, nullable=False),
        sa.Column("message", _ULID, nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("mailbox", _ULID, nullable=False),
        sa.Column("key_version", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("destroyed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message_keys"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_message_keys_mailbox_key_version", "message_keys", ["mailbox", "key_version"]
    )
    op.create_index(
        "uq_message_keys_message_part", "message_keys", ["message", "part"], unique=True
    )


def _sealed_values() -> None:
    op.create_table(
        "sealed_values",
        sa.Column("message", _ULID, nullable=False),
        sa.Column("part", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("label", _WORD, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("message", "part", "label", name="pk_sealed_values"),
    )


def _erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", _ULID, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("tenant", _NAME, nullable=False),
        sa.Column("mailbox", _ULID, nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("held", _LIST, nullable=False),
        sa.Column("objects", _LIST, nullable=False),
        sa.Column("keys_destroyed", sa.Integer(), nullable=False),
        sa.Column("audit_chain", _ULID, nullable=False),
        sa.Column("audit_number", sa.Integer(), nullable=False),
        sa.Column("audit_hash", _HASH, nullable=False),
        sa.Column("scrubbed_at", _MOMENT, nullable=True),
        sa.Column("objects_gone_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_erasures"),
    )
    op.create_index("ix_erasures_tenant_at", "erasures", ["tenant", "at"])


def _erased_messages() -> None:
    op.create_table(
        "erased_messages",
        sa.Column("message", _ULID, nullable=False),
        sa.Column("erasure", _ULID, nullable=False),
        sa.ForeignKeyConstraint(["erasure"], ["erasures.id"], name="fk_erased_messages_erasure"),
        sa.PrimaryKeyConstraint("message", name="pk_erased_messages"),
    )
    op.create_index("ix_erased_messages_erasure", "erased_messages", ["erasure"])


def _erased_parts() -> None:
    op.create_table(
        "erased_parts",
        sa.Column("message", _ULID, nullable=False),
        sa.Column("part", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("erasure", _ULID, nullable=False),
        sa.ForeignKeyConstraint(["erasure"], ["erasures.id"], name="fk_erased_parts_erasure"),
        sa.PrimaryKeyConstraint("message", "part", name="pk_erased_parts"),
    )
    op.create_index("ix_erased_parts_erasure", "erased_parts", ["erasure"])


def _audit_chains() -> None:
    op.create_table(
        "audit_chains",
        sa.Column("chain", _ULID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", _HASH, nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("key", _HASH, nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_audit_chains"),
    )


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("chain", _ULID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", _NAME, nullable=False),
        sa.Column("verb", sa.String(length=32), nullable=False),
        sa.Column("subject", _NAME, nullable=True),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("witness", _LIST, nullable=True),
        sa.Column("previous", _HASH, nullable=False),
        sa.Column("hash", _HASH, nullable=False),
        sa.PrimaryKeyConstraint("chain", "number", name="pk_audit_log"),
    )
