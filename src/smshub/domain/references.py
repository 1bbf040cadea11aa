"""References: the caller's idempotency keys, and the form that is kept for those the hub makes itself."""

from typing import Final

# What begins so is a digest of a request that has no key of its own; no caller may choose such a reference.
DIGESTED: Final = "otppi:"
