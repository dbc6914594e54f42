"""Public keys of the machines that write the audit log, and its entries found by when they were."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make a table for keys, which each machine fills in at its next start, and the index."""
    op.create_table(
        "audit_keys",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("voucher", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_audit_keys"),
    )
    op.create_index("ix_audit_log_at_chain_number", "audit_log", ["at", "chain", "number"])
