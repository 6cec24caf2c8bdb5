"""An API for tests: it holds records, cuts them into pages in every way, wants credentials, and fails as it is told."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.publisher import Answer, Publisher, Request

Record = dict[str, Any]


@dataclass
class Asked:
    """A request as the API understands it: path, and parameters of the query and the body."""

    path: str
    parameters: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Rules:
    """How the API behaves. `faults` are taken one by one before it answers properly; None lets one request pass."""

    pagination: str = "none"
    first_page: int = 1
    at_most: int = 1000  # records of a page, whatever is asked for
    has_total: bool = False
    token: str | None = None  # what `Authorization: Bearer` must hold
    key: tuple[str, str] | None = None  # header or parameter, and what it must hold
    login: str | None = None  # user:password
    lives: int | None = None  # requests after which a token is no longer taken
    since_inclusive: bool = True
    faults: list[Answer | None] = field(default_factory=list)
    before_page: Callable[[int], None] = lambda _: (
        None
    )  # called before a page is answered, with how many were
    headers: dict[str, str] = field(default_factory=dict)
    ends: str = "null"  # how cursors end: null, missing, empty text, itself, on and on, has_more
    envelope: dict[str, Any] = field(default_factory=dict)


class Api(Publisher):
    """Answers `/items`; `/token` gives tokens. `records` are what it holds, in the order in which it gives them."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.records: list[Record] = []
        self.rules = Rules()
        self.asked_for: list[Asked] = []
        self.tokens = 0
        self._used = 0
        self._answered = 0

    def answer(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        try:
            payload = json.loads(request.body or b"{}")
        except ValueError:
            payload = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        asked = Asked(parts.path, {**query, **payload}, dict(request.headers))
        self.asked_for.append(asked)
        if request.path in self.scripts:
            return super().answer(request)
        if parts.path == "/token":
            return self._token(asked)
        if parts.path != "/items":
            return Answer(404, b'{"message": "no such endpoint"}')
        if self.rules.faults and (fault := self.rules.faults.pop(0)) is not None:
            return fault
        if not self._is_let_in(asked):
            return Answer(401, b'{"message": "who are you?"}')
        self.rules.before_page(self._answered)
        self._answered += 1
        return self._page(asked)

    def pages_asked(self) -> list[dict[str, Any]]:
        """The parameters of all calls for records."""
        return [asked.parameters for asked in self.asked_for if asked.path == "/items"]

    def _token(self, asked: Asked) -> Answer:
        message = asked.headers.get("Authorization", "")
        if self.rules.login is not None:
            local = base64.b64encode(self.rules.login.encode()).decode()
            _, _, password = self.rules.login.partition(":")
            if message != f"Basic {local}" and asked.parameters.get("client_secret") != password:
                return Answer(403, b'{"message": "wrong client"}')
        self.tokens += 1
        self._used = 0
        self.rules.token = f"token-of-the-day-{self.tokens}"
        return Answer(
            200, json.dumps({"access_token": self.rules.token, "data": {"jwt": self.rules.token}}).encode()
        )

    def _is_let_in(self, asked: Asked) -> bool:
        rules, message = self.rules, asked.headers.get("Authorization", "")
        if rules.key is not None:
            name, value = rules.key
            return value in (asked.headers.get(name), asked.parameters.get(name))
        if rules.token is not None:
            self._used += 1
            is_alive = rules.lives is None or self._used <= rules.lives
            return message == f"Bearer {rules.token}" and is_alive
        if rules.login is not None:
            return message == "Basic " + base64.b64encode(rules.login.encode()).decode()
        return True

    def _page(self, asked: Asked) -> Answer:
        rules, message = self.rules, asked.parameters
        records = self._since(message.get("since"))
        size = (
            len(records) if rules.pagination == "none" else min(int(message.get("size", 1000)), rules.at_most)
        )
        first = 0
        if rules.pagination == "page":
            first = (int(message["page"]) - rules.first_page) * size
        elif rules.pagination == "offset":
            first = int(message.get("page", 0))
        elif "after" in message:
            first = int(message["after"].removeprefix("from-"))
        body: dict[str, Any] = {"data": {"items": records[first : first + size]}, **rules.envelope}
        if rules.has_total:
            body["total"] = len(records)
        following = f"from-{first + size}" if first + size < len(records) else self._end(first, size)
        again = urlencode({**{n: v for n, v in message.items() if n != "after"}, "after": following})
        headers = dict(rules.headers)
        if rules.ends == "has_more":
            body["has_more"] = first + size < len(records)
        if rules.pagination == "cursor":
            body["meta"] = {} if following is None and rules.ends == "missing" else {"next": following}
        elif rules.pagination == "next_url":
            body["meta"] = {"next": following and f"/items?{again}"}
        elif rules.pagination == "link_header" and following:
            headers["Link"] = f'<{self.url}/items?{again}>; rel="next", <{self.url}/items>; rel="first"'
        return Answer(200, json.dumps(body).encode(), headers)

    def _end(self, first: int, size: int) -> str | None:
        """Return what stands where the next cursor would, at the end and after it."""
        ends, last = self.rules.ends, len(self.records)
        if ends in ("itself", "has_more"):
            return f"from-{max(last, first)}"
        return {"empty text": "", "on and on": f"from-{first + size}"}.get(ends)

    def _since(self, since: str | None) -> list[Record]:
        if since is None:
            return self.records
        inclusive = self.rules.since_inclusive
        return [r for r in self.records if r["changed"] > since or (inclusive and r["changed"] == since)]
