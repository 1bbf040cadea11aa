"""Codes whose texts are still kept, so that they are found without reading every message."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    kept = sa.text("message_class = 'otp' AND text <> ''")
    op.create_index("unerased", "messages", ["id"], sqlite_where=kept, postgresql_where=kept)
