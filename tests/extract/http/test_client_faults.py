"""Publishers that lie, stall, loop and pack: what they do comes right or is said, and it ends."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import ssl
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from headwater.extract.connections.addresses import AddressGuard
from headwater.extract.files.limits import Limits
from headwater.extract.http import client as fetch
from headwater.extract.http.client import HttpClient
from headwater.extract.http.exchange import Patience
from headwater.extract.http.response import http_date
from headwater.metadata.errors import DeliveryIncomplete, DeliveryTooLarge, PublisherError
from tests.extract.http.test_client import BODY, ETAG, Sink, client, cut, rest, waits
from tests.support.publisher import Answer, Publisher, Request

__all__ = ["client", "waits"]

CHUNKED = {"Transfer-Encoding": "chunked"}
GZIPPED = {"Content-Encoding": "gzip"}
CLOSED = {"Connection": "close"}


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


# --------------------------------------------------------------------------- lengths that are not true


@pytest.mark.parametrize(
    "to_the_rest",
    [Answer(416), cut(300_000), Answer(206, b"", {**ETAG, "Content-Range": "bytes 300000-699999/700000"})],
    ids=["refuses the range", "ignores the range", "sends nothing"],
)
def test_a_length_that_is_too_great_is_given_up(
    client: HttpClient, publisher: Publisher, waits: list[float], to_the_rest: Answer
) -> None:
    def answer(request: Request) -> Answer:
        if len(publisher.requests) > 50:
            return Answer(410)  # a client without an end
        return to_the_rest if "Range" in request.headers else cut(300_000)

    publisher.scripts["/f"] = [answer]
    with pytest.raises((DeliveryIncomplete, PublisherError), match=r"4 times in a row: run again later\."):
        client.download(f"{publisher.url}/f", Sink())
    assert len(publisher.requests) <= 5
    assert len(waits) == len(publisher.requests) - 1


def test_a_file_that_changes_in_every_answer_is_given_up(client: HttpClient, publisher: Publisher) -> None:
    publisher.scripts["/f"] = [
        *(cut(300_000, headers={**ETAG, "ETag": f'"{n}"'}) for n in range(50)),
        Answer(410),
    ]
    with pytest.raises(DeliveryIncomplete, match=r"4 times in a row: .* 300000 of 700000 bytes had come$"):
        client.download(f"{publisher.url}/f", Sink())


def test_a_length_that_is_too_small_does_not_spoil_the_next_answer(
    client: HttpClient, publisher: Publisher
) -> None:
    publisher.scripts["/f"] = [Answer(200, BODY, announced=1000)]
    publisher.scripts["/g"] = [Answer(200, b"another")]
    first, second = Sink(), Sink()
    client.download(f"{publisher.url}/f", first)
    client.download(f"{publisher.url}/g", second)
    assert first.content == BODY[:1000]
    assert second.content == b"another"


def test_a_body_in_chunks_that_breaks_off_is_not_taken_for_whole(
    client: HttpClient, publisher: Publisher
) -> None:
    publisher.scripts["/f"] = [
        Answer(200, chunks(BODY[:99_000]), CHUNKED, announced=None),
        Answer(200, chunks(BODY[:99_000]) + b"5000\r\nbroken", CHUNKED, announced=None),
        Answer(200, chunks(BODY[:99_000], BODY[99_000:], b""), CHUNKED, announced=None),
    ]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY


# --------------------------------------------------------------------------- packed bodies


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(BODY)),
        ("X-GZIP", gzip.compress(BODY[:999]) + gzip.compress(BODY[999:]) + bytes(7)),
        ("deflate", zlib.compress(BODY)),
        ("identity", BODY),
        ("bzip2", bz2.compress(BODY[:999]) + bz2.compress(BODY[999:])),
        ("x-bzip2", bz2.compress(BODY)),
        ("xz", lzma.compress(BODY)),
        ("gzip, gzip", gzip.compress(gzip.compress(BODY))),
        ("xz, identity, x-gzip", gzip.compress(lzma.compress(BODY))),
    ],
)
def test_a_packed_body_is_unpacked(
    client: HttpClient, publisher: Publisher, encoding: str, packed: bytes
) -> None:
    publisher.scripts["/f"] = [Answer(200, packed, {"Content-Encoding": encoding})]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink, size=len(packed))
    assert sink.content == BODY


def test_a_packed_body_of_zeros_comes_in_small_pieces(client: HttpClient, publisher: Publisher) -> None:
    publisher.scripts["/f"] = [Answer(200, gzip.compress(bytes(40 << 20)), GZIPPED)]
    sizes: list[int] = []

    class Counting(Sink):
        def write(self, chunk: bytes) -> None:
            sizes.append(len(chunk))

    client.download(f"{publisher.url}/f", Counting())
    assert sum(sizes) == 40 << 20
    assert max(sizes) <= 256 << 10


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(bytes(100 << 20))),
        ("bzip2", bz2.compress(bytes(100 << 20))),
        ("gzip, gzip", gzip.compress(gzip.compress(bytes(100 << 20)))),
    ],
)
def test_a_packed_body_that_is_a_bomb_is_refused_while_it_comes_and_asked_for_once(
    client: HttpClient, publisher: Publisher, encoding: str, packed: bytes
) -> None:
    publisher.scripts["/f"] = [Answer(200, packed, {"Content-Encoding": encoding})]
    came: list[int] = []

    class Counting(Sink):
        def write(self, chunk: bytes) -> None:
            came.append(len(chunk))

    with pytest.raises(DeliveryTooLarge) as refused:
        client.download(f"{publisher.url}/f", Counting())
    assert str(refused.value).startswith(f"{publisher.url}/f unpacks its Content-Encoding from ")
    assert str(refused.value).endswith(
        "expected at most 65536 MiB (max_unpacked_mib) and 500 times its packed size (max_unpacked_ratio)"
    )
    assert sum(came) <= 64 << 20
    assert len(publisher.requests) == 1


def test_a_source_may_allow_what_is_packed_that_well(publisher: Publisher) -> None:
    publisher.scripts["/f"] = [Answer(200, gzip.compress(bytes(70 << 20)), GZIPPED)]
    guard = AddressGuard(publisher.url)
    sink = Sink()
    HttpClient(guard=guard, limits=Limits(max_unpacked_ratio=2000)).download(f"{publisher.url}/f", sink)
    assert len(sink.content) == 70 << 20


@pytest.mark.parametrize("how", ["with its length", "in chunks", "to the end of the connection"])
def test_a_packed_body_that_ends_early_is_not_taken_for_whole(
    client: HttpClient, publisher: Publisher, how: str
) -> None:
    def answer(packed: bytes) -> Answer:
        if how == "in chunks":
            return Answer(200, chunks(packed, b""), {**GZIPPED, **CHUNKED, **CLOSED}, announced=None)
        return Answer(200, packed, {**GZIPPED, **CLOSED}, announced=-1 if how == "with its length" else None)

    packed = gzip.compress(BODY)
    publisher.scripts["/f"] = [answer(packed[:200_000]), answer(packed[:-3]), answer(packed)]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY
    publisher.scripts["/f"] = [answer(packed[:200_000])]
    with pytest.raises(
        DeliveryIncomplete, match=r"/f: its packed body ends before its end, 4 times in a row"
    ):
        client.download(f"{publisher.url}/f", Sink())


def test_a_page_that_is_packed_and_ends_early_is_asked_again(
    client: HttpClient, publisher: Publisher
) -> None:
    packed = gzip.compress(b"<a href=f>" * 1000)
    publisher.scripts["/"] = [Answer(200, packed[:-9], GZIPPED), Answer(200, packed, GZIPPED)]
    assert client.page(publisher.url).text == "<a href=f>" * 1000


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        (
            {"Content-Encoding": "br"},
            BODY,
            "/f comes packed as 'br', expected it as it is, or packed by gzip$",
        ),
        (GZIPPED, b"no gzip", r"/f: its packed body is damaged \(.*\), 4 times in a row: run again later\."),
        (GZIPPED, gzip.compress(b"x") + b"more", r"/f: its packed body is damaged"),
        (
            {"Content-Encoding": "bzip2"},
            bz2.compress(b"x" * 999)[:-9],
            r"/f: its packed body is damaged or ends",
        ),
        ({"Content-Encoding": "gzip, gzip, gzip, gzip"}, b"", r"/f comes packed 4 times, expected once$"),
    ],
    ids=["brotli", "no gzip", "more behind it", "bzip2 cut off", "packed often"],
)
def test_a_body_that_cannot_be_unpacked_is_said(
    client: HttpClient, publisher: Publisher, headers: dict[str, str], body: bytes, message: str
) -> None:
    publisher.scripts["/f"] = [Answer(200, body, headers)]
    with pytest.raises((PublisherError, DeliveryIncomplete), match=message):
        client.download(f"{publisher.url}/f", Sink())


# --------------------------------------------------------------------------- slow ones and silent ones


def test_a_body_that_stalls_goes_on_where_it_was(client: HttpClient, publisher: Publisher) -> None:
    client.patience = Patience(attempts=2, read_timeout_s=0.3, sleep=lambda _: None)
    publisher.scripts["/f"] = [Answer(200, BODY[:300_000], ETAG, announced=len(BODY), stalls=True), rest()]
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert sink.content == BODY
    assert publisher.requests[1].headers["Range"] == "bytes=300000-"


def test_a_body_that_stalls_for_ever_is_given_up(client: HttpClient, publisher: Publisher) -> None:
    client.patience = Patience(attempts=2, read_timeout_s=0.1, sleep=lambda _: None)
    publisher.scripts["/f"] = [Answer(200, BODY[:9], announced=len(BODY), stalls=True)]
    with pytest.raises(DeliveryIncomplete, match=r"no answer in time, 2 times in a row.* 9 of 700000 bytes"):
        client.download(f"{publisher.url}/f", Sink())
    with pytest.raises(PublisherError, match=r"no answer in time, 2 times in a row: run again later\.$"):
        client.page(f"{publisher.url}/f")


def test_a_body_that_hardly_comes_is_given_up_though_it_goes_on(
    client: HttpClient, publisher: Publisher
) -> None:
    moments = iter(range(0, 10_000_000, 20))  # each look at the clock is 20 seconds after the last
    client.patience = Patience(attempts=4, sleep=lambda _: None, clock=lambda: next(moments))
    publisher.scripts["/f"] = [
        Answer(200, chunks(*[b"x" * 10] * 1000, b""), {**ETAG, **CHUNKED}, announced=None)
    ]
    with pytest.raises(DeliveryIncomplete, match=r"/f: only \d+ bytes came in \d+ seconds, 4 times in a row"):
        client.download(f"{publisher.url}/f", Sink())
    with pytest.raises(PublisherError, match=r"/f: only \d+ bytes came in"):
        client.page(f"{publisher.url}/f")
    client.patience = Patience(attempts=4, slowest_bytes_per_s=0.1, clock=lambda: next(moments))
    sink = Sink()
    client.download(f"{publisher.url}/f", sink)
    assert len(sink.content) == 10_000


def test_a_publisher_that_is_lost_is_asked_once_for_what_is_left(
    client: HttpClient, publisher: Publisher
) -> None:
    publisher.scripts.update({f"/{n}": [Answer(503)] for n in range(4)})
    publisher.files["/f"] = BODY
    for n in range(4):
        with pytest.raises(
            PublisherError, match=r"it answers 503 Service Unavailable(, 4 times in a row)?: run"
        ):
            client.download(f"{publisher.url}/{n}", Sink())
    assert [len(publisher.asked("GET", f"/{n}")) for n in range(4)] == [4, 4, 1, 1]
    client.download(f"{publisher.url}/f", Sink())  # it is back
    publisher.scripts["/g"] = [Answer(503), Answer(200, BODY)]
    client.download(f"{publisher.url}/g", Sink())


def test_a_page_without_an_end_is_refused(
    client: HttpClient, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "LARGEST_PAGE", 1000)
    publisher.scripts["/"] = [Answer(200, gzip.compress(bytes(50_000)), GZIPPED)]
    with pytest.raises(PublisherError, match=r"/ is larger than 1000 bytes, expected a page of links$"):
        client.page(f"{publisher.url}/")


@pytest.mark.parametrize(
    ("header", "moment"),
    [
        ("Sun, 01 Mar 2026 00:00:00 GMT", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 00:00:00 -0000", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 00:00:00", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:00:00 -0900", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_date_that_is_none_is_no_date(
    header: str | None, moment: datetime | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")  # not the zone of a date that names none
        time.tzset()
        assert http_date(header) == moment
    time.tzset()


# --------------------------------------------------------------------------- https


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that no authority knows."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Publisher]:
    """A publisher that speaks https."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Publisher.running(context) as server:
        yield server


def test_https_does_not_lead_to_http(
    client: HttpClient,
    publisher: Publisher,
    secure: Publisher,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.fspath(certificate))
    publisher.files["/f"] = secure.files["/f"] = BODY
    secure.scripts["/g"] = [Answer(302, headers={"Location": f"{publisher.url}/f?token=secret"})]
    publisher.scripts["/g"] = [Answer(302, headers={"Location": f"{secure.url}/f"})]
    for address in (f"{secure.url}/f", f"{publisher.url}/g"):
        sink = Sink()
        client.download(address, sink)
        assert sink.content == BODY
    with pytest.raises(PublisherError) as refused:
        client.download(f"{secure.url}/g", Sink())
    assert str(refused.value) == (
        f"{secure.url}/g redirects from https to {publisher.url}/f, expected https: what comes by http may be "
        "changed on its way"
    )


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(
    client: HttpClient, secure: Publisher, waits: list[float]
) -> None:
    with pytest.raises(
        PublisherError, match=r"/f: its certificate is not trusted \(self-signed certificate\), exp"
    ):
        client.download(f"{secure.url}/f", Sink())
    assert waits == []
