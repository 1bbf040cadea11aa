"""
The tables, the same on SQLite and PostgreSQL.

The row of a message holds its current attempt; earlier attempts are copied to `attempts` when the next one begins. So
a message that goes well costs one INSERT and one UPDATE.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData()

# The states of domain.message.LIVE, written out: a partial index is used only where a query repeats its condition.
LIVE_CONDITION = "state IN ('QUEUED', 'SENDING', 'UNCERTAIN')"
UNERASED_CONDITION = "message_class = 'otp' AND text <> ''"

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("submission", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("recipient", Text, nullable=False),  # Message.to; TO is a word of SQL
    Column("to_written", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("originator", Text, nullable=False),
    Column("message_class", Text, nullable=False),
    Column("flash", Boolean, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("client", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("connector", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("resends", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("started_at", Double),
    Column("settled_at", Double),
    Column("outcome", Text),
    Column("reason", Text),
    Column("code", Text),
    Column("detail", Text),
    Column("provider_ref", Text),
    Column("receipt_state", Text),
    Column("receipt_code", Text),
    Column("receipt_at", Double),
    Column("subject", Text, nullable=False, server_default=""),
    Column("pinned", Boolean, nullable=False, server_default=false()),  # it keeps to its connector
)

# What the engine still has to do, in the order in which it does it; `expires_at` rides along so that what has expired
# is found without reading the rows.
Index(
    "live",
    messages.c.connector,
    messages.c.state,
    messages.c.message_class,
    messages.c.due_at,
    messages.c.id,
    messages.c.expires_at,
    sqlite_where=text(LIVE_CONDITION),
    postgresql_where=text(LIVE_CONDITION),
)

# Where a receipt finds its message.
Index(
    "by_provider_ref",
    messages.c.connector,
    messages.c.provider_ref,
    sqlite_where=text("provider_ref IS NOT NULL"),
    postgresql_where=text("provider_ref IS NOT NULL"),
)

# An account's messages by time (ids are in order of time). The recipient rides along so that a search for a number
# reads this index only. An index that begins with the number would be faster to search and far dearer to keep: numbers
# come in no order, so each message would dirty a page of its own (measured at a million rows: 72 µs a row, not 15).
Index("by_account", messages.c.account, messages.c.id, messages.c.recipient)

# The messages of a submission. A message whose submission is named by its own id is found by its key.
Index(
    "by_submission",
    messages.c.submission,
    sqlite_where=text("submission <> id"),
    postgresql_where=text("submission <> id"),
)

# Codes whose texts are still kept, and are to be erased when they are over (smshub.store.erasing).
Index(
    "unerased",
    messages.c.id,
    sqlite_where=text(UNERASED_CONDITION),
    postgresql_where=text(UNERASED_CONDITION),
)

attempts = Table(
    "attempts",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("connector", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("settled_at", Double),
    Column("outcome", Text),
    Column("reason", Text),
    Column("code", Text),
    Column("detail", Text),
    Column("provider_ref", Text),
    sqlite_with_rowid=False,
)

# Idempotency keys: the first submission under each.
submissions = Table(
    "submissions",
    metadata,
    Column("account", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("submission", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

# One row for each segment of a message for which the provider gave several ids; `state` is that of its last receipt.
parts = Table(
    "parts",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("connector", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("state", Text),
    sqlite_with_rowid=False,
)
Index("parts_by_ref", parts.c.connector, parts.c.ref)

# Receipts that came before the answer that names their message: one row for each spelling of the provider's id.
early_receipts = Table(
    "early_receipts",
    metadata,
    Column("connector", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("spellings", Text, nullable=False),  # a JSON list: all rows of the receipt
    Column("state", Text, nullable=False),
    Column("code", Text),
    Column("at", Double, nullable=False),
    Column("stored_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

# One-time passwords: a keyed digest of each, never the code. `id` is that of the message that carried it first.
challenges = Table(
    "challenges",
    metadata,
    Column("account", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("id", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("state", Text, nullable=False),  # OPEN, CONSUMED or EXHAUSTED
    Column("tries_left", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("message_id", Text, nullable=False),  # of the last send
    Column("sent_at", Double, nullable=False),
    Column("sends", Integer, nullable=False),
    Column("consumed_by", Text),  # the check that matched
    Column("fallback", Text),  # the mail address that the code goes to, or went to, where its text cannot
    Column("fallback_subject", Text),
    Column("fallback_at", Double),  # when that is looked at next; NULL with an address: the code went there
    sqlite_with_rowid=False,
)
Index("challenges_by_id", challenges.c.id, unique=True)
Index("challenges_by_end", challenges.c.expires_at)
Index(
    "challenges_by_fallback",
    challenges.c.fallback_at,
    sqlite_where=text("fallback_at IS NOT NULL"),
    postgresql_where=text("fallback_at IS NOT NULL"),
)

# Wrong codes of a recipient; they outlive each challenge.
otp_failures = Table(
    "otp_failures",
    metadata,
    Column("account", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("recent", Text, nullable=False),  # a JSON list of times within the last hour
    Column("consecutive", Integer, nullable=False),
    Column("failed_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

# Texts that came in; one that a provider repeats has the same `ref`.
incoming = Table(
    "incoming",
    metadata,
    Column("id", Text, primary_key=True),
    Column("connector", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("ref", Text, nullable=False),
)
Index(
    "incoming_by_ref",
    incoming.c.connector,
    incoming.c.ref,
    unique=True,
    sqlite_where=text("ref <> ''"),
    postgresql_where=text("ref <> ''"),
)

# Recipients that nobody may reach.
blocklist = Table(
    "blocklist",
    metadata,
    Column("recipient", Text, primary_key=True),
    Column("blocked_at", Double, nullable=False),
    Column("blocked_by", Text, nullable=False),  # the account
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Documents from brokers that could not be handled.
parked = Table(
    "parked",
    metadata,
    Column("id", Text, primary_key=True),
    Column("frontend", Text, nullable=False),
    Column("parked_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),
)

# Callers on brokers who want a second answer: what became of a message.
followed = Table(
    "followed",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("frontend", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("command", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

objects = Table(
    "objects",
    metadata,
    Column("origin", Text, primary_key=True),  # "file" or "database"
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("body", Text, nullable=False),  # JSON
    Column("updated_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

# What is remembered of each account's program: a keyed digest of its key, so that a change is noticed, and the second
# before which its tokens are ended.
programs = Table(
    "programs",
    metadata,
    Column("account", Text, primary_key=True),
    Column("key_digest", Text),
    Column("key_changed_at", Double),
    Column("tokens_from", BigInteger),
    sqlite_with_rowid=False,
)

# Tokens that were ended one by one, until they would have expired.
revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("account", Text, primary_key=True),
    Column("jti", Text, primary_key=True),
    Column("expires_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

# Texts whose recipients are asked to confirm them, by a digest of the token in the link; the text goes with the answer.
signatures = Table(
    "signatures",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("answer", Text, nullable=False),  # domain.signing.Answer
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("answered_at", Double),
    sqlite_with_rowid=False,
)

# Mail of the hub's own, until it has left or was given up.
letters = Table(
    "letters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("server", Text, nullable=False),  # the name of a mail server; "" is the first
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),  # begun so far
    sqlite_with_rowid=False,
)

# Who changed what: numbers without a gap, digests that follow from each other.
audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("before", Text),  # JSON
    Column("after", Text),  # JSON
    Column("digest", Text, nullable=False),
)

# The people who use the console.
users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password", Text, nullable=False),  # argon2id
    Column("role", Text, nullable=False),  # domain.accounts.Role
    Column("account", Text),  # whose messages they see, where the role is `account`
    Column("totp", Text),  # its secret, sealed
    Column("totp_step", BigInteger, nullable=False),  # the last that was used, so that none is used twice
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

# Their sessions, by a digest of the token in the cookie.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("user_name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

# What was sent to a provider and answered by it in one attempt, masked.
exchanges = Table(
    "exchanges",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("request", Text, nullable=False),
    Column("answer", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("exchanges_by_time", exchanges.c.at)

# What the guard of codes counts, for a day: codes that were sent, and those that were typed. Each node numbers its own.
guard_counted = Table(
    "guard_counted",
    metadata,
    Column("node", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("typed", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

# What it has refused, would have refused, or warned of, and why.
guard_decisions = Table(
    "guard_decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("account", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("enforced", Boolean, nullable=False),
    Column("rule", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("source", Text, nullable=False),
    sqlite_with_rowid=False,
)

# The prefixes that it warned of, blocked, or that an operator has opened; 0 for never.
guard_prefixes = Table(
    "guard_prefixes",
    metadata,
    Column("prefix", Text, primary_key=True),
    Column("country", Text, nullable=False),
    Column("alarmed_at", Double, nullable=False),
    Column("blocked_until", Double, nullable=False),
    Column("opened_at", Double, nullable=False),
    sqlite_with_rowid=False,
)
