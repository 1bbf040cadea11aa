"""
What can be wrong with the store.

    StoreError
    +-- StoreUnavailable   cannot be used just now: nothing of the transaction is written, try again later
    |   +-- Damaged        the file is not a sound database; only a backup helps
    +-- DatabaseInUse      another hub holds it
    +-- SchemaTooNew       written by a later version of the program
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError


class StoreError(Exception):
    """Something is wrong with the store."""


class StoreUnavailable(StoreError):
    """The database cannot be used just now."""


class Damaged(StoreUnavailable):
    """The database file is damaged."""


class DatabaseInUse(StoreError):
    """Another hub uses this database under the same name."""


class SchemaTooNew(StoreError):
    """The database was written by a later version of smshub."""


DRIVER_ERRORS = (sqlite3.Error, psycopg.Error, SQLAlchemyError, OSError)


def cause_of(error: BaseException) -> BaseException:
    """Give the driver's own error behind one of ours or SQLAlchemy's."""
    if isinstance(error, StoreError) and error.__cause__ is not None:
        return cause_of(error.__cause__)
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def told(error: BaseException) -> str:
    """Tell a driver's error in one line, without the statement and its values."""
    cause = cause_of(error)
    lines = str(cause).splitlines()
    return lines[0] if lines else type(cause).__name__


@contextmanager
def faults() -> Iterator[None]:
    """Turn whatever the drivers raise into `StoreUnavailable`."""
    try:
        yield
    except DRIVER_ERRORS as error:
        sentence = told(error)
        if "malformed" in sentence or "not a database" in sentence:
            raise Damaged(f"the database is damaged ({sentence})") from error
        raise StoreUnavailable(f"the database cannot be used: {sentence}") from error
