"""Which texts a database can keep: no NUL (PostgreSQL) and no half of a surrogate pair (UTF-8)."""


def clean(text: str | None) -> str | None:
    """Take out of a provider's words what a database cannot keep: NUL and halves of surrogate pairs."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def storable(text: str) -> bool:
    """Whether a database can keep a text."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
