"""A page of another origin, open in a browser of this machine, gets nothing from what listens here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from playwright.sync_api import Browser, Page

from headwater.extract.landing.store import ObjectStore
from headwater.services import s3_guard
from tests.conftest import S3Server
from tests.support.chromium import ALONE

EVIL = "http://evil.example/"
ASK = """
async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return [answer.type, answer.status, await answer.text()];
    } catch (error) {
        return ["refused", 0, ""];
    }
}
"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of somebody else's."""
    opened = chromium.new_page()
    opened.route(f"{EVIL}*", lambda route: route.fulfill(body="<p>hello</p>", content_type="text/html"))
    opened.goto(EVIL)
    yield opened
    opened.close()


def signed_headers(server: S3Server, method: str, url: str) -> dict[str, str]:
    """Return what a page would have to send that even knew the key."""
    key = s3_guard.own_key(Path(server.variables["HEADWATER_S3_CREDENTIALS"]))
    request = AWSRequest(method, url, data=b"forged")
    S3SigV4Auth(key, "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("is_signed", [False, True], ids=["unsigned", "signed"])
def test_a_page_of_another_origin_neither_reads_nor_writes_what_has_landed(
    page: Page, s3_server: S3Server, store: ObjectStore, method: str, mode: str, is_signed: bool
) -> None:
    assert store.put_new("landed", b"secret")
    url = f"http://127.0.0.1:{s3_server.port}/{store.bucket}/landed"
    options = {"method": method, "mode": mode, **({"body": "forged"} if method in ("PUT", "POST") else {})}
    if is_signed:
        options["headers"] = signed_headers(s3_server, method, url)  # type: ignore[assignment]
    payload = page.evaluate(ASK, [url, options])
    assert payload in (["refused", 0, ""], ["opaque", 0, ""])
    assert store.get("landed") == b"secret"
    assert list(store.list("")) == ["landed"]


def test_a_name_that_leads_here_is_refused(
    chromium: Browser, chromium_path: str, s3_server: S3Server, store: ObjectStore
) -> None:
    """DNS rebinding: to the browser the page and the server are of one origin."""
    assert store.put_new("landed", b"secret")
    rule = "--host-resolver-rules=MAP rebound.example 127.0.0.1"
    browser = chromium.browser_type.launch(executable_path=chromium_path, args=[*ALONE, rule])
    try:
        opened = browser.new_page()
        origin = f"http://rebound.example:{s3_server.port}"
        came = opened.goto(f"{origin}/{store.bucket}/landed")
        assert came is not None
        assert (came.status, "secret" in came.text()) == (403, False)
        for method in ("GET", "PUT"):
            url = f"{origin}/{store.bucket}/landed"
            options = {"method": method, **({"body": "forged"} if method == "PUT" else {})}
            kind, status, body = opened.evaluate(ASK, [url, options])
            assert (kind, status) == ("basic", 403)
            assert "secret" not in body
    finally:
        browser.close()
    assert store.get("landed") == b"secret"
