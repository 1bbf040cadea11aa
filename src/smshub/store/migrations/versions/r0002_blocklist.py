"""The blocklist."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "blocklist",
        sa.Column("recipient", sa.Text, primary_key=True),
        sa.Column("blocked_at", sa.Double, nullable=False),
        sa.Column("blocked_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
