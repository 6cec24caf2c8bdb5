"""Download pages: which links are files of the source, what they are called, and of which date they are."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from headwater.extract.connections.addresses import AddressGuard
from headwater.extract.http.client import HttpClient
from headwater.extract.http.exchange import Page, Patience
from headwater.extract.landing.land import land
from headwater.extract.offers.discover import discover
from headwater.extract.raw.pending import load_delivery
from headwater.extract.sources.http_files import _LinkReader, links, publisher_names
from headwater.extract.sources.http_files import discover as discover_http
from headwater.metadata.errors import PublisherError
from tests.extract.http.test_client import Sink
from tests.support.loader import Loader
from tests.support.publisher import Answer, Publisher
from tests.support.sources import make_source

NAMED = {"file_pattern": r"places-(?P<date>\d{8})\.csv$"}


def test_links_that_match_are_offers_in_order_of_their_dates(publisher: Publisher) -> None:
    publisher.page(
        "/data/",
        '<a href="places-20260301.csv">March</a>',
        '<a href="/data/places-20260201.csv#top">February</a>',
        '<a href="places-20260201.csv">again</a>',
        '<a href="people-20260201.csv">others</a>',
        '<a name="here">no link</a>',
    )
    for name in ("places-20260301.csv", "places-20260201.csv"):
        publisher.files[f"/data/{name}"] = name.encode()
    offers = discover(make_source(address=f"{publisher.url}/data/", options=NAMED))
    assert [(o.publisher_name, o.delivery_date, o.address) for o in offers] == [
        (
            "places-20260201.csv",
            datetime(2026, 2, 1, tzinfo=UTC),
            f"{publisher.url}/data/places-20260201.csv",
        ),
        (
            "places-20260301.csv",
            datetime(2026, 3, 1, tzinfo=UTC),
            f"{publisher.url}/data/places-20260301.csv",
        ),
    ]
    assert offers[0].fingerprint["size"] == len("places-20260201.csv")
    assert "etag" in offers[0].fingerprint
    assert publisher.asked("GET", "/data/places-20260201.csv") == []  # nothing is read to discover it


def test_the_page_is_found_below_the_address_of_the_conn_str(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAZETTEER_URL", publisher.url)
    publisher.page("/data/2026/index.html", '<a href="places-20260301.csv">x</a>')
    publisher.files["/data/2026/places-20260301.csv"] = b""
    source = make_source(address="${GAZETTEER_URL}/data", options={**NAMED, "page": "2026/index.html"})
    assert [offer.publisher_name for offer in discover(source)] == ["places-20260301.csv"]


@pytest.mark.parametrize(
    ("page", "address", "names"),
    [
        ("https://x.org/data/index.html", "https://x.org/data/a%20b.csv", ["a b.csv"]),
        ("https://x.org/data/", "https://x.org/data/2026/a.csv", ["2026/a.csv"]),
        ("https://me:word@x.org/data/", "http://x.org/data/a.csv", ["a.csv"]),
        ("https://x.org/data/", "https://x.org/other/a.csv", ["/other/a.csv"]),
        ("https://x.org/data/", "https://user:word@cdn.x.org/data/a.csv", ["cdn.x.org/data/a.csv"]),
        ("https://x.org/data", "https://x.org/get?file=a.csv&v=%32", ["get", "get?file=a.csv&v=2"]),
    ],
)
def test_a_file_is_called_by_its_path_from_the_page(page: str, address: str, names: list[str]) -> None:
    assert list(publisher_names(page, address)) == names


def test_a_query_is_part_of_the_name_only_where_the_pattern_needs_it(publisher: Publisher) -> None:
    publisher.page("/", '<a href="places-20260301.csv?signature=1">x</a>', '<a href="get?day=20260301">x</a>')
    publisher.files["/places-20260301.csv?signature=1"] = publisher.files["/get?day=20260301"] = b""
    for pattern, name in (
        (r"(?P<date>\d{8})\.csv", "places-20260301.csv"),
        (r"day=(?P<date>\d{8})$", "get?day=20260301"),
    ):
        [offer] = discover(make_source(address=f"{publisher.url}/", options={"file_pattern": pattern}))
        assert offer.publisher_name == name


@pytest.mark.parametrize(
    "html",
    [
        '<ul><li><a href="f.zip">rates</a> of 2026-03-02</li><li>2026-04-01 <a href="g.zip">x</a></li></ul>',
        '<table><tr><td>2026-03-02</td><td><a href="f.zip">rates</a></td></tr><tr><td>2026-04-01</td></tr></table>',
        '<a href="f.zip">rates 2026-03-02</a><br>2026-02-01 and earlier',
        '<pre><a href="e.zip">e</a> 2026-01-01\n<a href="f.zip">f</a> 2026-03-02 1.2M\n<a href="g">g</a> 2026-04-01',
        '<p>2026-01-01</p><a href="f.zip"><img src="i.png"></a><a href="f.zip">zip</a><b>2026-03-02</b>',
        '<base href="/data/"><dl><dt><a href="f.zip">rates</a></dt><dd>2026-03-02</dd></dl>',
    ],
)
def test_a_date_on_the_page_is_read_near_its_link(publisher: Publisher, html: str) -> None:
    publisher.files["/data/"] = html.encode()
    publisher.files["/data/f.zip"] = b""
    options = {
        "file_pattern": r"f\.zip$",
        "date_from": "page",
        "date_pattern": r"(?P<date>\d{4}-\d{2}-\d{2})",
    }
    [offer] = discover(make_source(address=f"{publisher.url}/data/", options=options))
    assert offer.delivery_date == datetime(2026, 3, 2, tzinfo=UTC)


def test_a_date_may_be_written_in_words(publisher: Publisher) -> None:
    publisher.page("/", '<a href="f.csv">Rates as of 2 March 2026</a>')
    publisher.files["/f.csv"] = b""
    options = {
        "file_pattern": "f.csv", "date_from": "page",
        "date_pattern": r"as of (?P<date>\d+ \w+ \d{4})", "date_format": "%d %B %Y",
    }  # fmt: skip
    [offer] = discover(make_source(address=publisher.url, options=options))
    assert offer.delivery_date == datetime(2026, 3, 2, tzinfo=UTC)


def test_one_address_of_two_dates_is_offered_under_two_names(publisher: Publisher) -> None:
    publisher.page("/", '<a href="2026-03/f.csv">x</a>', '<a href="2026-04/f.csv">x</a>')
    publisher.files["/2026-03/f.csv"] = publisher.files["/2026-04/f.csv"] = b""
    options = {"file_pattern": r"(?P<date>\d{4}-\d{2})/f\.csv$"}
    offers = discover(make_source(address=f"{publisher.url}/", options=options))
    assert [(o.publisher_name, o.delivery_date.month) for o in offers] == [
        ("2026-03/f.csv", 3),
        ("2026-04/f.csv", 4),
    ]


def test_the_date_of_the_header_is_that_of_the_file_that_was_fetched(publisher: Publisher) -> None:
    publisher.page("/", '<a href="f.csv">x</a>')
    publisher.files["/f.csv"] = b"old"
    publisher.headers["/f.csv"] = {"Last-Modified": "Sun, 01 Mar 2026 10:00:00 GMT"}
    [offer] = discover(
        make_source(address=publisher.url, options={"file_pattern": "f.csv", "date_from": "header"})
    )
    assert offer.delivery_date == datetime(2026, 3, 1, 10, tzinfo=UTC)
    publisher.files["/f.csv"] = b"newer"
    publisher.headers["/f.csv"] = {"Last-Modified": "Mon, 02 Mar 2026 10:00:00 GMT"}
    fetched = offer.fetch(offer, Sink())
    assert fetched.delivery_date == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert fetched.fingerprint["size"] == 5


@pytest.mark.parametrize(
    ("options", "html", "message"),
    [
        (
            {"file_pattern": r"places-(?P<date>\d+)\.csv$"},
            '<a href="places-2026111.csv">x</a>',
            "places: places-2026111.csv: '2026111' in its name is no date, "
            "expected %Y%m%d or %Y-%m-%d or %Y-%m (date_format)",
        ),
        (
            {"file_pattern": r"places-\d+\.csv$"},
            '<a href="places-20261101.csv">x</a>',
            r"places: places-20261101.csv: its name gives no date, expected a group (?P<date>…) in the "
            r"file_pattern places-\d+\.csv$, or date_from = page or header",
        ),
        (
            {"file_pattern": r"f\.csv$", "date_from": "page", "date_pattern": r"of (?P<date>[\d-]+)"},
            '<a href="f.csv">Places</a>, the\n newest ones',
            r"places: f.csv: the page gives it no date, expected %Y%m%d or %Y-%m-%d or %Y-%m where the "
            r"date_pattern of (?P<date>[\d-]+) matches near the link, which reads 'Places, the newest ones'",
        ),
        (
            {"file_pattern": r"f\.csv$", "date_from": "header"},
            '<a href="f.csv">Places</a>',
            "places: f.csv: the publisher's server gives no date, "
            "expected a header Last-Modified (it tells none), or date_from = name or page",
        ),
        (
            {"file_pattern": r"g\.csv$"},
            '<a href="f.csv">Places</a>',
            r"places: no link on {url}/ matches the file_pattern g\.csv$",
        ),
        (
            {"file_pattern": r"f\.csv$"},
            '<a href="ftp://x.org/f.csv">Places</a>',
            "places: x.org/f.csv is linked as ftp://x.org/f.csv, expected http or https",
        ),
        (
            {},
            "",
            "places: no file_pattern, expected one in source_attribute.csv: "
            "a regular expression that the names of its files match",
        ),
    ],
)
def test_what_cannot_be_understood_is_said(
    publisher: Publisher, options: dict[str, str], html: str, message: str
) -> None:
    publisher.files["/"] = html.encode()
    for path in ("/f.csv", "/places-2026111.csv", "/places-20261101.csv"):
        publisher.files[path] = b""
    with pytest.raises(PublisherError) as refused:
        discover(make_source(address=f"{publisher.url}/", options=options))
    assert str(refused.value) == message.replace("{url}", publisher.url)


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(
        PublisherError,
        match=r"^places: \$\{NOWHERE\}/x needs the environment variable NOWHERE, which is not set$",
    ):
        discover(make_source(address="${NOWHERE}/x", options=NAMED))


def test_a_source_without_an_address_is_told_what_it_lacks() -> None:
    with pytest.raises(PublisherError, match=r"^places: no address, expected a source_attribute conn_str"):
        discover(make_source(options=NAMED))


def test_a_page_that_fails_at_first_is_asked_again(publisher: Publisher) -> None:
    waits: list[float] = []
    publisher.scripts["/"] = [Answer(503), Answer(200, b'<a href="places-20260301.csv">x</a>')]
    publisher.scripts["/places-20260301.csv"] = [
        Answer(503),
        lambda request: Answer(405) if request.method == "HEAD" else Answer(200, b"12345"),
    ]
    client = HttpClient(Patience(sleep=waits.append), AddressGuard(publisher.url))
    [offer] = discover_http(make_source(address=f"{publisher.url}/", options=NAMED), client)
    assert offer.fingerprint == {"size": 5}
    assert len(waits) == 2


def test_links_of_a_broken_page_are_read_as_browsers_do() -> None:
    page = Page(
        "http://x.org/d/",
        "<base href='//[b'><a href='//[a]b/c'>no link</a>"
        "<A HREF=a.csv>a<A href='b.csv?x=1&amp;y=2'>b</a><a href=''>c<li>2026",
    )
    assert [(link.address, link.after) for link in links(page)] == [
        ("http://x.org/d/a.csv", "a"),
        ("http://x.org/d/b.csv?x=1&y=2", "bc"),
    ]


def test_a_file_that_the_server_refuses_to_tell_of_fails_alone(publisher: Publisher) -> None:
    publisher.page("/", '<a href="places-20260301.csv">x</a>', '<a href="places-20260401.csv">x</a>')
    publisher.files["/places-20260401.csv"] = b"content"
    dead, living = discover(make_source(address=f"{publisher.url}/", options=NAMED))
    with pytest.raises(
        PublisherError, match=r"places-20260301\.csv: it answers 404 Not Found, expected the file"
    ):
        dead.fetch(dead, Sink())
    sink = Sink()
    living.fetch(living, sink)
    assert sink.content == b"content"
    dated = make_source(address=f"{publisher.url}/", options={**NAMED, "date_from": "header"})
    with pytest.raises(PublisherError, match="404 Not Found"):  # nobody says of which date it is
        discover(dated)


def test_an_address_whose_own_name_matches_is_the_file_itself(publisher: Publisher) -> None:
    publisher.files["/data/places-20260301.csv"] = b"id\n1\n"
    source = make_source(address=f"{publisher.url}/data/places-20260301.csv?v=2", options=NAMED)
    publisher.files["/data/places-20260301.csv?v=2"] = b"id\n1\n"
    (offer,) = discover(source)
    assert (offer.publisher_name, offer.delivery_date) == (
        "places-20260301.csv",
        datetime(2026, 3, 1, tzinfo=UTC),
    )
    sink = Sink()
    offer.fetch(offer, sink)
    assert bytes(sink.content) == b"id\n1\n"
    assert {request.method for request in publisher.requests} == {"HEAD", "GET"}


CSV = b"id,name\n1,Ulm\n"
JSON = b'[{"id":"1","name":"Ulm"}]'
XML = b"<d><r><id>1</id><name>Ulm</name></r></d>"
STORED: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "gz": (gzip.compress, "gzip"),
    "bz2": (bz2.compress, "bzip2"),
    "xz": (lzma.compress, "x-xz"),
}


@pytest.mark.parametrize("ending", STORED)
@pytest.mark.parametrize("way", ["as it is", "labelled", "packed once more"])
@pytest.mark.parametrize(
    ("format_name", "content"), [("csv", CSV), ("json", JSON), ("xml", XML)], ids=["csv", "json", "xml"]
)
def test_a_packed_file_comes_right_whatever_the_server_calls_its_packing(
    loader: Loader, publisher: Publisher, ending: str, way: str, format_name: str, content: bytes
) -> None:
    """Servers call the packing of a file that they stored so its Content-Encoding, or pack it once more on the way."""
    pack, encoding = STORED[ending]
    body, headers = pack(content), {"Content-Encoding": encoding} if way == "labelled" else {}
    if way == "packed once more":
        body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
    name = f"places-20260301.{format_name}.{ending}"
    publisher.page("/data/", f'<a href="{name}">March</a>')
    publisher.files[f"/data/{name}"], publisher.headers[f"/data/{name}"] = body, headers
    pattern = rf"places-(?P<date>\d{{8}})\.{format_name}\.{ending}$"
    options = {"file_pattern": pattern, "format": format_name}
    source = make_source(
        address=f"{publisher.url}/data/",
        options={**options, **({"record_path": "d.r"} if format_name == "xml" else {})},
    )
    [offer] = discover(source)
    delivery = land(loader.engine, loader.store, source, offer, loader.job_inst_id)
    assert delivery is not None
    load_delivery(loader.engine, loader.store, source, delivery, loader.job_inst_id)
    assert loader.rows("id", "name") == [("1", "Ulm")]


def test_text_between_links_is_not_copied_with_each_piece_of_it() -> None:
    """A page of a million pieces of text in a row takes its length, not the square of it."""
    reader = _LinkReader("http://h/")
    reader.feed("<p><a href=x>a</a>" + "<b>y</b>" * 1000)
    assert len(reader._text) == 1001
    reader.close()
    assert [link.after for link in reader.finish()] == ["a" + "y" * 1000]
