"""Extraction: publisher → S3 → raw; and the front door for packages that add to it.

What is exported here is stable: a package may import it by `from headwater.extract import …`, and from nowhere else. It is
imported when it is asked for, so that a declaration of a source type costs no more than what it names.

A source type is a `SourceType`, which an entry point `headwater.sources` names. Its `discover` takes a `Source` and
yields an `Offer` for each delivery; `fetch` of an offer writes the bytes to a `Sink`, and returns the offer as it then
was. Landing, hashing and registering are Headwater's business. A transform (`headwater.transforms`) is a `Transform`.

| name | what it is for |
|---|---|
| `SourceType`, `Option`, `FILE_OPTIONS`, `WINDOW_OPTIONS` | the declaration of a type and of the options of its sources |
| `Sampling`, `Sampled` | how `headwater new-source` samples a type, and what a sampler of its own returns |
| `Source`, `Offer`, `Sink`, `Fetch`, `Discover`, `Delivery` | what a type is asked of, and what it gives |
| `expand`, `resolve`, `fetch_spooled` | `${NAME}` in a connection, the secret of a secret_ref, an offer that was read already |
| `SourceParts`, `Seeds`, `Row`, `Problems` | what rules of a type look at, and where they tell what is wrong |
| `DatasetName` | what lineage calls the publisher |
| `Transform`, `Record` | what a transform is, and what it takes and gives |
| `PublisherError`, `DeliveryIncomplete`, `FormatBroken` | what is raised when a publisher, a delivery or a file is not as it should be |
"""  # noqa: E501

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.extract.connections.dataset_name import DatasetName
    from headwater.extract.connections.environment import expand
    from headwater.extract.connections.secrets import resolve
    from headwater.extract.files.record import Record
    from headwater.extract.offers.offer import Discover, Fetch, Offer, Sink, fetch_spooled
    from headwater.extract.offers.sampled import Sampled
    from headwater.extract.raw.transforms import Transform
    from headwater.metadata.errors import DeliveryIncomplete, FormatBroken, PublisherError
    from headwater.metadata.process.deliveries import Delivery
    from headwater.metadata.static.load import Seeds
    from headwater.metadata.static.model import Source
    from headwater.metadata.static.options import FILE_OPTIONS, WINDOW_OPTIONS, Option
    from headwater.metadata.static.problem import Problems
    from headwater.metadata.static.rows import Row
    from headwater.metadata.static.source_parts import SourceParts
    from headwater.metadata.static.source_type import Sampling, SourceType

__all__ = [
    "FILE_OPTIONS", "WINDOW_OPTIONS", "DatasetName", "Delivery", "DeliveryIncomplete", "Discover", "Fetch",
    "FormatBroken", "Offer", "Option", "Problems", "PublisherError", "Record", "Row", "Sampled", "Sampling",
    "Seeds", "Sink", "Source", "SourceParts", "SourceType", "Transform", "expand", "fetch_spooled", "resolve",
]  # fmt: skip

_HOMES = {
    "headwater.extract.connections.dataset_name": ("DatasetName",),
    "headwater.extract.connections.environment": ("expand",),
    "headwater.extract.connections.secrets": ("resolve",),
    "headwater.extract.files.record": ("Record",),
    "headwater.extract.offers.offer": ("Discover", "Fetch", "Offer", "Sink", "fetch_spooled"),
    "headwater.extract.offers.sampled": ("Sampled",),
    "headwater.extract.raw.transforms": ("Transform",),
    "headwater.metadata.errors": ("DeliveryIncomplete", "FormatBroken", "PublisherError"),
    "headwater.metadata.process.deliveries": ("Delivery",),
    "headwater.metadata.static.load": ("Seeds",),
    "headwater.metadata.static.model": ("Source",),
    "headwater.metadata.static.options": ("FILE_OPTIONS", "WINDOW_OPTIONS", "Option"),
    "headwater.metadata.static.problem": ("Problems",),
    "headwater.metadata.static.rows": ("Row",),
    "headwater.metadata.static.source_parts": ("SourceParts",),
    "headwater.metadata.static.source_type": ("Sampling", "SourceType"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if not TYPE_CHECKING:  # which then knows that there is nothing else

    def __getattr__(name: str) -> Any:
        """Import what is exported from where it lives, when it is asked for."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_HOME_OF[name]), name)
