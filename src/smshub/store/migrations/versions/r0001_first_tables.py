"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    _messages()
    _beside_messages()
    _beside_the_outbox()


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("submission", "account", "recipient", "to_written")),
        sa.Column("text", sa.Text, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("created_at", "due_at", "expires_at")),
        sa.Column("originator", sa.Text, nullable=False),
        sa.Column("message_class", sa.Text, nullable=False),
        sa.Column("flash", sa.Boolean, nullable=False),
        sa.Column("encoding", sa.Text, nullable=False),
        sa.Column("segments", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("client", "source", "state", "connector")),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("resends", sa.Integer, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("settled_at", sa.Double),
        *(sa.Column(name, sa.Text) for name in ("outcome", "reason", "code", "detail", "provider_ref")),
        *(sa.Column(name, sa.Text) for name in ("receipt_state", "receipt_code")),
        sa.Column("receipt_at", sa.Double),
    )
    live = sa.text("state IN ('QUEUED', 'SENDING', 'UNCERTAIN')")
    op.create_index(
        "live",
        "messages",
        ["connector", "state", "message_class", "due_at", "id", "expires_at"],
        sqlite_where=live,
        postgresql_where=live,
    )
    named = sa.text("provider_ref IS NOT NULL")
    op.create_index(
        "by_provider_ref", "messages", ["connector", "provider_ref"], sqlite_where=named, postgresql_where=named
    )
    op.create_index("by_account", "messages", ["account", "id", "recipient"])
    others = sa.text("submission <> id")
    op.create_index("by_submission", "messages", ["submission"], sqlite_where=others, postgresql_where=others)


def _beside_messages() -> None:
    op.create_table(
        "attempts",
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("connector", sa.Text, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("settled_at", sa.Double),
        *(sa.Column(name, sa.Text) for name in ("outcome", "reason", "code", "detail", "provider_ref")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "submissions",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("submission", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "parts",
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("connector", sa.Text, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("state", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("parts_by_ref", "parts", ["connector", "ref"])
    op.create_table(
        "early_receipts",
        sa.Column("connector", sa.Text, primary_key=True),
        sa.Column("ref", sa.Text, primary_key=True),
        sa.Column("spellings", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("stored_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )


def _beside_the_outbox() -> None:
    op.create_table(
        "objects",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("origin", "kind", "name")),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
