"""Events of lineage: what datasets are called, what is said of them, and where events go."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.facet_v2 import parent_run
from openlineage.client.serde import Serde

from headwater.airflow.lineage import names
from headwater.airflow.lineage.events import lineage_of, lineage_of_mart
from headwater.airflow.lineage.facets import SHOWN
from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.payload import refusal_payload
from headwater.metadata.errors import StorageError
from headwater.metadata.process.ledger import Check, Entry, Subset
from headwater.metadata.static.model import ConnApi, ConnStr, DataSource, SqlScript, Tbl
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.step_audit import Place, StepAudit, StepTry
from tests.support.sources import make_source

PLACE = Place("db.example.org", 5433, "warehouse")
DATABASE = "postgres://db.example.org:5433"
DAY = datetime(2026, 1, 1, tzinfo=UTC)
OBJECT = "s3://bucket/landed/places/1/a.csv"
TRANSPORT = "headwater.airflow.lineage.store.ObjectStoreTransport"


def entry(layer: str, outcome: str, **counts: int) -> Entry:
    return Entry(1, "a.csv", DAY, OBJECT, layer, outcome, counts)


def written(
    kind: StepName, *entries: Entry, batch: Mapping[str, Any] | None = None, checks: Sequence[Check] = ()
) -> StepAudit:
    source = make_source(address="https://files.example.org/places")
    return StepAudit(StepTry(kind, source, batch), 7, PLACE, entries, tuple(checks))


def reported(kind: StepName, *entries: Entry, **more: Any) -> Any:
    return lineage_of(written(kind, *entries, **more))


def named(datasets: Sequence[Any]) -> list[tuple[str, str]]:
    return [(one.namespace, one.name) for one in datasets]


def rows(dataset: Any) -> int | None:
    count: int | None = dataset.outputFacets["outputStatistics"].rowCount
    return count


def conn(**message: str) -> ConnStr:
    columns = ("server", "database_name", "username", "secret_ref", "options", "url_template", "file_path")
    return ConnStr("a", "b", *(message.get(column) for column in columns))


def api(address: str) -> ConnApi:
    return ConnApi(
        "a", "b", None, address, "GET", True, "env:NO_SUCH", None, "none", None, None, None, None, None, False,
        None,
    )  # fmt: skip


TABLE, QUERY = Tbl("public.people", "b", None, "small"), SqlScript("of_today", False, "select 1")
SCRATCH_TABLE = Tbl("people", "b", None, "small")


@pytest.mark.parametrize(
    ("data_source_type", "more", "expected"),
    [
        (
            "http_files",
            {
                "conn_str": conn(url_template="https://ann:pa55@x.org:8443/d?key=s3cr3t"),
                "options": {"page": "new/"},
            },
            ("https://x.org:8443", "/d/new/"),
        ),
        (
            "http_files",
            {"conn_str": conn(url_template="https://x.org/${FILES_TOKEN}/d")},
            ("https://x.org", "/[secret]/d"),
        ),
        (
            "rest_api",
            {"conn_api": api("https://api.x.org/v1?key=s3cr3t"), "options": {"endpoint": "people?k=s3cr3t"}},
            ("https://api.x.org", "/v1/people"),
        ),
        ("local_files", {"conn_str": conn(file_path="/data/what? #1")}, ("file", "/data/what? #1")),
        ("object_store", {"conn_str": conn(url_template="s3://b/p/q/")}, ("s3://b", "p/q/")),
        (
            "kafka",
            {"conn_str": conn(server="k1:9092,k2:9092"), "options": {"topic": "trips"}},
            ("kafka://k1:9092", "trips"),
        ),
        (
            "rdbms",
            {
                "conn_str": conn(
                    server="db.x.org", database_name="d", username="u", secret_ref="env:NO_SUCH"
                ),
                "tbl": TABLE,
            },
            ("postgres://db.x.org:5432", "d.public.people"),
        ),
        (
            "rdbms",
            {"conn_str": conn(url_template="mysql+pymysql://u:pa55@m:3307/d"), "tbl": SCRATCH_TABLE},
            ("mysql://m:3307", "d.people"),
        ),
        (
            "rdbms",
            {"conn_str": conn(url_template="postgresql://u:pa55@p/d"), "sql_script": QUERY},
            ("postgres://p:5432", "d.of_today"),
        ),
        (
            "rdbms",
            {"conn_str": conn(url_template="sqlite:////data/a.db"), "tbl": SCRATCH_TABLE},
            ("sqlite:///data/a.db", "people"),
        ),
        ("http_files", {"conn_str": None}, ("publisher://of", "places")),
        ("http_files", {"conn_str": conn(url_template="${NO_SUCH}/d")}, ("publisher://of", "places")),
    ],
)
def test_a_publisher_is_called_by_where_it_is_and_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, data_source_type: Any, more: dict[str, Any], expected: tuple[str, str]
) -> None:
    monkeypatch.setenv("FILES_TOKEN", "b1gs3cr3t")
    source = make_source(data_source=DataSource("of", data_source_type, "A publisher"), **more)
    assert names.asked(source) == expected


def test_what_one_task_writes_is_what_the_next_one_reads() -> None:
    address = "https://files.example.org/places/a.csv"
    batch = {
        "offers": [{"publisher_name": "a.csv", "delivery_date": str(DAY), "address": address}],
        "deliveries": [],
    }
    landed = entry("landed", "landed", file_size=9)
    discovered = reported(StepName.DISCOVER)
    brought = reported(StepName.LAND, landed, entry("raw", "loaded", record_count=4), batch=batch)
    staged = reported(StepName.STAGE, entry("staging", "staged", record_count=3, fallen_out_count=1))
    changes = {"new_count": 2, "changed_count": 1, **dict.fromkeys(("unchanged_count", "ignored_count"), 0)}
    historized = reported(
        StepName.HISTORIZE, entry("historical", "historized", record_count=3, removed_count=5, **changes)
    )
    mart = lineage_of_mart("by_day", ["hist_places", "other_mart"], PLACE, 8)
    assert named(discovered.inputs) == [("https://files.example.org", "/places")]
    its_object = ("s3://bucket", "landed/places/1/a.csv")
    assert named(brought.inputs) == [("https://files.example.org", "/places/a.csv"), its_object]
    assert named(brought.outputs) == [its_object, (DATABASE, "warehouse.raw.places")]
    assert [rows(one) for one in brought.outputs] == [4, 4]
    assert named(staged.inputs) == named(brought.outputs[1:])
    quarantine = (DATABASE, "warehouse.metadata.quarantined_row")
    assert named(staged.outputs) == [(DATABASE, "warehouse.staging.stg_places"), quarantine]
    assert [rows(one) for one in staged.outputs] == [3, 1]
    assert named(historized.inputs) == named(staged.outputs[:1])
    assert rows(historized.outputs[0]) == 3
    assert historized.outputs[0].outputFacets["headwater_ledger"].rows["removed"] == 5
    assert named(mart.inputs) == [*named(historized.outputs), (DATABASE, "warehouse.marts.other_mart")]
    assert (named(mart.outputs), rows(mart.outputs[0])) == ([(DATABASE, "warehouse.marts.by_day")], 8)


def test_a_task_with_nothing_to_do_names_its_tables_and_no_rows() -> None:
    for kind, output in ((StepName.STAGE, "staging.stg_places"), (StepName.HISTORIZE, "historical.places")):
        idle = reported(kind)
        assert named(idle.outputs) == [(DATABASE, f"warehouse.{output}")]
        assert rows(idle.outputs[0]) == 0
    assert lineage_of(None).inputs == lineage_of(None).outputs == []


def test_an_offer_that_is_refused_is_no_input() -> None:
    refused = written(StepName.LAND, batch={"offers": [refusal_payload("places: no")], "deliveries": [7]})
    assert lineage_of(refused).inputs == []
    assert refused.of.subset == Subset({7}, [])


def test_what_is_deleted_is_no_output() -> None:
    cleaned = reported(StepName.CLEAN_UP, entry("raw", "purged", record_count=4))
    assert (cleaned.inputs, cleaned.outputs) == ([], [])
    assert cleaned.run_facets["headwater_deliveries"].deliveries[0]["rows"] == {"purged": 4}


def test_history_that_needs_rows_again_tells_that_they_came_back() -> None:
    back = reported(
        StepName.HISTORIZE, entry("raw", "loaded", record_count=4), entry("staging", "staged", record_count=4)
    )
    assert ("s3://bucket", "landed/places/1/a.csv") in named(back.inputs)
    assert [(one.name, rows(one)) for one in back.outputs] == [
        ("warehouse.raw.places", 4), ("warehouse.staging.stg_places", 4), ("warehouse.historical.places", 0),
    ]  # fmt: skip


def test_checks_are_told_of_what_they_looked_at() -> None:
    checks = [Check("duplicate_keys", "critical", 3, 1), Check("columns", "warning", 3, 0)]
    checked = reported(StepName.CHECK, entry("checks", "halted"), checks=checks)
    (looked_at,) = checked.inputs
    found = looked_at.inputFacets["dataQualityAssertions"].assertions
    assert [(one.assertion, one.success, one.severity, one.actual) for one in found] == [
        ("duplicate_keys", False, "error", "1"), ("columns", True, "warn", "0"),
    ]  # fmt: skip
    assert checked.outputs == []
    assert checked.run_facets["headwater_deliveries"].deliveries[0]["outcome"] == "halted"


def test_columns_are_those_of_the_metadata() -> None:
    (staged,) = reported(StepName.STAGE).outputs
    fields = {field.name: field.type for field in staged.facets["schema"].fields}
    assert fields == {
        "delivery_sqn": "bigint", "line_number": "bigint", "job_inst_id": "bigint", "a": "text", "b": "text",
    }  # fmt: skip


def test_of_very_many_deliveries_the_first_are_named_and_all_are_counted() -> None:
    many = [
        Entry(sqn, "a", DAY, OBJECT, "staging", "staged", {"record_count": 1}) for sqn in range(SHOWN + 50)
    ]
    backfill = reported(StepName.STAGE, *many)
    facet = backfill.run_facets["headwater_deliveries"]
    assert (facet.count, len(facet.deliveries), facet.jobInstId) == (SHOWN + 50, SHOWN, 7)
    assert rows(backfill.outputs[0]) == SHOWN + 50


def event(moment: str, kind: RunState = RunState.COMPLETE) -> RunEvent:
    lineage = reported(StepName.STAGE, entry("staging", "staged", record_count=3))
    parent = parent_run.ParentRunFacet(
        run=parent_run.Run("01a200bd-8723-7c26-b5d8-896d128747c1"), job=parent_run.Job("headwater", "places")
    )
    run = Run("01a200bd-8723-7d6a-ba3a-4a9b84ba473f", {"parent": parent, **lineage.run_facets})
    job = Job("headwater", "places.places_stage.stage.stg_places")
    return RunEvent(
        eventTime=moment, run=run, job=job, eventType=kind, inputs=lineage.inputs, outputs=lineage.outputs
    )


def test_each_event_is_an_object_of_the_bucket(store: ObjectStore) -> None:
    client = OpenLineageClient(config={"transport": {"type": TRANSPORT}})
    started, ended = event("2026-01-01T23:30:00.5-01:00", RunState.START), event("2026-01-02T00:31:00+00:00")
    client.emit(started)
    client.emit(ended)
    folder = "lineage/2026-01-02/places/01a200bd-8723-7c26-b5d8-896d128747c1"
    of_job = f"places.places_stage.stage.stg_places-{{}}-{ended.run.runId}.json"
    keys = list(store.list("lineage/"))
    assert keys == [
        f"{folder}/20260102T003000500000Z-{of_job.format('START')}",
        f"{folder}/20260102T003100000000Z-{of_job.format('COMPLETE')}",
    ]
    assert json.loads(store.get(keys[1])) == json.loads(Serde.to_json(ended))
    with pytest.raises(StorageError, match="is there already"):
        client.emit(ended)
    elsewhere = OpenLineageClient(config={"transport": {"type": TRANSPORT, "prefix": "of/lineage/"}})
    elsewhere.emit(ended)
    assert len(list(store.list("of/lineage/2026-01-02/"))) == 1


def test_a_setting_that_the_transport_does_not_know_is_named() -> None:
    with pytest.raises(ValueError, match="the transport has bucket, expected nothing but type and prefix"):
        OpenLineageClient(config={"transport": {"type": TRANSPORT, "bucket": "b"}})
