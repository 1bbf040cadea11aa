"""Messages that keep to one connector, and callers on brokers who want to know what becomes of theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and make the table."""
    op.add_column("messages", sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "followed",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("message_id", "frontend", "topic")),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
