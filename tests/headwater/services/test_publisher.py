"""The demo publisher answers as publishers do."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from headwater.services import children
from headwater.services.processes import is_alive, stop

pytestmark = pytest.mark.usefixtures("starts_servers")

BODY = bytes(range(256)) * 10
CHANGED = 1_359_676_800  # 2013-02-01 00:00 UTC


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[children.Child]:
    folder = tmp_path_factory.mktemp("published")
    site = folder / "site"
    (site / "page").mkdir(parents=True)
    (site / "page" / "index.html").write_text("<a href='data.csv'>data</a>")
    (site / "page" / "data.csv").write_bytes(BODY)
    (site / "api").mkdir()
    records = [{"id": n, "changed_at": f"2013-01-01T{n:02}:00:00Z"} for n in range(12)]
    (site / "api" / "things.json").write_text(json.dumps(records))
    (folder / "secret.txt").write_text("not published")
    os.utime(site / "page" / "data.csv", (CHANGED, CHANGED))
    server = children.start(children.PUBLISHER, site, folder / "log")
    yield server
    stop(server.process, (signal.SIGTERM, 5))


def get(publisher: children.Child, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(f"{publisher.url}/page/data.csv", headers=named, timeout=5)


def test_a_file_comes_with_what_discovery_compares(publisher: children.Child) -> None:
    got = get(publisher)
    assert got.content == BODY
    assert got.headers["Last-Modified"] == "Fri, 01 Feb 2013 00:00:00 GMT"
    assert got.headers["Content-Length"] == str(len(BODY))
    assert got.headers["ETag"] == f'"{CHANGED:x}-{len(BODY):x}"'
    assert got.headers["Accept-Ranges"] == "bytes"


def test_head_tells_the_same_without_the_body(publisher: children.Child) -> None:
    got = requests.head(f"{publisher.url}/page/data.csv", timeout=5)
    whole = get(publisher)
    assert got.content == b""
    for name in ("ETag", "Last-Modified", "Content-Length"):
        assert got.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=100-199", 100, 199),
        ("bytes=2500-", 2500, 2559),
        ("bytes=-10", 2550, 2559),
        ("bytes=0-99999", 0, 2559),
    ],
)
def test_a_range_is_that_part_of_the_file(
    publisher: children.Child, asked: str, first: int, last: int
) -> None:
    got = get(publisher, Range=asked)
    assert got.status_code == 206
    assert got.content == BODY[first : last + 1]
    assert got.headers["Content-Range"] == f"bytes {first}-{last}/{len(BODY)}"


def test_a_range_behind_the_end_is_refused(publisher: children.Child) -> None:
    got = get(publisher, Range=f"bytes={len(BODY)}-")
    assert got.status_code == 416
    assert got.headers["Content-Range"] == f"bytes */{len(BODY)}"


def test_a_range_of_another_version_is_the_whole_file(publisher: children.Child) -> None:
    got = get(publisher, Range="bytes=100-199", If_Range='"another"')
    assert (got.status_code, got.content) == (200, BODY)


def test_what_is_known_is_not_sent_again(publisher: children.Child) -> None:
    etag = get(publisher).headers["ETag"]
    assert get(publisher, If_None_Match=etag).status_code == 304
    assert get(publisher, If_None_Match='"another"').status_code == 200
    assert get(publisher, If_Modified_Since="Fri, 01 Feb 2013 00:00:00 GMT").status_code == 304
    assert get(publisher, If_Modified_Since="Thu, 31 Jan 2013 00:00:00 GMT").status_code == 200


def test_a_folder_is_its_page(publisher: children.Child) -> None:
    got = requests.get(f"{publisher.url}/page/", timeout=5)
    assert got.headers["Content-Type"].startswith("text/html")
    assert "data.csv" in got.text


@pytest.mark.parametrize(
    "path", ["/missing", "/../secret.txt", "/%2e%2e/secret.txt", "/page/%2e%2e/%2e%2e/secret.txt"]
)
def test_nothing_else_is_published(publisher: children.Child, path: str) -> None:
    with requests.Session() as session:
        request = requests.Request("GET", publisher.url).prepare()
        request.url = publisher.url + path  # as it stands: requests would tidy it up
        assert session.send(request, timeout=5).status_code == 404


def test_it_ends_when_its_folder_goes(tmp_path: Path) -> None:
    site = tmp_path / "site"
    server = children.start(children.PUBLISHER, site, tmp_path / "log")
    shutil.rmtree(site)
    deadline = time.monotonic() + 15
    while is_alive(server.process) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_alive(server.process)


def ask(publisher: children.Child, query: str) -> requests.Response:
    return requests.get(f"{publisher.url}/api/things{query}", timeout=5)


def test_an_api_answers_in_pages(publisher: children.Child) -> None:
    pages = [ask(publisher, f"?page={page}&per_page=5").json() for page in (1, 2, 3, 4)]
    assert [[record["id"] for record in page["records"]] for page in pages] == [
        [0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11], [],
    ]  # fmt: skip
    assert {page["total"] for page in pages} == {12}
    assert len(ask(publisher, "").json()["records"]) == 12


def test_an_api_tells_what_changed_since(publisher: children.Child) -> None:
    since = ask(publisher, "?changed_since=2013-01-01T10:00:00Z").json()
    assert [record["id"] for record in since["records"]] == [10, 11]
    assert since["total"] == 2


@pytest.mark.parametrize("query", ["?page=0", "?per_page=many"])
def test_an_api_says_what_it_does_not_understand(publisher: children.Child, query: str) -> None:
    got = ask(publisher, query)
    assert got.status_code == 400
    assert "expected a number from 1" in got.json()["message"]


def test_an_api_has_no_other_files(publisher: children.Child) -> None:
    assert requests.get(f"{publisher.url}/api/nothing", timeout=5).status_code == 404
    assert requests.get(f"{publisher.url}/api/../../secret.txt", timeout=5).status_code == 404
