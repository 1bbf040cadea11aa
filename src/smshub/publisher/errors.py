"""
How a publisher fails. Nothing here repeats a text, a code, a password or a number.

    PublisherError
    ├── ConfigError        the settings are wrong (a ValueError)
    ├── InvalidArgument    a method was called with something that cannot be sent (a ValueError)
    ├── CacheError         the folder of local codes cannot be used
    ├── NotSent            surely not taken: nobody there, refused, nobody listens
    └── Unconfirmed        it may have been taken, and nobody has said so
        ├── NoAnswer       it was published, or sent, and no answer came in time (a TimeoutError)
        └── BadAnswer      an answer came that cannot be read
"""


class PublisherError(Exception):
    """What every failure of a publisher is."""


class ConfigError(PublisherError, ValueError):
    """A setting that is missing or wrong; as text, its place and what it must be. `key` is its name."""

    def __init__(self, why: str, key: str = "") -> None:
        super().__init__(f"{key} {why}" if key else why)
        self.key = key
        self.why = why


class ConfigWarning(UserWarning):
    """Something in a file that was passed over or had better be changed."""


class InvalidArgument(PublisherError, ValueError):
    """An argument that cannot be sent."""


class CacheError(PublisherError):
    """The folder of local codes is not safe, or cannot be read or written."""


class NotSent(PublisherError):
    """Surely not taken: it may be sent again."""


class Unconfirmed(PublisherError):
    """
    It may have been taken, and nobody has said so.

    The hub knows the same request, with the same `id` within the same second, for a repeat; an OTP-Pi does not.
    """


class NoAnswer(Unconfirmed, TimeoutError):
    """No answer came in time, or the connection was lost while waiting for it."""


class BadAnswer(Unconfirmed):
    """An answer came that is none."""
