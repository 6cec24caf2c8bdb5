"""Sources for tests, made in memory: what a seed row would say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from headwater.extract.landing.manifest import object_key
from headwater.extract.landing.register import register_landed
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.process.deliveries import Delivery, next_delivery_sqn
from headwater.metadata.static.model import Attribute, ConnStr, DataSource, Source

DATE = datetime(2026, 3, 1, tzinfo=UTC)


def make_source(
    columns: Sequence[str] = ("id", "name"),
    *,
    optional: Sequence[str] = (),
    options: Mapping[str, str] | None = None,
    address: str | None = None,
    folder: str | None = None,
    **more: Any,
) -> Source:
    """A snapshot source `places`; its first column is its key; target names are a, b, c …"""
    facts: dict[str, Any] = {
        "name": "places",
        "job": "places",
        "data_source": DataSource("gazetteer", "local_files" if folder else "http_files", "A publisher"),
        "owner": "someone",
        "schedule": "daily",
        "geographic_granularity": "place",
        "delivery_type": "snapshot",
        "extract_function": None,
        "wrangle_function": None,
        "quality_checks": (),
        "load_new": True,
        "load_changed": True,
        "load_removed": True,
        "on_null_key": "fall_out",
        "on_duplicate_key": "halt",
        "on_unknown_column": "keep",
        "max_removed_pct": None,
        "max_fallen_out_pct": None,
        "description": "Places",
        "attributes": tuple(
            Attribute(
                source="places",
                source_name=name,
                target_name=chr(ord("a") + number),
                target_datatype="text",
                format=None,
                null_tokens=("",),
                is_key=number == 0,
                is_tracked=number > 0,
                is_optional=name in optional,
                description=name,
            )
            for number, name in enumerate(columns)
        ),
        "options": options or {},
        "conn_str": ConnStr(
            "gazetteer_downloads", "gazetteer", None, None, None, None, None, address, folder
        ),
        "conn_api": None,
    }
    return Source(**{**facts, **more})


def land_bytes(
    engine: Engine,
    store: ObjectStore,
    source: Source,
    content: bytes,
    name: str,
    job_inst_id: int,
    delivery_date: datetime = DATE,
) -> Delivery:
    """Put a delivery on S3 and on record, as landing does, without a publisher."""
    with engine.begin() as connection:
        sqn = next_delivery_sqn(connection)
        key = object_key(source.name, sqn, name)
        assert store.put_new(key, content)
        delivery = Delivery(
            delivery_sqn=sqn,
            source=source.name,
            publisher_name=name,
            delivery_filename=store.address(key),
            delivery_type=source.delivery_type,
            delivery_date=delivery_date,
            process_date=DATE,
            content_sha256=hashlib.sha256(content).hexdigest(),
            file_size=len(content),
            fingerprint={},
            job_inst_id=job_inst_id,
        )
        register_landed(connection, delivery, job_inst_id)
    return delivery
