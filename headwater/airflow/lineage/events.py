"""Lineage of a task: for a source from its ledger, for a mart from Postgres."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import InputDataset, OutputDataset

from headwater.airflow.lineage import facets, names
from headwater.extract.offers.payload import is_offer
from headwater.metadata.process.ledger import Entry
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.step_audit import Place, StepAudit

Lineage: TypeAlias = "OperatorLineage[Any, Any]"


def lineage_of(written: StepAudit | None) -> Lineage:
    """Return what a try of a source's task read and wrote, even if it wrote nothing. None if it never began."""
    if written is None:
        return OperatorLineage()
    if written.step is StepName.CLEAN_UP:  # deleted rows are no output
        return OperatorLineage(run_facets=facets.deliveries(written))
    return OperatorLineage(
        inputs=_unique(_inputs(written)), outputs=_outputs(written), run_facets=facets.deliveries(written)
    )


def lineage_of_mart(model: str, made_of: Sequence[str], place: Place, count: int | None) -> Lineage:
    """Return the inputs of a mart, and its number of rows; `made_of` are models."""
    inputs = [facets.read(names.table(place, _table_of(name))) for name in made_of]
    return OperatorLineage(
        inputs=inputs, outputs=[facets.wrote(names.table(place, f"marts.{model}"), None, count=count)]
    )


def _inputs(written: StepAudit) -> list[InputDataset]:
    source = written.source
    if written.step is StepName.DISCOVER:
        return [facets.read(names.asked(source))]
    if written.step is StepName.LAND:
        offers = filter(is_offer, written.of.batch["offers"]) if written.of.batch else ()
        objects = [entry for entry in written.entries if entry.layer == "raw"]
        return [facets.read(names.offered(source, offer)) for offer in offers] + _objects(objects)
    before = {StepName.STAGE: "raw", StepName.CHECK: "staging", StepName.HISTORIZE: "staging"}[written.step]
    found = [facets.read(names.layer(written.place, before, source.name), source, before, written.checks)]
    if written.step is StepName.HISTORIZE:  # rows that were reloaded into staging
        found += _objects([entry for entry in written.entries if entry.layer == "raw"])
    return found


def _outputs(written: StepAudit) -> list[OutputDataset]:
    source, kind = written.source, written.step
    of_kind = {StepName.LAND: "raw", StepName.STAGE: "staging", StepName.HISTORIZE: "historical"}.get(kind)
    found = [_object(written, entry) for entry in written.entries if entry.layer == "landed"]
    for layer in ("raw", "staging", "historical"):
        entries = [entry for entry in written.entries if entry.layer == layer and entry.rows]
        if layer == of_kind or entries:
            rows = Counter[str]()
            for entry in entries:
                rows.update(entry.rows)
            count = sum(rows[outcome] for outcome in _ADDED[layer])
            name = names.layer(written.place, layer, source.name)
            found.append(facets.wrote(name, rows, count=count, source=source, layer=layer))
            if rows["fallen_out"]:
                quarantine = names.table(written.place, "metadata.quarantined_row")
                found.append(facets.wrote(quarantine, None, count=rows["fallen_out"]))
    return found


_ADDED = {"raw": ("loaded",), "staging": ("staged",), "historical": ("new", "changed")}


def _object(written: StepAudit, landed: Entry) -> OutputDataset:
    """Return the S3 object of a delivery; once it is loaded, with its number of records."""
    counts = [
        entry.counts.get("record_count")
        for entry in written.entries
        if entry.delivery_sqn == landed.delivery_sqn and entry.outcome == "loaded"
    ]
    size, count = landed.counts.get("file_size"), counts[0] if counts else None
    return facets.wrote(names.at(landed.delivery_filename), None, count=count, size=size)


def _objects(entries: Sequence[Entry]) -> list[InputDataset]:
    return [facets.read(names.at(entry.delivery_filename)) for entry in entries]


def _table_of(model: str) -> str:
    source = model.removeprefix("hist_")
    return f"marts.{model}" if source == model else names.LAYERS["historical"].format(source)


def _unique(datasets: Sequence[InputDataset]) -> list[InputDataset]:
    return list({(one.namespace, one.name): one for one in datasets}.values())
