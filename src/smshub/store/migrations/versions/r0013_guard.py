"""The guard of one-time passwords: what it counts, what it has decided, and the prefixes that it blocks."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "guard_counted",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("account", "recipient", "source")),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("typed", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "guard_decisions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("account", "recipient")),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("allowed", "enforced")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("rule", "why", "country", "prefix", "source")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "guard_prefixes",
        sa.Column("prefix", sa.Text, primary_key=True),
        sa.Column("country", sa.Text, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("alarmed_at", "blocked_until", "opened_at")),
        sqlite_with_rowid=False,
    )
