"""The audit log, the users of the console with their sessions, and what was said between the hub and a provider."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "action", "object")),
        *(sa.Column(name, sa.Text) for name in ("before", "after")),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text) for name in ("account", "totp")),
        sa.Column("totp_step", sa.BigInteger, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("created_at", "changed_at")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("user_name", "source")),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("created_at", "seen_at")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exchanges",
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("request", "answer")),
        sqlite_with_rowid=False,
    )
    op.create_index("exchanges_by_time", "exchanges", ["at"])
