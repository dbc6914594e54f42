"""PINs: what owners of mailboxes say by phone, as hashes, and how often somebody was wrong."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make their table; mailboxes that are there have none."""
    op.create_table(
        "mailbox_pins",
        sa.Column("mailbox", sa.String(26), nullable=False),
        sa.Column("hash", sa.String(200), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailboxes.id"], name="fk_mailbox_pins_mailbox"),
        sa.PrimaryKeyConstraint("mailbox", name="pk_mailbox_pins"),
    )
