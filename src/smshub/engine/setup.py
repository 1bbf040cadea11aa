"""The one-time secret by which the first user of the console is made: in a file that only the hub's user can read."""

import hmac
import os
import secrets
from pathlib import Path


class SetupSecret:
    """Keeps the secret in a file until there is a user; whoever can read it may as well read the database."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def make(self) -> str:
        """Give the secret, drawn where there is none yet. Raises OSError."""
        try:
            with os.fdopen(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
                made.write(f"{secrets.token_urlsafe(24)}\n")
        except FileExistsError:
            pass
        return self._read()

    def is_it(self, secret: str) -> bool:
        """Tell whether this is the secret."""
        try:
            kept = self._read()
        except OSError:
            return False
        return len(kept) >= 16 and hmac.compare_digest(kept.encode(), secret.strip().encode("utf-8", "replace"))

    def forget(self) -> None:
        """Throw it away: it counts once."""
        self.file.unlink(missing_ok=True)

    def _read(self) -> str:
        return self.file.read_text(encoding="ascii").strip()
