"""Names of datasets by the conventions of OpenLineage, equal for writers and readers."""

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
from headwater.pipeline.step_audit import Place

__all__ = ["Name", "asked", "at", "layer", "offered", "table"]

LAYERS = {"raw": "raw.{}", "staging": "staging.stg_{}", "historical": "historical.{}"}


def table(place: Place, qualified: str) -> Name:
    """Return the name of a table of our own database."""
    return Name(f"postgres://{place.host}:{place.port}", f"{place.database}.{qualified}")


def layer(place: Place, layer: str, source: str) -> Name:
    """Return the name of the table of a source in a layer."""
    return table(place, LAYERS[layer].format(source))


def offered(source: Source, offer: Mapping[str, Any]) -> Name:
    """Return the name of an offered file, if its address is known; else that of the publisher."""
    return at(offer["address"]) if "address" in offer else asked(source)


def asked(source: Source) -> Name:
    """Return the name of the publisher of a source, as its type says it."""
    try:
        declared = require_type(source.data_source.data_source_type)
        found = Name(*resolved(declared.dataset_name)(source)) if declared.dataset_name else _unknown(source)
    except FAILURES:  # the extract function may be a custom one, which says nothing of the connection
        found = _unknown(source)
    return Name(redact(found.namespace), redact(found.name))


def _unknown(source: Source) -> Name:
    return Name(f"publisher://{source.data_source.name}", source.name)
