r"""
Rewriting of phone numbers by a rule such as `/^0/0049/`, as privacyIDEA's `REGEXP` does it.

The rule is `/PATTERN/REPLACEMENT/`. The pattern ends at the last slash but one, every match is replaced and the
replacement may refer to groups (`\1`).
"""

import functools
import re

MAX_RULE = 1_000


class BadRule(ValueError):
    """A rewriting rule that would never do anything; the message says why."""


def check(regexp: str) -> str:
    """Give the rule back if it can work. Raises `BadRule`, where `rewrite` would leave every number as it is."""
    if len(regexp) > MAX_RULE:
        raise BadRule(f"the rule has {len(regexp)} characters; at most {MAX_RULE} are taken")
    found = _parts(regexp)
    if found is None:
        raise BadRule(f"'{regexp}' is not of the form /pattern/replacement/")
    try:
        # A bad reference in the replacement shows only when something matches: an empty alternative always does.
        re.sub(f"(?:{found[0]})|", found[1], "")
    except (re.error, IndexError) as error:
        raise BadRule(f"'{regexp}' is not a regular expression: {error}") from None
    return regexp


def rewrite(phone: str, regexp: str | None) -> str:
    """Rewrite a number by the rule; a rule that cannot be read leaves it as it is."""
    if not regexp:
        return phone
    found = _parts(regexp)
    if found is None:
        return phone
    try:
        return re.sub(found[0], found[1], phone)
    except (re.error, IndexError):
        return phone


@functools.lru_cache(maxsize=256)
def _parts(regexp: str) -> tuple[str, str] | None:
    """Part a rule into its pattern and its replacement; None where it is not of that form."""
    found = re.match("^/(.*)/(.*)/$", regexp)
    return (found[1], found[2]) if found else None
