"""
The grammar of settings: classes whose every field carries a sentence, and secrets that mask themselves.

This module imports nobody, so that connectors, doors and the configuration can all speak it.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

MASK = "********"


class Settings(BaseModel):
    """A table of the configuration. Unknown keys are errors; values do not change after loading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=False,
    )


def setting(sentence: str, default: Any = ..., **constraints: Any) -> Any:
    """Declare a setting: the sentence is what the example file, the reference and the console show."""
    if isinstance(default, list | dict):
        made = default
        return Field(description=sentence, default_factory=lambda: type(made)(made), **constraints)
    return Field(default=default, description=sentence, **constraints)


class Url(str):
    """A URL that may carry a password: it reads as text and shows itself masked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(shown_url(self))


def shown_url(text: str) -> str:
    """Mask the password of a URL, in whatever text it stands."""
    return re.sub(r"(://[^/@\s:]*):[^/\s]*@", rf"\1:{MASK}@", str.__str__(text))


class SecretMissing(ValueError):
    """The place that a secret's reference names holds nothing."""


class Secret:
    """
    A secret by reference: `env:NAME` (environment variable) or `file:PATH` (first line of a file).

    A literal is taken too, so that a demo, a test and an import can work, and is masked like the rest.
    `reveal()` gives the value; nothing else does.
    """

    __slots__ = ("_reference",)

    def __init__(self, reference: str) -> None:
        self._reference = reference

    def reveal(self) -> str:
        """
        Give the secret itself.

        Raises `SecretMissing`, which names the place and not the secret.
        """
        kind, colon, place = self._reference.partition(":")
        if colon and kind == "env":
            value = os.environ.get(place)
            if not value:
                raise SecretMissing(f"the environment variable {place} is not set")
            return value
        if colon and kind == "file":
            try:
                lines = Path(place).read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise SecretMissing(f"the file {place} cannot be read ({type(error).__name__})") from None
            if not lines or not lines[0]:
                raise SecretMissing(f"the file {place} is empty")
            return lines[0]
        return self._reference

    @property
    def is_reference(self) -> bool:
        """Whether it names a place rather than being the secret."""
        return self._reference.startswith(("env:", "file:"))

    @property
    def is_digest(self) -> bool:
        """Whether it is only the digest of a long random key, which tells nothing about it."""
        return re.fullmatch(r"sha256:[0-9a-f]{64}", self._reference) is not None

    @property
    def shown(self) -> str:
        """Give what may be shown: the place, the digest, or a mask."""
        return self._reference if self.is_reference or self.is_digest else MASK

    @property
    def stored(self) -> str:
        """Give what a database or file must keep to make the same Secret again. Never show it."""
        return self._reference

    def __repr__(self) -> str:
        return f"Secret({self.shown!r})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._reference == self._reference

    def __hash__(self) -> int:
        return hash(hashlib.sha256(self._reference.encode()).digest())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read a string; write the mask or the reference."""
        from_string = core_schema.chain_schema(
            [core_schema.str_schema(min_length=1), core_schema.no_info_plain_validator_function(cls)]
        )
        return core_schema.json_or_python_schema(
            json_schema=from_string,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_string]),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda secret: secret.shown),
        )
