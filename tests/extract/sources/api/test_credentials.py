"""Credentials: each way in which a secret travels, tokens that expire on the way, and nothing of it to be seen."""

from __future__ import annotations

import base64
import html
import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest

from headwater.extract.connections import secrets
from headwater.extract.connections.secrets import Secret
from headwater.extract.offers.offer import Offer
from headwater.extract.sources.api import credentials
from headwater.metadata import redaction
from headwater.metadata.errors import PublisherError, SecretUnavailable
from headwater.metadata.redaction import BLANK
from headwater.metadata.static.model import ConnApi, Source
from tests.extract.sources.api.conftest import Reader, fetched, records_of
from tests.support.api_server import Api, Record
from tests.support.publisher import Answer, Publisher

Fill = Callable[[int], list[Record]]
SECRET = "Pl4nted/s&cret+"
PAGINATIONS = ("page", "offset", "cursor", "next_url", "link_header")


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SECRET", SECRET)
    monkeypatch.setenv("SHOP_LOGIN", f"clerk:{SECRET}")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"http://clerk:{quote(SECRET, safe='')}@shop.example/")


def secret(
    reader: Reader, auth: str, ref: str = "env:SHOP_SECRET", pagination: str = "cursor", **options: str
) -> Source:
    return reader.source(pagination, options={"auth": auth, **options}, secret_ref=ref)


@pytest.mark.parametrize("pagination", PAGINATIONS)
def test_a_key_in_a_header_and_in_the_query(reader: Reader, fill: Fill, api: Api, pagination: str) -> None:
    held = fill(25)
    api.rules.key = "X-Api-Key", SECRET
    assert reader.read(secret(reader, "header", pagination=pagination, auth_name="X-Api-Key")) == held
    api.rules.key = "api_key", SECRET
    assert reader.read(secret(reader, "query", pagination=pagination, auth_name="api_key")) == held


@pytest.mark.parametrize("ref", ["env:SHOP_LOGIN", "airflow:shop"])
def test_basic_and_bearer(reader: Reader, fill: Fill, api: Api, ref: str) -> None:
    held = fill(25)
    api.rules.login = f"clerk:{SECRET}"
    assert reader.read(secret(reader, "basic", ref)) == held
    api.rules.login, api.rules.token = None, SECRET
    assert reader.read(secret(reader, "bearer", ref if ref.startswith("air") else "env:SHOP_SECRET")) == held


def token_api(reader: Reader, **more: Any) -> ConnApi:
    facts = {"name": "shop_token", "secret_ref": "env:SHOP_LOGIN", "http_method": "POST", **more}
    return reader.connection("none", "/token", **facts)


def with_token(
    reader: Reader, pagination: str = "page", options: dict[str, str] | None = None, **more: Any
) -> Source:
    reader.api.rules.login = f"clerk:{SECRET}"
    return reader.source(
        pagination, options=options, tokens=[token_api(reader, **more)],
        parent_conn_api="shop_token", need_token=True,
    )  # fmt: skip


@pytest.mark.parametrize("pagination", PAGINATIONS)
@pytest.mark.parametrize("lives", [1, 2])
def test_a_token_that_expires_on_the_way_is_renewed(
    reader: Reader, fill: Fill, api: Api, pagination: str, lives: int
) -> None:
    held = fill(45)
    api.rules.lives, api.rules.token = lives, "none yet"
    assert reader.read(with_token(reader, pagination)) == held
    assert api.tokens >= 5 // lives


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({"token_path": "data.jwt"}, {}),
        ({"token_format": "form"}, {"payload_json": '{"grant_type": "client_credentials"}'}),
        ({"token_format": "form"}, {"secret_ref": "env:SHOP_SECRET", "payload_json": '{"client_secret": "${SECRET}"}'}),
        ({}, {"secret_ref": "env:SHOP_SECRET", "payload_json": '{"client_secret": "${SECRET}"}'}),
        ({}, {"secret_ref": None, "payload_json": '{"client_secret": "${SHOP_SECRET}"}'}),
    ],
)  # fmt: skip
def test_a_token_comes_in_many_ways(
    reader: Reader, fill: Fill, api: Api, options: dict[str, str], more: dict[str, Any]
) -> None:
    held = fill(12)
    api.rules.token = "none yet"
    assert reader.read(with_token(reader, options=options, **more)) == held
    assert api.tokens == 1


def test_a_new_token_that_is_not_taken_either_is_an_error(reader: Reader, fill: Fill, api: Api) -> None:
    fill(12)
    api.rules.lives, api.rules.token = 0, "none yet"
    with pytest.raises(
        PublisherError, match=r'it answers 401 Unauthorized \(\{"message": "who are you\?"\}\)'
    ):
        reader.offers(with_token(reader))
    assert api.tokens == 2


def test_a_token_that_is_not_given_is_said(reader: Reader, fill: Fill) -> None:
    fill(12)
    with pytest.raises(
        PublisherError, match=r"no token at data\.bearer \(token_path\), it has access_token, data"
    ):
        reader.offers(with_token(reader, options={"token_path": "data.bearer"}))
    with pytest.raises(SecretUnavailable, match="the secret env:NO_SUCH_SECRET is not set"):
        reader.offers(with_token(reader, secret_ref="env:NO_SUCH_SECRET"))


# --------------------------------------------------------------------------- nothing is to be seen


def forms() -> list[bytes]:
    """Parts of the secret that no form of it hides."""
    pair = base64.b64encode(f"clerk:{SECRET}".encode()).decode()
    return [b"Pl4nted", pair[10:24].encode(), base64.b64encode(SECRET.encode())[4:14]]


@pytest.mark.parametrize("auth", ["header", "query", "basic", "bearer"])
@pytest.mark.parametrize(
    "fault",
    [
        Answer(401, f'{{"message": "{SECRET} is not known"}}'.encode()),
        Answer(403, base64.b64encode(f"clerk:{SECRET}".encode())),
        Answer(500, f"key={quote(SECRET, safe='')}".encode()),
        Answer(200, f'{{"error": "{SECRET}"}}'.encode()),
        Answer(302, headers={"Location": f"ftp://x/?api_key={quote(SECRET, safe='')}"}),
        Answer(302, headers={"Location": f"https://clerk:{SECRET}@127.0.0.1:9/"}),
    ],
)
def test_no_error_shows_it(reader: Reader, fill: Fill, api: Api, auth: str, fault: Answer) -> None:
    fill(12)
    api.rules.faults = [fault] * 9
    source = secret(
        reader, auth, "env:SHOP_LOGIN" if auth == "basic" else "env:SHOP_SECRET", auth_name="api_key"
    )
    with pytest.raises(PublisherError) as message:
        reader.offers(source)
    assert not [
        form for form in forms() if form in repr(message.value).encode() + str(message.value).encode()
    ]


def test_a_page_that_repeats_it_is_landed_without_it(reader: Reader, fill: Fill, api: Api) -> None:
    held = fill(25)
    api.rules.key = "api_key", SECRET
    source = secret(
        reader, "query", pagination="next_url", auth_name="api_key"
    )  # the next address has the key in it
    [offer] = reader.offers(source)
    content = fetched(offer)
    assert records_of(content) == held
    assert quote(SECRET, safe="") in json.dumps([request.path for request in api.requests])
    assert b"/items?" in content
    assert not [form for form in forms() if form in content + shown_of(offer)]


def echoing(record: Record, message: str) -> Record:
    """A record in which an API repeats what it was told, in the ways that are usual."""
    pair = base64.b64encode(f"clerk:{message}".encode()).decode()
    more = {
        "self": f"https://shop.example/items/{record['id']}?api_key={quote(message, safe='')}&v=1",
        "echo": {"X-Api-Key": message, "Authorization": [f"Bearer {message}", f"Basic {pair}"]},
        "html": f"<a href='?key={html.escape(message)}'>Ü</a>",
        message: "as a name",
    }
    return {**record, **more}


@pytest.mark.parametrize("auth", ["header", "query", "basic", "bearer"])
def test_records_that_repeat_it_are_landed_without_it_and_else_as_they_came(
    reader: Reader, fill: Fill, api: Api, auth: str
) -> None:
    redaction.register("warehouse")  # of another connection: by chance a word of ours
    fill(12)
    api.records = [echoing({**record, "name": "warehouse", "price": 1.10}, SECRET) for record in api.records]
    api.rules.login = f"clerk:{SECRET}" if auth == "basic" else None
    source = secret(
        reader, auth, "env:SHOP_LOGIN" if auth == "basic" else "env:SHOP_SECRET", "page", auth_name="api_key"
    )
    [offer] = reader.offers(source)
    landed = fetched(offer)
    assert not [form for form in forms() if form in landed + unzipped(landed)]
    for record, held in zip(records_of(landed), api.records, strict=True):
        assert {**record, "self": "", "echo": "", "html": "", BLANK: ""} == {
            **{name: value for name, value in held.items() if name != SECRET}, "self": "", "echo": "", "html": "",
            BLANK: "",
        }  # fmt: skip
        assert record["self"] == f"https://shop.example/items/{record['id']}?api_key={BLANK}&v=1"
        assert record["echo"]["X-Api-Key"] == BLANK
        assert record["echo"]["Authorization"][0] == f"Bearer {BLANK}"
        assert record["html"] == f"<a href='?key={BLANK}'>Ü</a>"
        assert record[BLANK] == "as a name"


def test_nothing_but_the_secret_is_another_letter(reader: Reader, api: Api) -> None:
    page = (
        '{"data" : {"items":\t[{"id": 1.50, "name":"\\u00dc\\/\\ud83d\\ude00", "changed": "Pl4nted\\/s\\u0026cret+" }'
        ',\n{"id":1E5,"name":"Ü\\"Pl4nted","changed":null}]}}\n'
    )
    api.rules.faults = [Answer(200, page.encode())]
    [offer] = reader.offers(secret(reader, "bearer", pagination="none"))
    assert unzipped(fetched(offer)).decode() == page.replace("Pl4nted\\/s\\u0026cret+", BLANK)


def test_a_token_that_records_repeat_is_no_news_when_it_is_another_one(
    reader: Reader, fill: Fill, api: Api
) -> None:
    fill(12)
    api.rules.token = "none yet"
    source = with_token(reader, "cursor")

    def repeat_token(_: int) -> None:
        for record in api.records:
            record.update(via=api.rules.token)

    api.rules.before_page = repeat_token
    [first] = reader.offers(source)
    [again] = reader.offers(source)
    assert api.tokens == 2
    assert fetched(first) == fetched(again)
    assert first.fingerprint == again.fingerprint
    assert {record["via"] for record in records_of(fetched(first))} == {BLANK}


def test_a_short_secret_is_blanked_out_where_it_stands_alone(
    reader: Reader, fill: Fill, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_SECRET", "demo")
    fill(1)
    api.records[0]["name"] = "democracy, demonstrations; ?key=demo&x, %3Ddemo%26"
    [record] = reader.read(secret(reader, "bearer", pagination="none"))
    assert record["name"] == f"democracy, demonstrations; ?key={BLANK}&x, %3D{BLANK}%26"


def unzipped(content: bytes) -> bytes:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


def test_a_secret_is_had_once_for_a_reading(
    reader: Reader, fill: Fill, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(45)
    api.rules.token = SECRET
    had: list[str] = []
    proper = secrets.resolve

    def resolve(reference: str) -> Secret:
        had.append(reference)
        return proper(reference)

    monkeypatch.setattr(credentials, "resolve", resolve)
    reader.read(secret(reader, "bearer", pagination="page"))
    assert had == ["env:SHOP_SECRET"]


def test_an_explanation_is_cut_after_the_secret_is_blanked_out(reader: Reader, fill: Fill, api: Api) -> None:
    fill(12)
    api.rules.faults = [Answer(400, f"{'.' * 290} {SECRET} is not known".encode())]
    with pytest.raises(PublisherError, match=r"it answers 400 Bad Request \(\.{290} \[secret") as message:
        reader.offers(secret(reader, "bearer"))
    assert "Pl4" not in str(message.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_body_goes_to_no_other_place(reader: Reader, fill: Fill, api: Api, status: int) -> None:
    fill(12)
    source = with_token(
        reader, options={"allow_private_addresses": "true"}, secret_ref="env:SHOP_SECRET",
        payload_json='{"client_secret": "${SECRET}"}',
    )  # fmt: skip
    with Publisher.running() as other:
        other.files["/token"] = b'{"access_token": "of somebody else"}'
        api.scripts["/token"] = [Answer(status, headers={"Location": f"{other.url}/token"})]
        with pytest.raises(
            PublisherError, match=rf"/token redirects to {other.url}/token, expected an answer"
        ):
            reader.offers(source)
        assert other.requests == []
    api.scripts["/token"] = [Answer(307, headers={"Location": f"{api.url}/token?moved"})]
    assert len(reader.read(source)) == 12


def shown_of(offer: Offer) -> bytes:
    return repr(offer).encode() + json.dumps(offer.fingerprint).encode()


def test_credentials_go_to_no_other_place(reader: Reader, fill: Fill, api: Api) -> None:
    fill(25)
    api.rules.key = "X-Api-Key", SECRET
    source = secret(reader, "header", auth_name="X-Api-Key", allow_private_addresses="true")
    with Publisher.running() as other:
        other.files["/items"] = b'{"data": {"items": []}}'
        api.rules.faults = [Answer(307, headers={"Location": f"{other.url}/items"})]
        reader.offers(source)
        [redirected] = other.requests
        assert SECRET not in str(redirected.headers)

        following = {"data": {"items": []}, "meta": {"next": f"{other.url}/items"}}
        api.rules.faults = [Answer(200, json.dumps(following).encode())]
        source = secret(
            reader, "header", pagination="next_url", auth_name="X-Api-Key", allow_private_addresses="true"
        )
        with pytest.raises(PublisherError, match="expected one of its own: credentials go nowhere else"):
            reader.offers(source)
        assert len(other.requests) == 1
