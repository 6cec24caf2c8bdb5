"""DAGs from metadata: what is built of which rows, without a network, a database or dbt."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset, AssetAll, WeightRule
from airflow.sdk.definitions.deadline import DeadlineReference

from headwater.airflow import dags
from headwater.airflow.build import build_dag, build_marts_dag
from headwater.airflow.metadata import Metadata, read
from headwater.dbt_project.manifest_shards import write_shards
from headwater.project import Project
from tests.airflow.jobs_project import make_jobs_project
from tests.conftest import PROJECT


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of jobs, set up."""
    root = make_jobs_project(tmp_path_factory.mktemp("built") / "project")
    write_shards(Project(root, tmp_path_factory.mktemp("set_up")))
    return root


@pytest.fixture
def metadata(root: Path, monkeypatch: pytest.MonkeyPatch) -> Metadata:
    """The metadata that DAG files read, with the network shut."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("parsing a DAG opens no connection")

    monkeypatch.setenv("HEADWATER_PROJECT", str(root))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return read()


@pytest.fixture
def editable(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The seeds of a copy of the project."""

    copy = tmp_path / "project"
    shutil.copytree(root, copy, symlinks=True)
    monkeypatch.setenv("HEADWATER_PROJECT", str(copy))
    return copy / "seeds"


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def dag_of(metadata: Metadata, name: str) -> Any:
    return build_dag(metadata.project, metadata.catalog, metadata.catalog.jobs[name])


def edges(dag: Any) -> set[tuple[str, str]]:
    return {(task.task_id, below) for task in dag.tasks for below in task.downstream_task_ids}


def test_every_active_job_is_a_dag_in_the_order_of_its_rows(metadata: Metadata) -> None:
    assert [job.name for job in metadata.valid_jobs()] == [
        "cities", "market", "towns", "villages", "bring_shops", "build_shops",
        "bring_hamlets", "build_hamlets", "tidying", "failing", "after_failing",
        "waiting", "patient", "lakes", "mills", "wells", "bring_barns", "build_barns", "moats", "late",
    ]  # fmt: skip
    assert metadata.problem() is None


@pytest.mark.usefixtures("metadata")
def test_shares_of_the_jobs_are_all_of_them_once_and_a_task_finds_its_own_in_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dags, "_turn_to_caller", lambda: None)
    shares = [dags.jobs(share, of=3) for share in (1, 2, 3)]
    assert sorted(name for share in shares for name in share) == sorted(dags.jobs())
    assert min(map(len, shares)) > 1
    monkeypatch.setattr(dags, "get_parsing_context", lambda: SimpleNamespace(dag_id="market"))
    assert [[*dags.jobs(share, of=3)] for share in (1, 2, 3)] == [["market"]] * 3


def test_a_job_of_one_source_goes_layer_by_layer_and_begins_as_it_discovers(metadata: Metadata) -> None:
    assert edges(dag_of(metadata, "cities")) == {
        ("cities_extract.discover", "cities_extract.land"),
        ("cities_extract.land", "cities_stage.stage.stg_cities"),
        ("cities_stage.stage.stg_cities", "cities_stage.check"),
        ("cities_stage.check", "cities_historize.historize.hist_cities"),
        ("cities_historize.historize.hist_cities", "finish"),
    }


def test_a_job_runs_the_phases_that_its_steps_name_and_no_other(metadata: Metadata) -> None:
    assert {task.task_id for task in dag_of(metadata, "bring_shops").tasks} == {
        "start", "finish",
        *(f"{name}_extract.{task}" for name in ("shops", "orders", "owners") for task in ("discover", "land")),
    }  # fmt: skip
    assert {task.task_id.partition(".")[0] for task in dag_of(metadata, "build_shops").tasks} == {
        "start", "build_shops_stage", "build_shops_historize", "build_orders_stage", "build_orders_historize", "finish",
    }  # fmt: skip


def test_a_job_of_t_and_l_has_both_though_no_task_names_them(editable: Path) -> None:
    replace_in(editable / "job.csv", "market,true,ETL,false", "market,true,TL,false")
    assert edges(dag_of(read(), "market")) == {
        edge
        for name in ("prices", "ratings")
        for edge in (
            ("start", f"{name}_stage.stage.stg_{name}"),
            (f"{name}_stage.stage.stg_{name}", f"{name}_stage.check"),
            (f"{name}_stage.check", f"{name}_historize.historize.hist_{name}"),
            (f"{name}_historize.historize.hist_{name}", "finish"),
        )
    }  # fmt: skip


def test_steps_of_one_number_stand_side_by_side_and_others_in_their_order(metadata: Metadata) -> None:
    assert edges(dag_of(metadata, "tidying")) == {
        ("start", "tidy_first"),
        ("tidy_first", "tidy_left"),
        ("tidy_first", "tidy_right"),
        ("tidy_left", "tidy_procedure"),
        ("tidy_right", "tidy_procedure"),
        ("tidy_procedure", "tidy_callable"),
        ("tidy_callable", "finish"),
    }


def test_a_job_that_waits_is_started_by_the_success_of_the_other(metadata: Metadata) -> None:
    (asset,) = dag_of(metadata, "build_shops").timetable.asset_condition.objects
    (outlet,) = dag_of(metadata, "bring_shops").get_task("finish").outlets
    assert asset.uri == outlet.uri
    assert outlet.uri == "headwater://job/bring_shops"


def test_the_dag_says_what_the_metadata_says(editable: Path) -> None:
    line = "cities,true,ETL,true,true,batch,,,town,true,Cities to history"
    replace_in(
        editable / "job.csv", f"{line},,,,,", f"{line.replace('batch,', 'batch,30 5 * * *')},5,60,90,2,3"
    )
    dag = dag_of(read(), "cities")
    assert (dag.schedule, dag.max_active_runs, dag.max_active_tasks) == ("30 5 * * *", 2, 3)
    assert dag.dagrun_timeout == timedelta(minutes=90)
    discover = dag.get_task("cities_extract.discover")
    assert (discover.owner, discover.retries, discover.retry_delay) == ("town", 5, timedelta(minutes=1))
    assert discover.retry_exponential_backoff
    assert set(dag.tags) == {"town", "town_hall", "city"}
    assert "One row per city" in dag.doc_md
    assert {name: dag.params[name] for name in dag.params} == {"is_full_load": True, "del_temp_data": True}
    staging = dag.get_task("cities_stage.stage.stg_cities")
    assert (staging.owner, staging.retries) == ("town", 5)
    assert not staging.params, "each task has a copy of the parameters of its DAG"


def test_the_dag_waits_for_all_jobs_that_it_names(editable: Path) -> None:
    replace_in(editable / "job.csv", ",,bring_shops,", ",,bring_shops|cities,")
    condition = dag_of(read(), "build_shops").timetable.asset_condition
    assert isinstance(condition, AssetAll)
    assert [asset.uri for asset in condition.objects if isinstance(asset, Asset)] == [
        "headwater://job/bring_shops",
        "headwater://job/cities",
    ]


def test_a_schedule_is_meant_in_the_time_zone_of_the_job(editable: Path) -> None:
    line = "cities,true,ETL,true,true,batch,,,town,true,Cities to history,,,,,"
    scheduled = line.replace("batch,", "batch,30 5 * * *")
    replace_in(editable / "job.csv", f"{line},,,,,", f"{scheduled},,,,Europe/Berlin,")
    dag = dag_of(read(), "cities")
    assert dag.timezone.name == "Europe/Berlin"
    assert dag.start_date.utcoffset() == timedelta(0)
    assert (dag.start_date.day, dag.start_date.hour) == (31, 23)
    assert dag_of(read(), "market").timezone.name == "UTC"


def test_tasks_take_the_pool_of_their_job_and_those_of_a_higher_priority_go_first(editable: Path) -> None:
    line = "cities,true,ETL,true,true,batch,,,town,true,Cities to history,,,,,"
    replace_in(editable / "job.csv", f"{line},,,,,", f"{line},publisher,7,,,")
    metadata = read()
    cities, market = dag_of(metadata, "cities"), dag_of(metadata, "market")
    assert {task.pool for task in cities.tasks} == {"publisher"}
    assert {task.pool for task in market.tasks} == {"default_pool"}
    assert {task.weight_rule for dag in (cities, market) for task in dag.tasks} == {WeightRule.ABSOLUTE}
    of_cities = [task.priority_weight for task in cities.topological_sort()]
    of_market = [task.priority_weight for task in market.topological_sort()]
    assert of_cities == list(range(7000, 7006)), "what has begun ends before another run begins"
    assert max(of_market) < min(of_cities)


def test_a_run_that_is_not_over_by_its_deadline_is_told_of(metadata: Metadata) -> None:
    (deadline,) = dag_of(metadata, "late").deadline
    assert (deadline.interval, deadline.reference) == (
        timedelta(minutes=1),
        DeadlineReference.DAGRUN_QUEUED_AT,
    )
    assert deadline.callback.path == "headwater.airflow.callbacks.tell_of_deadline"
    assert deadline.callback.kwargs == {"owner": "slow", "deadline_min": 1}
    assert dag_of(metadata, "cities").deadline is None


def test_text_of_the_metadata_is_text_to_airflow(editable: Path) -> None:
    readable = editable / "notes.md"
    readable.write_text("what only this machine knows")
    replace_in(editable / "job.csv", "Cities to history", f"See {{{{ 1 / 0 }}}} or {readable}")
    replace_in(editable / "source.csv", "One row per city", '"A|B\n{% if x %}"')
    replace_in(editable / "source.csv", ",daily,city,", f",daily,{'city' * 40},")
    dag = dag_of(read(), "cities")
    assert dag.doc_md.startswith(f"See {{{{ 1 / 0 }}}} or {readable}\n")
    assert "| A\\|B {% if x %}" in dag.doc_md
    assert max(map(len, dag.tags)) == 100


def test_a_broken_row_takes_its_own_dag_down_and_says_so(editable: Path) -> None:
    replace_in(editable / "attribute.csv", "prices,item,item,integer", "prices,item,item,integre")
    metadata = read()
    assert "market" not in [job.name for job in metadata.valid_jobs()]
    assert "cities" in [job.name for job in metadata.valid_jobs()]
    assert metadata.problem() == (
        'seeds/attribute.csv:7: target_datatype: "integre" is not a datatype of an attribute, expected integer'
    )


def test_a_source_that_dbt_has_not_read_yet_is_named(editable: Path) -> None:
    (editable.parent / "target" / "airflow" / "prices.json").unlink()
    metadata = read()
    assert [job.name for job in metadata.valid_jobs()][:2] == ["cities", "towns"]
    assert str(metadata.problem()).startswith(
        "prices: Airflow does not have the models yet, expected `headwater manifest` to be run"
    )


def test_parsing_asks_no_server_and_imports_neither_dbt_nor_great_expectations(
    root: Path, tmp_path: Path
) -> None:
    """As Airflow does it: a process of its own, whose Postgres and S3 are a trap that nobody may walk into."""
    script = (
        "import sys, dags.jobs, dags.marts; assert 'cities' in vars(dags.jobs), vars(dags.jobs).keys();"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'dbt', 'great_expectations'}))"
    )
    with socket.create_server(("127.0.0.1", 0)) as trap:
        port = str(trap.getsockname()[1])
        environment = {
            "HEADWATER_PROJECT": str(root),
            "AIRFLOW_HOME": str(tmp_path),
            "PYTHONPATH": str(PROJECT),
            "PATH": "/usr/bin:/bin",
            "PGHOST": "127.0.0.1",
            "PGPORT": port,
            "PGDATABASE": "warehouse",
            "PGUSER": "nobody",
            "PGCONNECT_TIMEOUT": "3",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
        )
        trap.settimeout(0)
        with pytest.raises(BlockingIOError):  # nobody came
            trap.accept()
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "[]"


def test_marts_are_built_when_a_history_changed(metadata: Metadata) -> None:
    dag = build_marts_dag(metadata.project)
    condition = dag.timetable.asset_condition
    assert isinstance(condition, AssetAll)
    (asset,) = condition.objects
    assert isinstance(asset, Asset)
    outlets = dag_of(metadata, "cities").get_task("cities_historize.historize.hist_cities").outlets
    assert asset.uri in [outlet.uri for outlet in outlets]
    assert {task.task_id for task in dag.tasks} == {"start_marts", "marts.town", "finish_marts"}
