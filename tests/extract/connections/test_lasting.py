"""Lasting failures are said at once, with what to do; passing ones are asked again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headwater.extract.connections.addresses import AddressGuard
from headwater.extract.http.client import HttpClient
from headwater.extract.http.exchange import Patience
from headwater.extract.landing.s3_client import said_plainly
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import PublisherError, StorageError

LookUp = Callable[..., Any]


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(waits: list[float]) -> HttpClient:
    patience = Patience(attempts=6, read_timeout_s=5, sleep=waits.append)
    return HttpClient(patience, AddressGuard(allow_private=True))


@contextmanager
def answering(words: bytes) -> Iterator[int]:
    """A port where whoever comes is told the same words."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(words)

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def no_name(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Has names not be found, for a reason; gives back those that were looked up."""
    looked_up = list[str]()

    def prepare(reason: int) -> list[str]:
        def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
            looked_up.append(host)
            raise socket.gaierror(reason, "name trouble")

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return looked_up

    return prepare


def test_a_host_that_does_not_exist_is_looked_up_once(
    client: HttpClient, waits: list[float], no_name: Callable[[int], list[str]]
) -> None:
    looked_up = no_name(socket.EAI_NONAME)
    with pytest.raises(PublisherError) as message:
        client.page("https://dowload.example.org/f")
    assert str(message.value) == (
        "https://dowload.example.org/f: there is no host of that name, expected an address without a slip of the pen"
    )
    assert (looked_up, waits) == (["dowload.example.org"], [])


def test_a_name_server_that_does_not_answer_is_asked_again(
    client: HttpClient, waits: list[float], no_name: Callable[[int], list[str]]
) -> None:
    no_name(socket.EAI_AGAIN)
    with pytest.raises(
        PublisherError, match=r"its name cannot be looked up \(name trouble\), 6 times .*: run again"
    ):
        client.page("https://download.example.org/f")
    assert len(waits) == 5


def test_a_label_that_no_name_may_have_is_said_at_once(client: HttpClient, waits: list[float]) -> None:
    with pytest.raises(
        PublisherError, match=r"there is no host of that name|cannot be asked|it is no address"
    ):
        client.page(f"http://{'x' * 70}.example/f")
    assert waits == []


def test_https_where_none_is_spoken_is_said_at_once(client: HttpClient, waits: list[float]) -> None:
    with (
        answering(b"HTTP/1.0 400 Bad Request\r\n\r\n") as port,
        pytest.raises(
            PublisherError, match="does not speak TLS, expected https there, or an address with http:"
        ),
    ):
        client.page(f"https://127.0.0.1:{port}/f")
    assert waits == []


def test_what_is_no_web_server_is_asked_few_times(client: HttpClient, waits: list[float]) -> None:
    with (
        answering(b"SSH-2.0-OpenSSH_9.6\r\n") as port,
        pytest.raises(
            PublisherError, match="does not speak HTTP, 3 times in a row: expected a web server at"
        ),
    ):
        client.page(f"http://127.0.0.1:{port}/f")
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("answer", "message", "tries"),
    [
        ("407 Proxy Authentication Required", r"the proxy wants to know who we are \(407\), expected user and pass", 1),
        ("403 Forbidden", r"the proxy refuses to connect there \(403\), expected a proxy that allows it", 1),
        ("503 Service Unavailable", r"6 times in a row: run again later", 6),
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["https"])
def test_a_proxy_that_refuses_is_said_with_what_to_do(
    client: HttpClient, waits: list[float], monkeypatch: pytest.MonkeyPatch, answer: str, message: str, tries: int,
    scheme: str,
) -> None:  # fmt: skip
    with answering(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(PublisherError, match=message):
            client.page(f"{scheme}://data.example.org/f")
    assert len(waits) == tries - 1


def test_a_proxy_of_plain_http_that_wants_a_password_is_said(
    client: HttpClient, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with answering(refusal) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(
            PublisherError, match=r"407 .*, expected user and password of the proxy in HTTP_PROXY"
        ):
            client.page("http://data.example.org/f")
    assert waits == []


@pytest.fixture
def _own_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://s3.nowhere.invalid")


@pytest.mark.usefixtures("_own_s3")
def test_an_s3_of_which_there_is_no_such_host_is_looked_up_once(no_name: Callable[[int], list[str]]) -> None:
    looked_up = no_name(socket.EAI_NONAME)
    with pytest.raises(StorageError, match=r"there is no host of that name.* AWS_ENDPOINT_URL"):
        ObjectStore.from_environment()
    assert len(looked_up) == 1


@pytest.mark.usefixtures("_own_s3")
def test_an_s3_where_nothing_listens_is_asked_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.retries.standard import ExponentialBackoff

    waits: list[int] = []

    def delay_amount(*_: object) -> int:
        waits.append(0)
        return 0

    monkeypatch.setattr(ExponentialBackoff, "delay_amount", delay_amount)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(
        StorageError, match=r"nothing listens there \(connection refused\), expected a server"
    ):
        ObjectStore.from_environment()
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AccessDenied", "Expected credentials with the right to do this"),
        ("403", "Expected credentials with the right to do this"),
        ("SignatureDoesNotMatch", "Expected credentials that it takes"),
        ("ExpiredToken", "Expected credentials that it takes"),
        ("NoSuchBucket", "Expected a bucket that exists"),
        ("RequestTimeTooSkewed", "Expected a clock of this machine that is right"),
    ],
)
def test_what_s3_refuses_for_good_is_said_with_what_to_do(code: str, expected: str) -> None:
    payload: Any = {"Error": {"Code": code, "Message": "No."}, "ResponseMetadata": {"RetryAttempts": 2}}
    with pytest.raises(StorageError) as message, said_plainly("s3://bucket/key"):
        raise ClientError(payload, "GetObject")
    assert str(message.value).startswith(f"s3://bucket/key: S3 answers {code} to GetObject: No.. {expected}")
    assert "run again" not in str(message.value)
