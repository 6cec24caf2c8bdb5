"""Facets of datasets and runs: columns, rows written, checks, and the ledger, delivery by delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attr
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    OutputDatasetFacet,
    RunFacet,
    data_quality_assertions_dataset,
    output_statistics_output_dataset,
    schema_dataset,
)

from headwater.airflow.lineage.names import Name
from headwater.dbt_project.generate import layer_columns
from headwater.metadata.process.ledger import Check, Entry
from headwater.metadata.static.model import Source
from headwater.pipeline.step_audit import StepAudit

SHOWN = 100  # deliveries of one event: a backfill may have ten thousand


@attr.define
class LedgerOutputDatasetFacet(OutputDatasetFacet):
    """The counts of a layer's rows, from the ledger: loaded, staged, fallen_out, new, changed …"""

    rows: dict[str, int] = attr.field(factory=dict)


@attr.define
class DeliveriesRunFacet(RunFacet):
    """The deliveries that a task processed, and its job instance; only the first ones of many."""

    jobInstId: int  # noqa: N815  # as OpenLineage names its fields
    count: int
    deliveries: list[dict[str, Any]] = attr.field(factory=list)


def read(
    name: Name, source: Source | None = None, layer: str = "", checks: Sequence[Check] = ()
) -> InputDataset:
    """Return an input dataset; for the table of a layer with its columns and checks."""
    facets: dict[str, InputDatasetFacet] = {}
    if checks:
        facets["dataQualityAssertions"] = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            assertions=[_assertion(check) for check in checks]
        )
    return InputDataset(*name, facets=_columns(source, layer), inputFacets=facets)


def wrote(
    name: Name,
    rows: Mapping[str, int] | None,
    *,
    count: int | None,
    source: Source | None = None,
    layer: str = "",
    size: int | None = None,
) -> OutputDataset:
    """Return an output dataset, with the number of written rows and, if the ledger has them, all counts."""
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=count, size=size
    )
    facets: dict[str, OutputDatasetFacet] = {"outputStatistics": statistics}
    if rows is not None:
        facets["headwater_ledger"] = LedgerOutputDatasetFacet(rows=dict(rows))
    return OutputDataset(*name, facets=_columns(source, layer), outputFacets=facets)


def deliveries(written: StepAudit) -> dict[str, RunFacet]:
    """Return the facet of a run."""
    shown = [_delivery(entry) for entry in written.entries[:SHOWN]]
    facet = DeliveriesRunFacet(
        jobInstId=written.job_inst_id,
        count=len({entry.delivery_sqn for entry in written.entries}),
        deliveries=shown,
    )
    return {"headwater_deliveries": facet}


def _delivery(entry: Entry) -> dict[str, Any]:
    return {
        "delivery_sqn": entry.delivery_sqn,
        "publisher_name": entry.publisher_name,
        "delivery_date": entry.delivery_date.isoformat(),
        "layer": entry.layer,
        "outcome": entry.outcome,
        "rows": entry.rows,
    }


def _assertion(check: Check) -> data_quality_assertions_dataset.Assertion:
    return data_quality_assertions_dataset.Assertion(
        assertion=check.name,
        success=not check.failed,
        severity="error" if check.severity == "critical" else "warn",
        description=f"How many of {check.checked} deliveries failed it",
        expected="0",
        actual=str(check.failed),
    )


def _columns(source: Source | None, layer: str) -> dict[str, DatasetFacet]:
    """Return the columns of a layer's table from the metadata, without the database."""
    if source is None:
        return {}
    fields = [
        schema_dataset.SchemaDatasetFacetFields(
            name=column["name"], type=column.get("data_type"), description=column.get("description")
        )
        for column in layer_columns(source, layer)
    ]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}
