"""Lists that go on: where the next page of one is."""

from typing import Final
from urllib.parse import urlencode

from smshub.console.visiting import Form

LIMIT: Final = 50


def further(path: str, form: Form, filters: tuple[str, ...], cursor: object) -> str:
    """Give the path of the next page of a list that was asked for with these filters; empty where there is none."""
    if cursor is None:
        return ""
    kept = {name: form.text(name) for name in filters if form.text(name)}
    return f"{path}?{urlencode({**kept, 'cursor': str(cursor)})}"
