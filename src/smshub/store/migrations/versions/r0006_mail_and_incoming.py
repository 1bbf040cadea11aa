"""Subjects of mails, and the texts that come in."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and make the table."""
    op.add_column("messages", sa.Column("subject", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "incoming",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("connector", "sender", "recipient", "text")),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
    )
    op.create_index(
        "incoming_by_ref",
        "incoming",
        ["connector", "ref"],
        unique=True,
        sqlite_where=sa.text("ref <> ''"),
        postgresql_where=sa.text("ref <> ''"),
    )
