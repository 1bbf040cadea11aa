"""The words of which the compiled statements are made."""

from typing import Any

from sqlalchemy import ColumnElement, Table, Text, bindparam, literal_column
from sqlalchemy.dialects import postgresql, sqlite

INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_into(dialect: str, table: Table) -> Any:
    """Give an INSERT that knows ON CONFLICT, which each database's dialect has for itself."""
    return INSERTS[dialect](table)


def param(name: str, type_: Any = None) -> Any:
    """Make a parameter; SQLAlchemy keeps the names of columns for itself."""
    return bindparam(f"p_{name}", type_=type_)


def word(literal: str) -> ColumnElement[str]:
    """Write a word of ours out."""
    return literal_column(f"'{literal}'", Text)
