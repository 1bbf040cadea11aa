"""Mail addresses that codes go to where their texts cannot."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the index by which those that are due are found."""
    op.add_column("challenges", sa.Column("fallback", sa.Text))
    op.add_column("challenges", sa.Column("fallback_subject", sa.Text))
    op.add_column("challenges", sa.Column("fallback_at", sa.Double))
    waiting = sa.text("fallback_at IS NOT NULL")
    op.create_index(
        "challenges_by_fallback", "challenges", ["fallback_at"], sqlite_where=waiting, postgresql_where=waiting
    )
