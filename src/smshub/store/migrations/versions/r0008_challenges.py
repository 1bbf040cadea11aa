"""One-time passwords and the wrong codes of recipients."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "challenges",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("id", "recipient")),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("key_id", "state")),
        sa.Column("tries_left", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("created_at", "expires_at")),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("sent_at", sa.Double, nullable=False),
        sa.Column("sends", sa.Integer, nullable=False),
        sa.Column("consumed_by", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("challenges_by_id", "challenges", ["id"], unique=True)
    op.create_index("challenges_by_end", "challenges", ["expires_at"])
    op.create_table(
        "otp_failures",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("recipient", sa.Text, primary_key=True),
        sa.Column("recent", sa.Text, nullable=False),
        sa.Column("consecutive", sa.Integer, nullable=False),
        sa.Column("failed_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
