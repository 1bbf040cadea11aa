"""Programs and the tokens that were ended."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "programs",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("key_digest", sa.Text),
        sa.Column("key_changed_at", sa.Double),
        sa.Column("tokens_from", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "revoked_tokens",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("jti", sa.Text, primary_key=True),
        sa.Column("expires_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
