"""The outbox: events, who is to be told of them, and how far that is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ULID = sa.String(26)
_EVENT = sa.String(100)
_HASH = sa.String(64)
_NAME = sa.String(64)
_WORD = sa.String(16)
_MOMENT = sa.DateTime(timezone=True)
_LIST = sa.JSON(none_as_null=True)
_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make its tables."""
    _event_targets()
    _events()
    _event_deliveries()


def _event_targets() -> None:
    op.create_table(
        "event_targets",
        sa.Column("name", _NAME, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("events", _LIST, nullable=False),
        sa.Column("tenants", _LIST, nullable=True),
        sa.Column("fingerprint", _HASH, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_event_targets"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", _EVENT, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("about", _NAME, nullable=False),
        sa.Column("tenant", _NAME, nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )


def _event_deliveries() -> None:
    op.create_table(
        "event_deliveries",
        sa.Column("id", _ROW, nullable=False),
        sa.Column("event", _EVENT, nullable=False),
        sa.Column("target", _NAME, nullable=False),
        sa.Column("about", _NAME, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("result", _NAME, nullable=True),
        sa.Column("done_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name="fk_event_deliveries_event"),
        sa.PrimaryKeyConstraint("id", name="pk_event_deliveries"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_event_deliveries_event_target", "event_deliveries", ["event", "target"], unique=True
    )
    op.create_index(
        "ix_event_deliveries_target_state_due_at", "event_deliveries", ["target", "state", "due_at"]
    )
    op.create_index(
        "ix_event_deliveries_target_about_state",
        "event_deliveries",
        ["target", "about", "state", "id"],
    )
    op.create_index("ix_event_deliveries_state_done_at", "event_deliveries", ["state", "done_at"])
