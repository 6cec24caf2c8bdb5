"""Fixtures of the API tests: the API, sources that read it, and what they read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest

from headwater.extract.http.exchange import Patience
from headwater.extract.offers.offer import Offer
from headwater.extract.sources.rest_api import discover
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.static.model import ConnApi, DataSource, Source
from headwater.metadata.static.source_types import usual_options
from tests.extract.http.test_client import Sink
from tests.support.api_server import Api, Record
from tests.support.sources import make_source


@dataclass
class Reader:
    """Reads the API as a source does."""

    api: Api
    waits: list[float]

    def source(
        self, pagination: str = "none", *, options: dict[str, str] | None = None, tokens: Sequence[ConnApi] = (),
        more: dict[str, Any] | None = None, **conn: Any,
    ) -> Source:  # fmt: skip
        """A source of /items, whose connection is as usual for its pagination."""
        self.api.rules.pagination = pagination
        usual = {"record_path": "data.items", "read_until_same": "false"}
        return make_source(
            ("id", "name", "changed"),
            options={**usual_options("rest_api"), **usual, **(options or {})},
            data_source=DataSource("shop", "rest_api", "A shop"),
            conn_str=None,
            conn_api=self.connection(pagination, **conn),
            token_apis=tuple(tokens),
            **(more or {}),
        )

    def connection(self, pagination: str = "none", path: str = "/items", **conn: Any) -> ConnApi:
        facts: dict[str, Any] = {
            "name": "shop_items",
            "data_source": "shop",
            "parent_conn_api": None,
            "api_url": f"{self.api.url}{path}",
            "http_method": "GET",
            "need_token": False,
            "secret_ref": None,
            "payload_json": None,
            "pagination_type": pagination,
            "page_param_name": "page" if pagination in ("page", "offset") else None,
            "per_page_param_name": "size",
            "page_size": 10,
            "cursor_param_name": "after" if pagination == "cursor" else None,
            "cursor_path": "meta.next" if pagination in ("cursor", "next_url") else None,
            "use_incremental": False,
            "modified_since_param": None,
        }
        return ConnApi(**{**facts, **conn})

    def offers(self, source: Source, landed: Sequence[Delivery] = ()) -> list[Offer]:
        patience = Patience(attempts=3, read_timeout_s=2, sleep=self.waits.append, jitter=lambda: 1.0)
        return list(discover(source, landed, patience))

    def read(self, source: Source, landed: Sequence[Delivery] = ()) -> list[Record]:
        """The records of what the API offers."""
        [offer] = self.offers(source, landed)
        return records_of(fetched(offer))


def fetched(offer: Offer) -> bytes:
    """The file of an offer."""
    offer.fetch(offer, sink := Sink())
    return bytes(sink.content)


def records_of(content: bytes) -> list[Record]:
    """The records in a ZIP of pages, in their order."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.namelist() == [f"page-{n:06d}.json" for n in range(1, len(archive.namelist()) + 1)]
        pages = [json.loads(archive.read(name)) for name in archive.namelist()]
    return [record for page in pages for record in page["data"]["items"]]


@pytest.fixture
def api() -> Iterator[Api]:
    """An API on loopback."""
    with Api.running() as server:
        yield server


@pytest.fixture
def reader(api: Api) -> Reader:
    return Reader(api, [])


@pytest.fixture
def fill(api: Api) -> Callable[[int], list[Record]]:
    """Gives the API so many records."""

    def filled(count: int) -> list[Record]:
        api.records = [
            {"id": n, "name": f"Ü {n}", "changed": f"2026-03-01T{n // 60 % 24:02}:{n % 60:02}:00Z"}
            for n in range(count)
        ]
        return list(api.records)

    return filled
