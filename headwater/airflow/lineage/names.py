"""Names of datasets, by the naming of OpenLineage: the same thing has one name, whoever reads or writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.extract.connections.dataset_name import DatasetName as Name
from headwater.extract.connections.dataset_name import dataset_at as at
from headwater.metadata.errors import FAILURES
from headwater.metadata.redaction import redact
from headwater.metadata.static.model import Source
from headwater.metadata.static.source_type import resolved
from headwater.metadata.static.source_types import require_type
from headwater.pipeline.step_result import Place

__all__ = ["Name", "asked", "at", "layer", "offered", "table"]

LAYERS = {"raw": "raw.{}", "staging": "staging.stg_{}", "historical": "historical.{}"}


def table(place: Place, qualified: str) -> Name:
    """A table of our own database."""
    return Name(f"postgres://{place.host}:{place.port}", f"{place.database}.{qualified}")


def layer(place: Place, layer: str, source: str) -> Name:
    """The table that holds a layer of a source."""
    return table(place, LAYERS[layer].format(source))


def offered(source: Source, offer: Mapping[str, Any]) -> Name:
    """Return what a publisher offers, where its address is known; else where the publisher is asked."""
    return at(offer["address"]) if "address" in offer else asked(source)


def asked(source: Source) -> Name:
    """Return where the publisher of a source is asked, as its type says it."""
    try:
        declared = require_type(source.data_source.data_source_type)
        found = Name(*resolved(declared.dataset_name)(source)) if declared.dataset_name else _unknown(source)
    except FAILURES:  # what is asked may be a function of one's own, which says nothing of the connection
        found = _unknown(source)
    return Name(redact(found.namespace), redact(found.name))


def _unknown(source: Source) -> Name:
    return Name(f"publisher://{source.data_source.name}", source.name)
