"""Reports of runs, through the real scheduler: events of lineage and metrics, held against the ledger.

Whatever ran before is looked at; a run is started only where there was none.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from headwater.metadata.process.ledger import CHANGE_KINDS
from headwater.services.airflow import Airflow
from tests.airflow.client import Client
from tests.airflow.listeners import Received
from tests.airflow.warehouse import Warehouse, publish

PATIENCE_S = 60
HALTED = (
    "select job_inst_id, run_id from metadata.job_inst where job = 'cities' and status = 'halted' and exists"
    " (select from metadata.delivery_status where layer = 'historical'"
    "   and delivery_status.job_inst_id = job_inst.job_inst_id) order by job_inst_id desc limit 1"
)


@pytest.fixture
def run(admin: Client, warehouse: Warehouse, publisher: Path) -> tuple[int, str]:
    """The job instance and the run of cities in which one delivery went to history and another was halted."""
    if not (found := warehouse.query(HALTED)):
        admin.let_run("marts")
        publish(publisher, "cities", 21, "City Code,name,people,seen", "a,Aa,1,x", "b,Bb,many,x")
        publish(publisher, "cities", 22, "City Code,name,people,seen", "a,Aa,1,x", "a,Aa,2,x")
        admin.run("cities")
        found = warehouse.query(HALTED)
    ((job_inst_id, run_id),) = found
    return job_inst_id, run_id


@pytest.fixture
def events(run: tuple[int, str], lineage: Path) -> list[dict[str, Any]]:
    """Every event with which a task of the run ended; and those of marts that were built afterwards."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        messages = [json.loads(path.read_text()) for path in sorted(lineage.glob("*.json"))]
        ended = [event for event in messages if event["eventType"] in ("COMPLETE", "FAIL")]
        mine = [event for event in ended if facet(event, "airflow").get("dagRun", {}).get("run_id") == run[1]]
        marts = [event for event in ended if event["job"]["name"] == "marts.marts.town" and event["outputs"]]
        if marts and any(event["job"]["name"] == "cities.finish" for event in mine):
            return [*mine, *marts[-1:]]
        assert time.monotonic() < deadline, [event["job"]["name"] for event in ended]
        time.sleep(0.3)


def facet(event: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = event["run"]["facets"].get(name, {})
    return found


def of_task(events: list[dict[str, Any]], task: str) -> list[dict[str, Any]]:
    return [event for event in events if event["job"]["name"].endswith(task)]


def names(datasets: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["namespace"], one["name"]) for one in datasets}


def counted(events: list[dict[str, Any]]) -> Counter[tuple[int, str, str]]:
    """The rows in the events, by delivery, layer and outcome; zeros left out."""
    found = Counter[tuple[int, str, str]]()
    for event in events:
        for delivery in facet(event, "headwater_deliveries").get("deliveries", []):
            for outcome, count in delivery["rows"].items():
                found[delivery["delivery_sqn"], delivery["layer"], outcome] += count
    return +found


def in_ledger(warehouse: Warehouse, job_inst_id: int) -> Counter[tuple[int, str, str]]:
    """The same, as the ledger has it."""
    columns = ("record_count", "fallen_out_count", *(f"{change}_count" for change in CHANGE_KINDS))
    rows = warehouse.query(
        f"select delivery_sqn, layer, status, {', '.join(columns)} from metadata.delivery_status"
        " where job_inst_id = %s",
        job_inst_id,
    )
    found = Counter[tuple[int, str, str]]()
    for sqn, layer, status, record_count, fallen_out, *changes in rows:
        if layer == "historical":
            found.update(
                {(sqn, layer, change): count for change, count in zip(CHANGE_KINDS, changes, strict=True)}
            )
        elif layer in ("raw", "staging"):
            found[sqn, layer, {"raw": "loaded", "staging": "staged"}[layer]] = record_count
            found[sqn, layer, "fallen_out"] = fallen_out or 0
            found[sqn, layer, "purged"] = record_count if status == "purged" else 0
    return +found


def test_events_count_what_the_ledger_counts(
    run: tuple[int, str], events: list[dict[str, Any]], warehouse: Warehouse
) -> None:
    assert counted(events) == in_ledger(warehouse, run[0])
    assert {facet(event, "headwater_deliveries")["jobInstId"] for event in of_task(events, "land")} == {
        run[0]
    }
    totals = Counter[str]()
    for event in events:
        for output in event["outputs"]:
            totals[output["name"].partition(".")[2]] += output["outputFacets"]["outputStatistics"]["rowCount"]
    ((raw, staged, fallen_out, versions),) = warehouse.query(
        "select sum(record_count) filter (where layer = 'raw'), sum(record_count) filter (where layer = 'staging'),"
        " sum(fallen_out_count), sum(new_count + changed_count) from metadata.delivery_status where job_inst_id = %s",
        run[0],
    )
    assert (totals["raw.cities"], totals["staging.stg_cities"], totals["historical.cities"]) == (
        raw,
        staged,
        versions,
    )
    assert totals["metadata.quarantined_row"] == fallen_out
    assert totals["marts.town"] == 1


def test_events_make_a_chain_from_the_publisher_to_the_mart(
    events: list[dict[str, Any]], publisher: Path, airflow_variables: dict[str, str]
) -> None:
    (discovered,) = of_task(events, "discover")
    brought = of_task(events, "land")
    ((staged,), (checked,), (historized,), (mart,)) = (
        of_task(events, task) for task in ("stg_cities", "check", "hist_cities", "town")
    )
    folder = str(publisher / "cities")
    assert names(discovered["inputs"]) == {("file", folder)}
    for one in brought:
        objects = {name for name in names(one["outputs"]) if name[0].startswith("s3://")}
        assert objects
        assert objects <= names(one["inputs"])
        assert any(name.startswith(folder) for _, name in names(one["inputs"]))
        assert names(staged["inputs"]) < names(one["outputs"])
    assert names(historized["inputs"]) == names(checked["inputs"]) <= names(staged["outputs"])
    assert names(mart["inputs"]) == names(historized["outputs"])
    host, port = airflow_variables["PGHOST"], airflow_variables["PGPORT"]
    assert {namespace for namespace, _ in names(mart["outputs"])} == {f"postgres://{host}:{port}"}


def test_a_halt_is_a_failure_that_names_its_check(events: list[dict[str, Any]]) -> None:
    assert {event["job"]["name"] for event in events if event["eventType"] == "FAIL"} == {
        "cities.cities_stage.check",
        "cities.finish",
    }
    (checked,) = of_task(events, "check")
    assert "duplicate_keys" in facet(checked, "errorMessage")["message"]
    (staging,) = checked["inputs"]
    failed = [
        one for one in staging["inputFacets"]["dataQualityAssertions"]["assertions"] if not one["success"]
    ]
    assert [(one["assertion"], one["severity"]) for one in failed] == [("duplicate_keys", "error")]


def test_metrics_are_what_the_events_say(
    events: list[dict[str, Any]], lineage: Path, metrics: Received
) -> None:
    """Of all runs of cities since Airflow was started."""
    assert events
    expected = Counter[str]()
    for path in lineage.glob("*.json"):
        event = json.loads(path.read_text())
        if event["job"]["name"].startswith("cities."):
            for (_, layer, outcome), count in counted([event]).items():
                expected[f"airflow.headwater.rows.cities.{layer}.{outcome}"] += count
            for delivery in facet(event, "headwater_deliveries").get("deliveries", []):
                expected[
                    f"airflow.headwater.deliveries.cities.{delivery['layer']}.{delivery['outcome']}"
                ] += 1
    found = Counter[str]()
    for message in metrics.messages:
        name, _, rest = message.partition(":")
        if ".cities." in name and not name.endswith(".taken_out"):
            found[name] += int(rest.removesuffix("|c"))
    assert found == expected


def test_no_secret_is_in_an_event(events: list[dict[str, Any]], lineage: Path, airflow: Airflow) -> None:
    assert events
    text = "\n".join(path.read_text() for path in lineage.glob("*.json"))
    folder = airflow.folder
    kept = [json.loads((folder / name).read_text()) for name in ("keys.json", "passwords.json")]
    secrets = {value for one in kept for value in one.values()}
    assert len(secrets) > 4
    assert [secret for secret in secrets if secret in text] == []
