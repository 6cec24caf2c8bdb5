"""Manifests: the immutable facts of a delivery, on S3. A delivery is landed once its manifest is there."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import datetime

from extract.store import ObjectStore
from metadata.errors import StorageError
from metadata.process.deliveries import Delivery

VERSION = 1
LONGEST_NAME = 120  # characters


def object_key(source: str, delivery_sqn: int, publisher_name: str) -> str:
    """Where the file of a delivery lies; it ends in the publisher's name, as far as a key can hold it."""
    safe = re.sub(r"[^A-Za-z0-9._=-]+", "_", publisher_name)[-LONGEST_NAME:].strip("._") or "file"
    return f"landed/{source}/{delivery_sqn:010d}/{safe}"


def manifest_key(source: str, delivery_sqn: int) -> str:
    """Where the manifest of a delivery lies."""
    return f"manifests/{source}/{delivery_sqn:010d}.json"


def manifest_sqn(key: str) -> int:
    """The delivery_sqn in a manifest's key."""
    return int(key.rpartition("/")[2].removesuffix(".json"))


def to_json(landed: Delivery, key: str) -> bytes:
    """The manifest. It names the object's key, not its bucket: an archive may move."""
    facts = {"manifest_version": VERSION, **asdict(landed), "key": key}
    del facts["delivery_filename"]
    return json.dumps(facts, default=datetime.isoformat, ensure_ascii=False, indent=1).encode()


def from_json(body: bytes, store: ObjectStore) -> Delivery:
    """The delivery that `to_json` wrote. Raises `StorageError` when the object is no manifest."""
    try:
        facts = json.loads(body)
        if facts.pop("manifest_version") != VERSION:
            raise ValueError("another version")
        facts["delivery_filename"] = store.address(facts.pop("key"))
        for name in ("delivery_date", "process_date"):
            facts[name] = datetime.fromisoformat(facts[name])
        return Delivery(**facts)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StorageError(f"{body[:80]!r}… is no manifest of version {VERSION}: {error}") from None
