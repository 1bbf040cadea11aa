"""Texts whose recipients are asked to confirm them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "signatures",
        *(sa.Column(name, sa.Text, primary_key=name == "digest", nullable=False) for name in ("digest", "account")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("text", "answer")),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("created_at", "expires_at")),
        sa.Column("answered_at", sa.Double),
        sqlite_with_rowid=False,
    )
