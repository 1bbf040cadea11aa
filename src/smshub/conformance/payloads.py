"""Texts that would be something else if anything took them for more than a text."""

from itertools import islice

# Each is harmless as a text, and something else to a shell, a template, SQL, XML, JSON, a header, a log or a path.
_SEEDS = (
    "; touch PWNED",
    "| touch PWNED",
    "|| touch PWNED",
    "& touch PWNED &",
    "&& touch PWNED",
    "$(touch PWNED)",
    "`touch PWNED`",
    "${IFS}touch${IFS}PWNED",
    "<(touch PWNED)",
    "> PWNED",
    "$HOME ~ $0 $$ $PATH",
    "*?[a-z]{a,b}",
    "'\"'\"'",
    "\\'; touch PWNED; \\'",
    '" ; touch PWNED ; "',
    "-rf --help -e",
    "--output=PWNED",
    "@/etc/passwd",
    "!! history",
    "# a comment",
    "{phone} {otp} {to} {id}",
    "{0} {} {text!r:>99} {",
    "}} {{ } {",
    "%s %n %d %(text)s %%",
    "%0a%0d%00%26text=PWNED",
    "&to=15550001111&text=PWNED",
    "text=PWNED;to=15550001111",
    "a+b%20c d",
    "\\u0000\\n\\x41\\\\",
    '"}, "to": "15550001111", {"a": "',
    "null",
    "true",
    "012345",
    "1e5",
    '["a", "b"]',
    '{"to": "15550001111"}',
    "</string></value><evil/>",
    "<![CDATA[ ]]> ]]>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]>&b;",
    "&amp;lt; &#10; &lt;",
    "<script>alert(1)</script>",
    "' OR '1'='1'; DROP TABLE outbox; --",
    "../../../../etc/passwd",
    "file:///etc/passwd",
    "__import__('os').system('touch PWNED')",
    "{{ 7 * 7 }} ${7*7} <%= 7*7 %>",
    "${jndi:ldap://127.0.0.1/a}",
    "eval(compile('1', '', 'eval'))",
    "=cmd|'/c calc'!A1",
    "A\tB",
)
_AROUND = ("{}", "{} end", "begin {}", "one\n{}", "line\r\n{}\r\nend", "✓ {}")

# More than 200, the plain ones first.
PAYLOADS: tuple[str, ...] = tuple(around.replace("{}", seed, 1) for around in _AROUND for seed in _SEEDS)


def some(count: int) -> tuple[str, ...]:
    """Give so many of them, the plain ones first."""
    return tuple(islice(PAYLOADS, count))
