"""What providers call the hub with (`smshub.domain.callbacks`), and what the connectors that are called share."""

from smshub.domain.callbacks import Callback, Called, Forged

__all__ = ["Callback", "Called", "Forged"]
