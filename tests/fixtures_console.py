"""
Somebody at the console, over plain HTTP: cookies are kept and forms carry their tokens, as a browser would do it.

What a browser would do besides (scripts, the content policy) the stories with Chromium show.
"""

import html
import http.client
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from fixtures_hub import Hub

PASSWORD = "correct horse battery"
FORM = "application/x-www-form-urlencoded"
TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    cookies: SimpleCookie
    body: bytes

    @property
    def text(self) -> str:
        """The page as it was written."""
        return self.body.decode()

    @property
    def words(self) -> str:
        """What can be read on the page."""
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", self.text)))


class Person:
    """Somebody at the console of a hub, whose `base` is its path."""

    def __init__(self, hub: Hub, base: str = "/console", headers: Mapping[str, str] | None = None) -> None:
        self.hub = hub
        self.base = base
        self.headers = {"Sec-Fetch-Site": "same-origin", **(headers or {})}
        self.cookies: dict[str, str] = {}

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str | None] | None = None
    ) -> Seen:
        """Make a request for a page of the console; a header that is None is left out."""
        sent: dict[str, str | None] = {**self.headers, **(headers or {})}
        if self.cookies and "Cookie" not in sent:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.hub.port, timeout=30)
        try:
            told = {name: value for name, value in sent.items() if value is not None}
            connection.request(method, self.base + path, body, told)
            answer = connection.getresponse()
            cookies = SimpleCookie()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    cookies.load(value)
            for name, morsel in cookies.items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Seen(answer.status, named, cookies, answer.read())
        finally:
            connection.close()

    def look(self, path: str, **headers: str) -> Seen:
        """Look at a page."""
        return self.call("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def send(self, path: str, fields: Mapping[str, str], form: str | None = None) -> Seen:
        """Send a form, with the token of the page on which it stands (`form`: another page than its target)."""
        token = TOKEN.search(self.look(form or path).text)
        assert token is not None
        body = urlencode({"csrf": html.unescape(token[1]), **fields}).encode()
        return self.call("POST", path, body, {"Content-Type": FORM})

    def set_up(self, name: str = "ada") -> Seen:
        """Make the first administrator."""
        secret = (self.hub.folder / "hub.db.setup").read_text(encoding="ascii").strip()
        return self.send("/setup", {"secret": secret, "name": name, "password": PASSWORD, "again": PASSWORD})

    def sign_in(self, name: str = "ada", password: str = PASSWORD, **fields: str) -> Seen:
        """Sign in."""
        return self.send("/sign-in", {"name": name, "password": password, **fields})


def add_users(hub: Hub, *users: tuple[str, str, str | None]) -> None:
    """Copy the first user of a hub that is stopped: each has a name, a role and an account, and the same password."""
    with sqlite3.connect(hub.folder / "hub.db") as database:
        for name, role, account in users:
            database.execute(
                "INSERT INTO users SELECT ?, password, ?, ?, totp, totp_step, disabled, created_at, changed_at"
                " FROM users LIMIT 1",
                (name, role, account),
            )
    database.close()
