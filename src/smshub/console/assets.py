"""The console's own files, scripts and styles, told apart by their content so that browsers can keep them."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

TYPES: Final[Mapping[str, str]] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file: its content, the same packed, its type, and a digest of the content."""

    body: bytes
    packed: bytes
    content_type: str
    digest: str


def load() -> Mapping[str, Asset]:
    """Read every file, by its path below `static/`."""
    return dict(_assets(files(__package__).joinpath("static"), ""))


def _assets(folder: Traversable, path: str) -> list[tuple[str, Asset]]:
    found: list[tuple[str, Asset]] = []
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.is_dir():
            found += _assets(one, f"{path}{one.name}/")
        elif content_type := TYPES.get(one.name.rpartition(".")[2]):
            body = one.read_bytes()
            digest = hashlib.sha256(body).hexdigest()[:16]
            found.append((path + one.name, Asset(body, gzip.compress(body, mtime=0), content_type, digest)))
    return found
