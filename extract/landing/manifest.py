"""Manifests: the immutable facts of a delivery, on S3.

A delivery is landed once its manifest exists. A manifest is accepted only if it agrees with its key.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.fit_offer import fit_fingerprint
from headwater.metadata.errors import StorageError
from headwater.metadata.process.deliveries import GREATEST_SQN, Delivery
from headwater.metadata.static.model import DeliveryType
from headwater.metadata.visible import shortened

VERSION = 1
LONGEST_NAME = 120  # characters
MOST_BYTES = 2**63 - 1


class _Facts(BaseModel):
    """The facts in a manifest."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    delivery_sqn: Annotated[int, Field(gt=0, le=GREATEST_SQN)]
    source: str
    publisher_name: str
    delivery_type: DeliveryType
    delivery_date: AwareDatetime
    process_date: AwareDatetime
    content_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    file_size: Annotated[int, Field(ge=0, le=MOST_BYTES)]
    fingerprint: dict[str, Any]
    job_inst_id: Annotated[int, Field(le=MOST_BYTES)] | None
    watermark_from: dict[str, Any] | None
    watermark_to: dict[str, Any] | None
    part: dict[str, str] | None = None  # a manifest of before has none
    landed_as: str | None = None  # the name under which a source that was renamed since landed its object
    key: str


def object_key(source: str, delivery_sqn: int, publisher_name: str) -> str:
    """Return where the file of a delivery lies; it ends in the publisher's name, as far as a key can hold it."""
    safe = re.sub(r"[^A-Za-z0-9._=-]+", "_", publisher_name)[-LONGEST_NAME:].strip("._") or "file"
    return f"{_folder(source, delivery_sqn)}{safe}"


def manifest_key(source: str, delivery_sqn: int) -> str:
    """Return where the manifest of a delivery lies."""
    return f"manifests/{source}/{delivery_sqn:010d}.json"


def manifest_sqn(source: str, key: str) -> int | None:
    """The delivery_sqn in the key of a manifest; None where the key is that of none."""
    found = re.fullmatch(r"manifests/[^/]+/([0-9]{10,19})\.json", key)
    return int(found[1]) if found and manifest_key(source, int(found[1])) == key else None


def to_json(landed: Delivery, key: str) -> bytes:
    """The manifest. It names the object's key, not its bucket: an archive may move."""
    facts = {"manifest_version": VERSION, **asdict(landed), "key": key}
    del facts["delivery_filename"]
    if landed.part is None:
        del facts["part"]
    if not key.startswith(landed_folder(landed.source)):
        facts["landed_as"] = key.split("/")[1]
    return json.dumps(facts, default=datetime.isoformat, ensure_ascii=False, indent=1).encode()


def from_json(body: bytes, store: ObjectStore) -> Delivery:
    """The delivery that `to_json` wrote. Raises `StorageError` when the object is no manifest."""
    try:
        facts = json.loads(body)
        if facts.pop("manifest_version") != VERSION:
            raise ValueError("another version")
        checked = _Facts.model_validate_json(json.dumps(facts))
    except ValidationError as error:
        first = error.errors()[0]
        raise _no_manifest(body, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _no_manifest(body, str(error)) from None
    folder = _folder(checked.landed_as or checked.source, checked.delivery_sqn)
    if not checked.key.startswith(folder):
        raise StorageError(
            f"it says that its object lies at {shortened(checked.key, 120)}, expected below {shortened(folder, 120)}"
        )
    more = {
        "delivery_filename": store.address(checked.key),
        "fingerprint": fit_fingerprint(checked.fingerprint),  # of a time when values were taken as they came
        "delivery_date": checked.delivery_date.astimezone(UTC),
        "process_date": checked.process_date.astimezone(UTC),
    }
    return Delivery(**{**checked.model_dump(exclude={"key", "landed_as"}), **more})


def manifest_at(key: str, body: bytes, store: ObjectStore) -> Delivery:
    """The delivery of the manifest under a key. Raises `StorageError` when it is none, or names another one."""
    landed = from_json(body, store)
    if manifest_key(landed.source, landed.delivery_sqn) != key:
        raise StorageError(
            f"it names delivery {landed.delivery_sqn} of {shortened(landed.source)}, expected the one of its key"
        )
    return landed


def landed_folder(source: str) -> str:
    """Return the prefix of the keys of the objects that were landed for a source of this name."""
    return f"landed/{source}/"


def _folder(source: str, delivery_sqn: int) -> str:
    return f"{landed_folder(source)}{delivery_sqn:010d}/"


def _no_manifest(body: bytes, why: str) -> StorageError:
    return StorageError(f"{body[:80]!r}… is no manifest of version {VERSION}: {shortened(why, 200)}")
