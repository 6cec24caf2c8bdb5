"""The pages of an answer, one after another, by the connection's pagination_type.

| pagination_type | the next page | the last one |
|---|---|---|
| none | | the only one |
| page | page_param_name counts from `first_page` | empty, or shorter than the first, or the total is reached |
| offset | page_param_name is how many elements came | the same |
| cursor | cursor_param_name takes what stands at cursor_path | nothing stands there, or no records come any more |
| next_url | the address at cursor_path | the same |
| link_header | the header Link, rel="next" | it has none |

Where `has_more_path` names a place that says whether there is more, that alone ends it. Records have come to their end
when an empty page leads to itself, or after `EMPTY_PAGES` empty ones in a row: an API that filters what it has cut into
pages gives some that are empty amid others. `empty_page_ends` says which of the two it is.

What is counted are the elements of the outermost list, each of which may hold several records.
The first page may be shorter than asked for because the server gives no more at once, so it alone never ends anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BytesIO
from urllib.parse import urljoin, urlsplit

from headwater.extract.connections.environment import expand
from headwater.extract.connections.safe_address import shown
from headwater.extract.files.dialect import encoding_of
from headwater.extract.files.text_blocks import BOM
from headwater.extract.formats.json_file import read_json
from headwater.extract.formats.json_values import DECODER, JsonValue, NotJsonError, Number
from headwater.extract.formats.record_path import kind as kind_of
from headwater.extract.formats.record_path import parse_record_path
from headwater.extract.http.client import HttpClient, same_place
from headwater.extract.http.exchange import Answer, AnswerBroken, Request
from headwater.extract.http.response import http_date
from headwater.extract.sources.api.address import below, next_link, with_members, with_parameters
from headwater.extract.sources.api.credentials import JSON_BODY, Credentials, as_body, require_api
from headwater.extract.sources.api.elements import Element, elements_of, empty_document
from headwater.extract.sources.api.secret_scrubbing import without_secrets
from headwater.extract.sources.api.values import has_place, text_at, value_at
from headwater.metadata.errors import FormatBroken, PublisherError
from headwater.metadata.redaction import beginning
from headwater.metadata.static.model import Source

LARGEST_PAGE = 64 << 20  # bytes
MOST_PAGES = 100_000
EMPTY_PAGES = 3  # in a row, after which nothing is expected any more
NO_CONTENT = 204
NO_LONGER_TAKEN = 401


@dataclass(frozen=True)
class Page:
    """One page: as it came, and what it says."""

    number: int
    body: bytes = field(repr=False)
    elements: Sequence[Element] = field(repr=False)
    total: int | None  # of all pages, where the answer tells it
    next_mark: str | None = field(repr=False)  # the cursor or the address of the next one
    has_more: bool | None  # what the answer says of it, None where it says nothing
    tells_next: bool  # whether there is anything where the next one should be told, null included
    dated: datetime | None  # the server's clock

    @property
    def digest(self) -> bytes:
        """Return what its elements are, in their order."""
        return hashlib.sha256(b"".join(element.digest for element in self.elements)).digest()


class Pages:
    """The pages of one source; each time they are gone through, they are asked for anew."""

    def __init__(self, source: Source, client: HttpClient, since: str | None) -> None:
        self._source, self._client, self._since = source, client, since
        self._api = require_api(source)
        self._credentials = Credentials(source, client)
        self._steps = parse_record_path(source.options.get("record_path", ""))
        self._most = int(source.options.get("max_pages", MOST_PAGES))

    def __iter__(self) -> Iterator[Page]:
        """Raises `PublisherError` when a page cannot be read, is no JSON, or leads in a cycle."""
        request: Request | None = self._first()
        asked: dict[Request, int] = {}
        before: Page | None = None
        first_count = came = empty = 0
        number = 0
        while request is not None:
            number += 1
            if number > self._most:
                raise self._error(f"more than {self._most} pages, expected an end, or a greater max_pages")
            if request in asked:
                if before is not None and self._is_spent(before, asked[request]):
                    return
                raise self._error(
                    f"leads in a cycle: page {number} would be page {asked[request]} again, expected an end"
                )
            asked[request] = number
            page = self._page(request, number)
            if self._is_counted and before is not None and page.elements and page.digest == before.digest:
                raise self._error(
                    f"page {number} has the records of page {before.number}, expected other ones: does it take"
                    f" {self._api.page_param_name}? Where it repeats the last page, total_path tells the end"
                )
            first_count = first_count or len(page.elements)
            came += len(page.elements)
            empty = 0 if page.elements else empty + 1
            yield page
            request = self._next(request, page, came, first_count, empty)
            before = page

    def _is_spent(self, page: Page, leads_to: int) -> bool:
        """Return whether a page that leads to itself only says that nothing comes any more."""
        return not page.elements and page.number == leads_to > 1 and not page.has_more

    @property
    def _is_counted(self) -> bool:
        return self._api.pagination_type in ("page", "offset")

    def _first(self) -> Request:
        api, options = self._api, self._source.options
        address = below(expand(api.api_url, self._source), options.get("endpoint"))
        payload = self._credentials.payload_of(api)
        request = Request(api.http_method, address)
        if api.http_method == "POST":
            request = replace(request, body=as_body(payload or {}), headers=JSON_BODY)
        first: dict[str, str | int] = {}
        if api.per_page_param_name and api.page_size:
            first[api.per_page_param_name] = api.page_size
        if self._is_counted and api.page_param_name:
            first[api.page_param_name] = (
                int(options.get("first_page", "1")) if api.pagination_type == "page" else 0
            )
        since = self._since if self._since is not None else options.get("first_watermark")
        if api.use_incremental and api.modified_since_param and since is not None:
            first[api.modified_since_param] = since
        return self._with(request, first)

    def _with(self, request: Request, parameters: dict[str, str | int]) -> Request:
        if request.body is None:
            texts = {name: str(value) for name, value in parameters.items()}
            return replace(request, address=with_parameters(request.address, texts)) if texts else request
        return replace(request, body=as_body(with_members(_decoded(request.body), parameters)))

    def _page(self, request: Request, number: int) -> Page:
        accept = (NO_LONGER_TAKEN,) if self._credentials.can_renew else ()
        for is_last_try in (False, True):
            page = self._client.exchange(
                self._credentials.applied(request),
                lambda answer: self._read(answer, number),
                largest=LARGEST_PAGE,
                accept=() if is_last_try else accept,
            )
            if page is not None:
                return page
            self._credentials.renew()
        raise AssertionError("what is not accepted is raised")

    def _read(self, answer: Answer, number: int) -> Page | None:
        """Return what an answer says; None when the token is no longer taken."""
        if answer.status == NO_LONGER_TAKEN:
            return None
        name, encoding = f"{shown(answer.address)} page {number}", encoding_of(self._source)
        is_empty = answer.status == NO_CONTENT
        try:
            text = json.dumps(empty_document(self._steps)) if is_empty else answer.body.decode(encoding)
            document = DECODER.decode(text.removeprefix(BOM))
        except (ValueError, RecursionError) as error:
            is_markup = answer.body.lstrip()[:1] == b"<"
            expected = "expected JSON: is the address that of an API?" if is_markup else None
            raise AnswerBroken(
                f"its page {number} is {'HTML or XML' if is_markup else f'no JSON ({_shown_error(error)})'}",
                expected=expected,
            ) from None
        kept = without_secrets(text, self._credentials.secrets)
        body = answer.body if kept == text and not is_empty else kept.encode(encoding)
        try:
            for _ in read_json(self._source, BytesIO(body), name):
                pass  # it says what is wrong, and where
        except FormatBroken as error:
            raise PublisherError(f"{self._source.name}: {error}") from None
        except NotJsonError as error:
            raise PublisherError(f"{self._source.name}: {name}: {error}") from None
        return Page(
            number=number,
            body=body,
            elements=elements_of(
                document if kept == text else DECODER.decode(kept.removeprefix(BOM)), self._steps
            ),
            total=None if is_empty else self._total(document),
            next_mark=self._next_mark(answer, document),
            has_more=None if is_empty else self._has_more(document),
            tells_next=not self._api.cursor_path or has_place(document, self._api.cursor_path),
            dated=http_date(answer.headers.get("Date")),
        )

    def _total(self, document: JsonValue) -> int | None:
        path = self._source.options.get("total_path")
        if path is None:
            return None
        found = value_at(document, path)
        if isinstance(found, Number | str) and found.isdecimal():
            return int(found)
        raise self._error(f"has no number of records at {path} (total_path), expected one in each answer")

    def _has_more(self, document: JsonValue) -> bool | None:
        path = self._source.options.get("has_more_path")
        found = value_at(document, path) if path else None
        if found is None or isinstance(found, bool):
            return found
        words = {"true": True, "1": True, "false": False, "0": False}
        word = words.get(str(found).lower()) if isinstance(found, Number | str) else None
        if word is None:
            raise self._error(f"has {kind_of(found)} at {path} (has_more_path), expected true or false")
        return word

    def _next_mark(self, answer: Answer, document: JsonValue) -> str | None:
        kind, path = self._api.pagination_type, self._api.cursor_path or ""
        if kind == "link_header":
            mark = next_link(answer.headers.get("Link", ""))
        elif kind in ("cursor", "next_url"):
            mark = self._mark_at(document, path)
        else:
            return None
        return self._followable(answer.address, mark) if mark and kind != "cursor" else mark

    def _mark_at(self, document: JsonValue, path: str) -> str | None:
        found = value_at(document, path)
        if isinstance(found, dict | list) or found is True:
            raise self._error(
                f"has {kind_of(found)} at {path} (cursor_path), expected what leads to the next page, or null"
            )
        return text_at(document, path)

    def _followable(self, address: str, mark: str) -> str:
        """The address of the next page. Raises `PublisherError` where nobody should go with our credentials."""
        try:
            target = urljoin(address, mark)
            scheme = urlsplit(target).scheme
        except ValueError:
            raise self._error("leads to a next page that is no address") from None
        if scheme not in ("http", "https") or (scheme == "http" and urlsplit(address).scheme == "https"):
            raise self._error(f"leads to a next page by {scheme}: at {shown(target)}, expected https")
        carries = self._api.secret_ref is not None or self._credentials.can_renew
        if carries and not same_place(target, expand(self._api.api_url, self._source)):
            raise self._error(
                f"leads to a next page at {shown(target)}, expected one of its own: credentials go nowhere else"
            )
        return target

    def _next(self, request: Request, page: Page, came: int, first_count: int, empty: int) -> Request | None:
        api = self._api
        if api.pagination_type == "none" or page.has_more is False:
            return None
        if not self._is_counted:
            if page.next_mark is None:
                self._require_end(page)
                return None
            if empty and page.has_more is None and empty >= self._most_empty:
                return None
            if api.pagination_type == "cursor":
                return self._with(request, {api.cursor_param_name or "": page.next_mark})
            return replace(request, address=page.next_mark)
        is_short = page.number > 1 and len(page.elements) < first_count
        if page.has_more is None:
            if not page.elements or (page.total is None and is_short):
                return None
            if page.total is not None and came >= page.total:
                return None
        elif not page.elements:
            raise self._error(f"has no records on page {page.number}, and says that there are more")
        first = int(self._source.options.get("first_page", "1"))
        place = first + page.number if api.pagination_type == "page" else came
        return self._with(request, {api.page_param_name or "": place})

    @property
    def _most_empty(self) -> float:
        """After how many empty pages in a row nothing is expected any more."""
        option = self._source.options.get("empty_page_ends")
        return EMPTY_PAGES if option is None else 1 if option == "true" else float("inf")

    def _require_end(self, page: Page) -> None:
        """Refuse to take for the end what says that there is more, or a full first page that says nothing of it."""
        if page.has_more:
            raise self._error(
                f"says on page {page.number} that there is more, and has nothing at {self._api.cursor_path}"
                " (cursor_path), expected what leads there"
            )
        size = self._api.page_size
        is_full = size is not None and len(page.elements) >= size
        is_all = page.total is not None and len(page.elements) >= page.total
        if page.number == 1 and is_full and not is_all and not page.tells_next:
            raise self._error(
                f"has nothing at {self._api.cursor_path} (cursor_path) though its first page is full, expected what"
                " leads to the next page, or null. Where it leaves that out at the end, total_path or has_more_path"
                " tells the end"
            )

    def _error(self, what: str) -> PublisherError:
        return PublisherError(f"{self._source.name}: {shown(self._api.api_url)} {what}")


def _decoded(body: bytes) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = json.loads(body)
    return found


def _shown_error(error: Exception) -> str:
    return (
        type(error).__name__
        if isinstance(error, RecursionError | UnicodeError)
        else beginning(str(error), 100)
    )
