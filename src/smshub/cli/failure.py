"""How a command fails: one line on the error stream and an exit status."""

import os
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


def reason(error: OSError) -> str:
    """Tell what the system said, with the file if there is one; asyncio writes sentences of its own around it."""
    said = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    return f"{error.filename}: {said}" if error.filename else said
