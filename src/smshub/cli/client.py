"""A small client of the native API (`/v1`), with nothing but the standard library so that commands start at once."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from smshub.cli.failure import Exit, Failed
from smshub.cli.profile import Profile

if TYPE_CHECKING:
    from http.client import HTTPConnection

TIMEOUT = 30.0
UNAUTHORIZED = 401
LARGEST_ANSWER = 64 * 1024 * 1024

Document = dict[str, Any]


class Client:
    """
    Calls a hub. Each call is one request of its own; no redirect is followed, so credentials go nowhere else.

    Every method raises `Failed` with a line for the user where the hub is not there or says no.
    """

    def __init__(self, profile: Profile, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(profile.url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in {"http", "https"} or not parts.hostname or port == -1 or parts.username is not None:
            line = "the URL of the hub must look like https://sms.example or http://127.0.0.1:8080, without credentials"
            raise Failed(line, Exit.USAGE)
        self.profile = profile
        self._timeout = timeout
        self._tls = parts.scheme == "https"
        self._host = parts.hostname
        self._port = port
        self._path = parts.path.rstrip("/")

    @property
    def exposed(self) -> bool:
        """Whether credentials would cross a network in clear."""
        return not self._tls and self._host not in {"127.0.0.1", "::1", "localhost"} and bool(self.profile.source)

    @property
    def credentials(self) -> tuple[str, str]:
        """The name and password, for the interfaces that take them within a request."""
        return self.profile.username or "", self.profile.password or ""

    def exchange(
        self, path: str, content: bytes, content_type: str, authorization: str | None = None
    ) -> tuple[int, bytes]:
        """
        Post a document of any kind; gives the status and the body of the answer, whatever they say.

        `authorization` is the header to send instead of the credentials; an empty one sends none.
        """
        return self._ask("POST", path, content, content_type, authorization)

    def get(self, path: str, **query: object) -> Document:
        """Read."""
        wanted = given(query)
        return self._call("GET", path + (f"?{urlencode(wanted)}" if wanted else ""))

    def post(self, path: str, body: Mapping[str, Any]) -> Document:
        """Hand something in."""
        return self._call("POST", path, body)

    def put(self, path: str, body: Mapping[str, Any]) -> Document:
        """Make or change an object."""
        return self._call("PUT", path, body)

    def delete(self, path: str) -> Document:
        """Remove an object."""
        return self._call("DELETE", path)

    def pages(self, path: str, key: str, limit: int, **query: object) -> Iterator[Document]:
        """Walk a list page by page until `limit` items have come."""
        cursor = None
        while limit > 0:
            page = self.get(path, limit=min(limit, 500), cursor=cursor, **query)
            items = page.get(key, [])
            yield from items[:limit]
            limit -= len(items)
            cursor = page.get("next")
            if not cursor or not items:
                return

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Document:
        content = None if body is None else json.dumps(body).encode()
        return self._read(*self._ask(method, path, content, "application/json"))

    def _ask(
        self, method: str, path: str, content: bytes | None, content_type: str, authorization: str | None = None
    ) -> tuple[int, bytes]:
        import ssl  # noqa: PLC0415 - help must be quick, and these take longer than all the rest
        from http.client import HTTPException  # noqa: PLC0415

        try:
            return self._exchange(
                method, self._path + path, content, self._headers(content, content_type, authorization)
            )
        except ssl.SSLCertVerificationError as error:
            line = (
                f"the certificate of {self.profile.url} is not trusted ({error.verify_message});"
                " name its authority with --ca FILE"
            )
            raise Failed(line) from None
        except ConnectionRefusedError:
            line = f"there is no hub at {self.profile.url}; start one with: smshub serve --config smshub.toml"
            raise Failed(line) from None
        except TimeoutError:
            more = "; it may have been done, look before you repeat it" if method != "GET" else ""
            raise Failed(f"{self.profile.url} did not answer in {self._timeout:g} s{more}") from None
        except (OSError, HTTPException) as error:
            said = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Failed(f"{self.profile.url} cannot be reached ({said})") from None

    def _exchange(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        connection = self._connect()
        try:
            connection.request(method, path, body=content, headers=headers)
            response = connection.getresponse()
            return response.status, response.read(LARGEST_ANSWER)
        finally:
            connection.close()

    def _connect(self) -> "HTTPConnection":
        import ssl  # noqa: PLC0415
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415

        if not self._tls:
            return HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            context = ssl.create_default_context(cafile=self.profile.ca)
        except (OSError, ssl.SSLError):
            raise Failed(f"the file {self.profile.ca} holds no certificates", Exit.USAGE) from None
        return HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)

    def _headers(self, content: bytes | None, content_type: str, authorization: str | None) -> dict[str, str]:
        headers = {"Accept": "application/json"} if content_type == "application/json" else {}
        if content is not None:
            headers["Content-Type"] = content_type
        profile = self.profile
        if authorization is not None:
            return headers | ({"Authorization": authorization} if authorization else {})
        if profile.api_key:
            if not profile.api_key.isascii() or not profile.api_key.isprintable():
                raise Failed("the API key has characters that cannot be sent", Exit.USAGE)
            headers["X-API-Key"] = profile.api_key
        elif profile.password:
            pair = f"{profile.username}:{profile.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return headers

    def _read(self, status: int, raw: bytes) -> Document:
        try:
            document = json.loads(raw) if raw else {}
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise Failed(f"{self.profile.url} answers with status {status} and not as a hub does; is it the right URL?")
        if 200 <= status < 300:
            return document
        raise Failed(self._refused(status, document))

    def _refused(self, status: int, problem: Document) -> str:
        said = str(problem.get("detail") or problem.get("title") or f"the hub answered with status {status}")
        if status == UNAUTHORIZED:
            source = self.profile.source
            return (
                f"{said} ({f'from {source}' if source else 'none were given: set SMSHUB_USERNAME and SMSHUB_PASSWORD'})"
            )
        member = problem.get("member")
        return f"{member}: {said}" if member else said


def given(members: Mapping[str, Any]) -> Document:
    """Leave out the members that nobody gave."""
    return {name: value for name, value in members.items() if value is not None}


def segment(name: str) -> str:
    """Write a name as one part of a path."""
    return quote(name, safe="") if name not in {".", ".."} else "%2E" * len(name)
