"""The embedded S3 in what it does otherwise than the package that it is made of: it knows who asks."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any

import boto3
import botocore.auth
import localbucket
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.extract.landing.store import ObjectStore
from headwater.services import s3_guard
from headwater.services.private_files import key_file_of
from headwater.services.s3 import S3Handler
from tests.conftest import S3Server
from tests.support import hostile

KEY = Credentials("headwater", "of this test")


def own_key(server: S3Server) -> Credentials:
    return s3_guard.own_key(Path(server.variables["HEADWATER_S3_CREDENTIALS"]))


def signed(
    method: str, url: str, body: bytes = b"", key: Credentials = KEY, headers: dict[str, str] | None = None
) -> requests.PreparedRequest:
    """A request as a client signs it, with headers of its own beside."""
    request = AWSRequest(method, url, data=body, headers={"X-Amz-Content-SHA256": "", **(headers or {})})
    S3SigV4Auth(key, "s3", "us-east-1").add_auth(request)
    return requests.Request(method, url, data=body, headers=dict(request.headers.items())).prepare()


def answer(server: S3Server, method: str, path: str, body: bytes = b"", **more: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.send(signed(method, f"http://127.0.0.1:{server.port}{path}", body, **more), timeout=10)


PARTS = ("a", "b", "a b", "ab", "ä", "..a")
KEYS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("/".join)
# what a client may ask by: parts of keys, and what is a part of none
PREFIXES = st.one_of(
    st.sampled_from(["", "/", "//", "../", "./a", "a//b", "a/../b/", "\0", "x" * 300 + "/"]),
    KEYS,
    KEYS.map(lambda key: key + "/"),
    KEYS.map(lambda key: key[:-1]),
)


def pages_of(
    handler: type[S3Handler],
    bucket: Path,
    prefix: str,
    delimiter: str,
    marker: str,
    size: int,
    *,
    is_prefix: bool = False,
) -> list[Any]:
    """All pages of a listing, each begun at the last entry of the one before."""
    pages = []
    while True:
        page = handler._list_entries(
            object.__new__(handler), bucket, prefix, delimiter, marker, is_prefix, size
        )
        pages.append(page)
        if not page[2]:
            return pages
        marker, is_prefix = page[3][2:], page[3].startswith("P:")


@settings(deadline=None)
@given(
    keys=st.lists(KEYS, max_size=12),
    prefix=PREFIXES,
    delimiter=st.sampled_from(["", "/", "b", " "]),
    marker=st.one_of(st.just(""), PREFIXES),
    size=st.integers(1, 4),
    is_prefix=st.booleans(),
)
def test_a_listing_reads_the_folder_of_its_prefix_and_gives_what_the_whole_bucket_gives(
    keys: list[str], prefix: str, delimiter: str, marker: str, size: int, is_prefix: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bucket = Path(folder, "bucket")
        bucket.mkdir()
        for key in keys:
            path = bucket / key
            if not path.exists() and not any(parent.is_file() for parent in path.parents):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        ours, whole = (
            pages_of(handler, bucket, prefix, delimiter, marker, size, is_prefix=is_prefix)
            for handler in (S3Handler, localbucket.S3Handler)
        )
        assert ours == whole


def test_a_listing_does_not_read_the_folders_beside_its_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("asked/one", "beside/two"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    proper, walked = os.walk, list[Path]()

    def walk(top: str) -> Iterator[tuple[str, list[str], list[str]]]:
        walked.append(Path(top))
        return proper(top)

    monkeypatch.setattr(localbucket.os, "walk", walk)
    (page,) = pages_of(S3Handler, tmp_path, "asked/", "", "", 10)
    assert page[0] == [("asked/one", tmp_path / "asked/one")]
    assert walked == [tmp_path / "asked"]


def test_of_a_client_that_dies_while_it_sends_nothing_is_kept(
    s3_server: S3Server, store: ObjectStore
) -> None:
    url = f"http://127.0.0.1:{s3_server.port}/{store.bucket}/key"
    headers = signed("PUT", url, b"halfhalf", own_key(s3_server)).headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name != "Content-Length")
    for sent in (b"", b"half"):
        with socket.create_connection(("127.0.0.1", s3_server.port)) as client:
            head = f"PUT /{store.bucket}/key HTTP/1.1\r\nHost: 127.0.0.1:{s3_server.port}\r\nContent-Length: 8\r\n"
            client.sendall(f"{head}{lines}\r\n".encode() + sent)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100).startswith(b"HTTP/1.1 400 ")
        assert list(store.list("")) == []
    assert store.put_new("key", b"halfhalf")
    assert store.get("key") == b"halfhalf"


@pytest.mark.parametrize(
    "name", hostile.params(hostile.VALUES, leaving_out=["key_of_9000", "deep_list", "deep_object"])
)
def test_whatever_a_key_is_made_of_its_signature_is_known(store: ObjectStore, name: str) -> None:
    client = boto3.client("s3")
    key = f"odd/{name.replace('/', '-')[:80]}/+ ~%41*'"
    client.put_object(Bucket=store.bucket, Key=key, Body=b"x")
    listed = client.list_objects_v2(Bucket=store.bucket, Prefix=key, Delimiter="/", StartAfter="odd")
    assert listed["KeyCount"] == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 403, id="unsigned"),
        pytest.param({"Authorization": "AWS4-HMAC-SHA256 nonsense"}, 403, id="nonsense"),
        pytest.param({"Authorization": "AWS headwater:c2lnbmF0dXJl"}, 403, id="an old signature"),
    ],
)
def test_what_is_not_signed_is_refused(
    s3_server: S3Server, store: ObjectStore, method: str, headers: dict[str, str], status: int
) -> None:
    assert store.put_new("key", b"landed")
    url = f"http://127.0.0.1:{s3_server.port}/{store.bucket}/key"
    payload = requests.request(
        method, url, data=b"forged" if method in ("PUT", "POST") else None, headers=headers
    )
    assert payload.status_code == status
    assert b"landed" not in payload.content
    assert store.get("key") == b"landed"


def test_a_link_that_is_signed_in_its_address_is_refused(store: ObjectStore) -> None:
    assert store.put_new("key", b"landed")
    client = boto3.client("s3", config=Config(signature_version="s3v4"))
    link = client.generate_presigned_url("get_object", {"Bucket": store.bucket, "Key": "key"})
    assert requests.get(link).status_code == 403


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (
            Credentials("headwater", "headwater"),
            "SignatureDoesNotMatch",
        ),  # as earlier versions told everybody
        (Credentials("another", "headwater"), "InvalidAccessKeyId"),
    ],
)
def test_another_key_is_refused(s3_server: S3Server, store: ObjectStore, key: Credentials, code: str) -> None:
    assert code in answer(s3_server, "GET", f"/{store.bucket}/", key=key).text
    with pytest.raises(ClientError, match=code):
        boto3.client("s3", aws_access_key_id=key.access_key, aws_secret_access_key=key.secret_key).put_object(
            Bucket=store.bucket, Key="k", Body=b"x" * (3 << 20)
        )


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8080", ""])
@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_a_page_is_refused_whoever_signed(
    s3_server: S3Server, store: ObjectStore, method: str, origin: str
) -> None:
    payload = answer(
        s3_server, method, f"/{store.bucket}/key", key=own_key(s3_server), headers={"Origin": origin}
    )
    assert payload.status_code == 403
    assert not [name for name in payload.headers if name.lower().startswith("access-control")]
    assert list(store.list("")) == []


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "10.0.0.1"]
)
def test_another_name_for_this_machine_is_refused(s3_server: S3Server, store: ObjectStore, host: str) -> None:
    payload = answer(s3_server, "GET", f"/{store.bucket}/", key=own_key(s3_server), headers={"Host": host})
    assert payload.status_code == 403


def refusal(
    change: Callable[[Message], None], method: str = "PUT", target: str = "/bucket/key?x-id=PutObject"
) -> str:
    """Why a request is refused that was signed properly, and changed on its way."""
    request = signed(
        "PUT", "http://127.0.0.1:1/bucket/key?x-id=PutObject", b"body", headers={"X-Amz-Acl": "private"}
    )
    message = Message()
    message["Host"] = "127.0.0.1:1"
    for name, value in request.headers.items():
        message[name] = value
    change(message)
    found = s3_guard.refusal_of_signature(KEY, method, target, message)
    return found.code if found else ""


def test_a_signature_is_of_one_request() -> None:
    def swap(name: str, value: str) -> Callable[[Message], None]:
        return lambda message: message.replace_header(name, value)

    def add(name: str, value: str) -> Callable[[Message], None]:
        return lambda message: message.add_header(name, value)

    assert refusal(lambda _: None) == ""
    assert refusal(lambda _: None, method="DELETE") == "SignatureDoesNotMatch"
    assert refusal(lambda _: None, target="/bucket/another?x-id=PutObject") == "SignatureDoesNotMatch"
    assert refusal(lambda _: None, target="/bucket/key") == "SignatureDoesNotMatch"
    assert refusal(swap("Host", "localhost:1")) == "SignatureDoesNotMatch"
    assert refusal(swap("X-Amz-Content-SHA256", "0" * 64)) == "SignatureDoesNotMatch"
    assert refusal(swap("X-Amz-Acl", "public-read")) == "SignatureDoesNotMatch"
    assert refusal(add("X-Amz-Copy-Source", "/bucket/secret")) == "AccessDenied"  # it was not signed
    assert refusal(swap("X-Amz-Date", "never")) == "AccessDenied"


@pytest.mark.parametrize("age", [timedelta(minutes=16), timedelta(minutes=-16), timedelta(days=1)])
def test_a_signature_of_another_hour_is_refused(monkeypatch: pytest.MonkeyPatch, age: timedelta) -> None:
    then = datetime.now(UTC) - age
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: then)
    assert refusal(lambda _: None) == "RequestTimeTooSkewed"


def test_the_key_is_the_owners_alone_and_stays(tmp_path: Path) -> None:
    first = s3_guard.own_key(key_file_of(tmp_path / "s3"))
    assert s3_guard.own_key(key_file_of(tmp_path / "s3")).secret_key == first.secret_key
    assert stat.S_IMODE(key_file_of(tmp_path / "s3").stat().st_mode) == 0o600
    assert s3_guard.own_key(key_file_of(tmp_path / "another")).secret_key != first.secret_key


@pytest.mark.usefixtures("store")
def test_our_archive_is_asked_for_with_its_own_key_whatever_keys_of_aws_the_user_has(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "my own secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "my own token")
    monkeypatch.setenv("HEADWATER_EMBEDDED", f"s3=http://127.0.0.1:{s3_server.port}")
    assert ObjectStore.from_environment().put_new("key", b"x")
    monkeypatch.setenv(
        "HEADWATER_EMBEDDED", "s3=http://127.0.0.1:1"
    )  # then it is another S3, and none of its business
    with pytest.raises(Exception, match=r"InvalidAccessKeyId|403"):
        ObjectStore.from_environment().put_new("key", b"x")
