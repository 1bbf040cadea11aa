"""How a command fails: one line on the error stream and an exit status."""

from enum import IntEnum


class Exit(IntEnum):
    """What the exit status of a command says."""

    DONE = 0
    REFUSED = 1  # the hub said no, was not there, or the message did not arrive
    USAGE = 2  # the command line, the configuration or the profile is wrong


class Failed(Exception):
    """A command that cannot go on; as text, the line for the user."""

    def __init__(self, line: str, status: Exit = Exit.REFUSED) -> None:
        super().__init__(line)
        self.status = status
