"""HTTP with patience, against a server that fails in every way a publisher's does."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from headwater.extract.connections.addresses import AddressGuard
from headwater.extract.connections.safe_address import shown
from headwater.extract.http.client import HttpClient
from headwater.extract.http.exchange import Patience
from headwater.extract.http.response import Head
from headwater.metadata.errors import DeliveryIncomplete, PublisherError
from tests.support.publisher import Answer, Publisher, Request

BODY = os.urandom(700_000)
ETAG = {"ETag": '"one"', "Accept-Ranges": "bytes"}


class Sink:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.content = bytearray()  # to which one more piece is added without a copy of all before it
        self.restarts = 0

    def write(self, chunk: bytes) -> None:
        self.content += chunk

    def restart(self) -> None:
        self.content = bytearray()
        self.restarts += 1


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the client would have slept."""
    return []


@pytest.fixture
def client(waits: list[float]) -> HttpClient:
    patience = Patience(attempts=4, read_timeout_s=2, sleep=waits.append, jitter=lambda: 1.0)
    return HttpClient(patience, AddressGuard(allow_private=True))


def cut(at: int, body: bytes = BODY, headers: dict[str, str] | None = None) -> Answer:
    """An answer that announces the whole body and breaks off."""
    return Answer(200, body[:at], ETAG if headers is None else headers, announced=len(body))


def rest(body: bytes = BODY, etag: str = '"one"', until: int | None = None) -> Callable[[Request], Answer]:
    """A server that sends the rest when the file is the one that the client has begun, else all of it."""

    def answer(request: Request) -> Answer:
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if request.headers.get("If-Range") != etag or "Range" not in request.headers:
            return Answer(200, body, headers)
        first = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        span = {"Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"}
        return Answer(206, body[first:until], {**headers, **span}, announced=len(body) - first)

    return answer


def test_a_whole_file_comes_at_once(client: HttpClient, publisher: Publisher, waits: list[float]) -> None:
    publisher.scripts["/f"] = [Answer(200, BODY, {**ETAG, "Last-Modified": "Sun, 01 Mar 2026 00:00:00 GMT"})]
    sink = Sink()
    head = client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY
    assert head.fingerprint == {
        "etag": '"one"',
        "last_modified": "Sun, 01 Mar 2026 00:00:00 GMT",
        "size": len(BODY),
    }
    assert head.modified_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert waits == []
    assert publisher.requests[0].headers["Accept-Encoding"] == "identity"


def test_a_cut_body_goes_on_where_it_was(client: HttpClient, publisher: Publisher) -> None:
    publisher.scripts["/f"] = [cut(300_000), rest()]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY
    assert sink.restarts == 1  # the beginning
    asked = publisher.requests[1].headers
    assert (asked["Range"], asked["If-Range"]) == ("bytes=300000-", '"one"')


def test_a_body_may_be_cut_often_as_long_as_it_goes_on(client: HttpClient, publisher: Publisher) -> None:
    publisher.scripts["/f"] = [cut(50_000), *(rest(until=50_000 * n) for n in range(2, 14)), rest()]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY
    assert sink.restarts == 1


def test_a_file_that_changed_meanwhile_begins_again(client: HttpClient, publisher: Publisher) -> None:
    other = os.urandom(400_000)
    publisher.scripts["/f"] = [cut(300_000), rest(other, '"two"')]
    sink = Sink()
    head = client.download(f"{publisher.url}/f", sink)
    assert sink.content == other
    assert head.etag == '"two"'


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"two"', "Content-Range": f"bytes 300000-{len(BODY) - 1}/{len(BODY)}"},
        {"ETag": '"one"', "Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"},
        {"ETag": '"one"', "Content-Range": f"bytes 300000-{len(BODY) + 8}/{len(BODY) + 9}"},
        {"ETag": '"one"'},
    ],
    ids=["other etag", "other range", "other length", "no range told"],
)
def test_a_rest_of_something_else_is_not_taken(
    client: HttpClient, publisher: Publisher, headers: dict[str, str]
) -> None:
    publisher.scripts["/f"] = [cut(300_000), Answer(206, b"x" * 400_000, headers), Answer(200, BODY, ETAG)]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY


def test_a_range_that_is_refused_begins_again(client: HttpClient, publisher: Publisher) -> None:
    publisher.scripts["/f"] = [cut(300_000), Answer(416), Answer(200, BODY[:200_000], ETAG)]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY[:200_000]


@pytest.mark.parametrize("headers", [{}, {"ETag": '"one"'}, {"ETag": 'W/"one"', "Accept-Ranges": "bytes"}])
def test_without_ranges_or_a_strong_validator_it_begins_again(
    client: HttpClient, publisher: Publisher, headers: dict[str, str]
) -> None:
    publisher.scripts["/f"] = [cut(300_000, headers=headers), Answer(200, BODY, headers)]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY
    assert "Range" not in publisher.requests[1].headers


def test_last_modified_is_validator_enough(client: HttpClient, publisher: Publisher) -> None:
    dated = {"Last-Modified": "Sun, 01 Mar 2026 00:00:00 GMT", "Accept-Ranges": "bytes"}
    span = {"Content-Range": f"bytes 300000-{len(BODY) - 1}/{len(BODY)}"}
    publisher.scripts["/f"] = [cut(300_000, headers=dated), Answer(206, BODY[300_000:], {**dated, **span})]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY
    assert publisher.requests[1].headers["If-Range"] == "Sun, 01 Mar 2026 00:00:00 GMT"


def test_a_server_that_never_sends_all_is_given_up(
    client: HttpClient, publisher: Publisher, waits: list[float]
) -> None:
    publisher.scripts["/f"] = [cut(300_000, headers={})]
    with pytest.raises(DeliveryIncomplete) as refused:
        client.download(f"{publisher.url}/f", Sink())
    assert str(refused.value) == (
        f"{publisher.url}/f: the connection failed (IncompleteRead), 4 times in a row: run again later. "
        "300000 of 700000 bytes had come"
    )
    assert waits == [0.5, 1, 2]


def test_a_length_told_elsewhere_counts_where_the_answer_tells_none(
    client: HttpClient, publisher: Publisher
) -> None:
    publisher.scripts["/f"] = [
        Answer(200, BODY[:9], {"Connection": "close"}, announced=None),
        Answer(200, BODY, {"Connection": "close"}, announced=None),
    ]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink, size=len(BODY))
    assert sink.content == BODY


def test_an_encoded_body_is_decoded(client: HttpClient, publisher: Publisher) -> None:
    publisher.scripts["/f"] = [
        cut(100, gzip.compress(BODY), {"Content-Encoding": "gzip", **ETAG}),
        Answer(200, gzip.compress(BODY), {"Content-Encoding": "gzip", **ETAG}),
    ]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY
    assert "Range" not in publisher.requests[1].headers


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_what_may_go_better_is_asked_again_after_growing_waits(
    client: HttpClient, publisher: Publisher, waits: list[float], status: int
) -> None:
    publisher.scripts["/f"] = [Answer(status), Answer(status), Answer(status), Answer(200, BODY)]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY
    assert waits == [0.5, 1, 2]


def test_retry_after_is_honoured(client: HttpClient, publisher: Publisher, waits: list[float]) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    publisher.scripts["/f"] = [
        Answer(429, headers={"Retry-After": "7"}),
        Answer(503, headers={"Retry-After": later}),
        Answer(200, BODY),
    ]
    client.download(f"{publisher.url}/f", Sink())
    assert waits[0] == 7
    assert 80 < waits[1] <= 90


def test_a_server_that_wants_too_long_is_left_for_the_next_run(
    client: HttpClient, publisher: Publisher, waits: list[float]
) -> None:
    publisher.scripts["/f"] = [Answer(429, headers={"Retry-After": "86400"})]
    with pytest.raises(PublisherError) as refused:
        client.download(f"{publisher.url}/f", Sink())
    assert str(refused.value) == (
        f"{publisher.url}/f: it answers 429 Too Many Requests and asks to wait 86400 seconds: run again then."
    )
    assert waits == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_a_refusal_is_final(
    client: HttpClient, publisher: Publisher, waits: list[float], status: int
) -> None:
    publisher.scripts["/f"] = [Answer(status)]
    with pytest.raises(PublisherError, match=f"it answers {status} .*, expected the file or page"):
        client.download(f"{publisher.url}/f", Sink())
    assert waits == []
    assert len(publisher.requests) == 1


def test_waits_have_jitter_and_a_limit() -> None:
    patience = Patience(jitter=lambda: 0.0)
    assert [patience.wait(n) for n in range(1, 9)] == [0.25, 0.5, 1, 2, 4, 8, 15, 15]


def test_a_server_that_is_not_there_is_said_plainly(client: HttpClient, waits: list[float]) -> None:
    with pytest.raises(
        PublisherError,
        match=r"^http://127\.0\.0\.1:9/f: nothing listens there \(connection refused\), 3 times in a row: expected a"
        " server that is up",
    ):
        client.download("http://127.0.0.1:9/f", Sink())
    assert len(waits) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(client: HttpClient, publisher: Publisher, status: int) -> None:
    publisher.scripts["/data/f"] = [Answer(status, b"over there", headers={"Location": "../g?x=1"})]
    publisher.scripts["/g?x=1"] = [Answer(200, BODY, ETAG)]
    sink = Sink()
    client.download(f"{publisher.url}/data/f", sink)
    assert sink.content == BODY
    assert client.page(f"{publisher.url}/data/f").address == f"{publisher.url}/g?x=1"


@pytest.mark.parametrize(
    "target",
    ["ftp://127.0.0.1/f", "file:///etc/passwd", "data:text/csv,id%0A1", "javascript:alert(1)", "//[bad/f"],
)
def test_a_redirect_away_from_http_is_refused(client: HttpClient, publisher: Publisher, target: str) -> None:
    publisher.scripts["/f"] = [Answer(302, headers={"Location": "/g"})]
    publisher.scripts["/g"] = [Answer(302, headers={"Location": target})]
    for ask in (client.head, client.page, lambda address: client.download(address, Sink())):
        with pytest.raises(
            PublisherError, match=r"/[fg] redirects to (\w+:, expected http or https|what is no)"
        ):
            ask(f"{publisher.url}/f")


def test_a_redirect_in_a_cycle_is_said_plainly(client: HttpClient, publisher: Publisher) -> None:
    publisher.scripts["/f"] = [Answer(302, headers={"Location": "/f"})]
    with pytest.raises(PublisherError, match=r"/f redirects more than 10 times, expected the file or page$"):
        client.page(f"{publisher.url}/f")


def test_head_tells_what_there_is(client: HttpClient, publisher: Publisher) -> None:
    publisher.files["/f"] = BODY
    publisher.headers["/f"] = {**ETAG, "Last-Modified": "Sun, 01 Mar 2026 00:00:00 GMT"}
    assert client.head(f"{publisher.url}/f") == Head(
        '"one"', "Sun, 01 Mar 2026 00:00:00 GMT", len(BODY), accepts_ranges=True, is_encoded=False
    )
    assert [request.method for request in publisher.requests] == ["HEAD"]


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_a_server_that_refuses_head_is_asked_with_get(
    client: HttpClient, publisher: Publisher, status: int
) -> None:
    def answer(request: Request) -> Answer:
        return Answer(status) if request.method == "HEAD" else Answer(200, BODY, ETAG)

    publisher.scripts["/f"] = [answer]
    assert client.head(f"{publisher.url}/f").size == len(BODY)


def test_a_page_is_decoded_by_its_charset(client: HttpClient, publisher: Publisher) -> None:
    publisher.scripts["/p"] = [
        Answer(200, "é".encode("cp1252"), {"Content-Type": "text/html; charset=windows-1252"}),
        Answer(200, "é".encode(), {"Content-Type": "text/html"}),
        Answer(200, "é".encode("latin-1"), {"Content-Type": "text/html"}),
    ]
    assert [client.page(f"{publisher.url}/p").text for _ in range(3)] == ["é", "é", "é"]


def test_no_credentials_are_shown() -> None:
    assert (
        shown("https://me:secret@example.org/data/f.csv?token=secret#x") == "https://example.org/data/f.csv"
    )


def test_a_server_that_says_nothing_is_given_up(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client.patience = Patience(attempts=2, read_timeout_s=0.05, sleep=lambda _: None)
        with pytest.raises(PublisherError, match=r"no answer in time, 2 times in a row: run again later\.$"):
            client.head(f"http://127.0.0.1:{silent.getsockname()[1]}/f")
