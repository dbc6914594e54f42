"""Tickets: by what whoever sent a caller to record finds the message that came of it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Give messages a place for one; those that are there have none."""
    with op.batch_alter_table("messages") as batch:
        batch.add_column(sa.Column("ticket", sa.String(26), nullable=True))
    op.create_index("uq_messages_ticket", "messages", ["ticket"], unique=True)
