"""The data source type `http_files`: a download page whose links match the source's pattern, or one file.

Options of the source (`source_attribute`): `page` is the page's path below the address of its conn_str;
`file_pattern` matches the links' names; `date_from` says where a delivery's date stands: in the `name` (the
pattern's group `date`), on the `page` near the link (`date_pattern`), or in the `header` Last-Modified.
An address whose own name matches the pattern is no page: it is the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from html.parser import HTMLParser
from typing import TypeAlias
from urllib.parse import unquote, urljoin, urlsplit

from headwater.extract.connections.addresses import AddressGuard
from headwater.extract.connections.environment import expand
from headwater.extract.connections.safe_address import shown
from headwater.extract.files.limits import Limits
from headwater.extract.http.client import HttpClient
from headwater.extract.http.exchange import Page
from headwater.extract.http.response import Head
from headwater.extract.offers.delivery_date import date_in_name, expected_date, file_pattern, read_date
from headwater.extract.offers.offer import Offer, Sink
from headwater.metadata.errors import PublisherError
from headwater.metadata.redaction import beginning
from headwater.metadata.static.model import Source

ROWS = frozenset({"tr", "li", "p"})  # what is said of a link stands in the same one


@dataclass(frozen=True)
class Link:
    """A link of a page and the text that belongs to it."""

    address: str  # absolute, without fragment
    after: str  # its own text and what follows, up to the next link or the end of its row
    before: str  # what precedes it in its row, from the link before


Matching: TypeAlias = tuple[str, re.Match[str], list[Link]]  # the file's name, its match, the links to it


def discover(source: Source, client: HttpClient | None = None) -> Iterator[Offer]:
    """The files that the source's page links to.

    A file that the server refuses to tell of is an offer that fails when it is fetched. Raises `PublisherError`
    when the page cannot be read, none of its links matches, or one has no date.
    """
    address, path = _base(source), source.options.get("page", "")
    client = client or _client(source, address)
    address = f"{address.rstrip('/')}/{path.lstrip('/')}" if path else address
    matching = _itself(source, address) or _linked(source, client.page(address))
    for address, (name, match, same) in matching.items():
        if urlsplit(address).scheme not in ("http", "https"):
            raise PublisherError(
                f"{source.name}: {name} is linked as {shown(address)}, expected http or https"
            )
        try:
            head = client.head(address)
        except PublisherError as error:
            if source.options.get("date_from") == "header":
                raise
            yield Offer(name, address, _delivery_date(source, name, match, same), {}, partial(_fail, error))
            continue
        yield Offer(
            publisher_name=name,
            address=address,
            delivery_date=_delivery_date(source, name, match, same, head),
            fingerprint=head.fingerprint,
            fetch=partial(_fetch, source, client),
        )


def fetch_by_address(source: Source) -> Callable[[Offer, Sink], Offer]:
    """The `fetch` of an offer of the source of which only the address is known."""
    return partial(_fetch, source, _client(source, _base(source)))


def _base(source: Source) -> str:
    base = source.conn_str.url_template if source.conn_str else None
    if not base:
        raise PublisherError(
            f"{source.name}: no address, expected a source_attribute conn_str "
            "that names a conn_str with a url_template"
        )
    return expand(base, source)


def _client(source: Source, address: str) -> HttpClient:
    allow_private = source.options.get("allow_private_addresses") == "true"
    return HttpClient(guard=AddressGuard(address, allow_private=allow_private), limits=Limits.of(source))


def _itself(source: Source, address: str) -> dict[str, Matching]:
    """The address, where it is that of a file."""
    name = unquote(urlsplit(address).path).rpartition("/")[2]
    match = file_pattern(source).search(name) if name else None
    return {address: (name, match, [])} if match else {}


def _linked(source: Source, page: Page) -> dict[str, Matching]:
    """The links of a page that match, by their addresses."""
    pattern = file_pattern(source)
    matching: dict[str, Matching] = {}
    for link in links(page):
        for name in publisher_names(page.address, link.address):
            match = pattern.search(name)
            if match:
                matching.setdefault(link.address, (name, match, []))[2].append(link)
                break
    if not matching:
        raise PublisherError(
            f"{source.name}: no link on {shown(page.address)} matches the file_pattern {pattern.pattern}"
        )
    return matching


def _fail(error: PublisherError, _offer: Offer, _sink: Sink) -> Offer:
    raise error


def _fetch(source: Source, client: HttpClient, offer: Offer, sink: Sink) -> Offer:
    head = client.download(offer.address, sink, offer.fingerprint.get("size"))
    date = offer.delivery_date
    if source.options.get("date_from") == "header":  # the file may be newer than the one that was listed
        date = _header_date(source, offer.publisher_name, head)
    return replace(offer, fingerprint=head.fingerprint, delivery_date=date)


def publisher_names(page: str, address: str) -> Iterator[str]:
    """Yield what a linked file may be called: its path as seen from the page; then, if it has one, with its query.

    The first that the pattern matches is its name, so that tokens and signatures in a query make no new
    names where nothing depends on them. `https://x.org/data/`, `https://x.org/data/2026/a%20b.csv?v=2` gives
    `2026/a b.csv`, `2026/a b.csv?v=2`. Elsewhere on the host it is the whole path, elsewhere the host with it.
    """
    here, other = urlsplit(page), urlsplit(address)
    host = other.netloc.rpartition("@")[2]
    folder = here.path.rpartition("/")[0] + "/"
    path = unquote(other.path.removeprefix(folder) if other.path.startswith(folder) else other.path)
    if host != here.netloc.rpartition("@")[2]:
        path = host + unquote(other.path)
    yield path
    if other.query:
        yield f"{path}?{unquote(other.query)}"


def links(page: Page) -> list[Link]:
    """The links of a page, in its order."""
    reader = _LinkReader(page.address)
    reader.feed(page.text)
    reader.close()
    return reader.finish()


def _delivery_date(
    source: Source, name: str, match: re.Match[str], same: list[Link], head: Head | None = None
) -> datetime:
    date_from = source.options.get("date_from", "name")
    if date_from == "page":
        return _page_date(source, name, same)
    if date_from == "header" and head is not None:
        return _header_date(source, name, head)
    return date_in_name(source, name, match)


def _header_date(source: Source, name: str, head: Head) -> datetime:
    if head.modified_at is None:
        shown_date = "it tells none" if head.last_modified is None else f"it tells {head.last_modified!r}"
        raise PublisherError(
            f"{source.name}: {name}: the publisher's server gives no date, "
            f"expected a header Last-Modified ({shown_date}), or date_from = name or page"
        )
    return head.modified_at


def _page_date(source: Source, name: str, same: list[Link]) -> datetime:
    pattern = re.compile(source.options.get("date_pattern", r"(?P<date>\d{4}-\d{2}-\d{2})"))
    for text in [link.after for link in same] + [link.before for link in same]:
        found = pattern.search(text)
        moment = read_date(source, found["date"]) if found else None
        if moment is not None:
            return moment
    text = " ".join(f"{link.before} {link.after}".strip() for link in same)
    raise PublisherError(
        f"{source.name}: {name}: the page gives it no date, expected {expected_date(source)} where the "
        f"date_pattern {pattern.pattern} matches near the link, which reads {beginning(' '.join(text.split()), 120)!r}"
    )


class _LinkReader(HTMLParser):
    """Cuts a page into links and the texts between them."""

    def __init__(self, address: str) -> None:
        super().__init__(convert_charrefs=True)
        self._base = address
        self._addresses: list[str] = []
        self._after: list[str] = []
        self._before: list[str] = []
        self._text: list[str] = []  # since the last link or the beginning of the row

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        href = values.get("href")
        address = self._address(href) if href else None
        if tag == "base" and address:
            self._base = address
        elif tag == "a" and address:
            self._settle()
            self._addresses.append(address.partition("#")[0])
            self._before.append("".join(self._text))
            self._text = []
        elif tag in ROWS:
            self._end_row()

    def handle_endtag(self, tag: str) -> None:
        if tag in ROWS:
            self._end_row()

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def finish(self) -> list[Link]:
        self._settle()
        return [Link(*parts) for parts in zip(self._addresses, self._after, self._before, strict=True)]

    def _address(self, href: str) -> str | None:
        """Return where a link leads; None when that is no address."""
        try:
            address = urljoin(self._base, href.strip())
            urlsplit(address)
        except ValueError:
            return None
        return address

    def _settle(self) -> None:
        if len(self._after) < len(self._addresses):
            self._after.append("".join(self._text))

    def _end_row(self) -> None:
        self._settle()
        self._text = []
