"""Rows that nobody has to write: what follows from a source, and the row that an error about it names."""

from __future__ import annotations

import pytest

from headwater.metadata.static.cron import schedule_problem
from headwater.metadata.static.defaults import complete, load_complete_seeds
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.plan import plan
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.source_schedule import SOURCE_SCHEDULES, default_cron
from tests.support.seeds import EditableSeeds

HEADER = "source,data_source,connection,owner,schedule,geographic_granularity,delivery_type,description"
SHOPS = "shops,gazetteer,,retail,daily,shop,snapshot,A shop"


@pytest.fixture
def shops(seeds: EditableSeeds) -> EditableSeeds:
    """Seeds with a source that says the least, and nothing beside it but options, attributes and its connection."""
    for table in ("job", "job_task", "tbl", "quality_check", "source_attribute", "attribute"):
        path = seeds.folder / f"{table}.csv"
        path.write_text(path.read_text(encoding="utf-8").partition("\n")[0] + "\n", encoding="utf-8")
    (seeds.folder / "source.csv").write_text(f"{HEADER}\n{SHOPS}\n", encoding="utf-8")
    seeds.append("attribute", "shops,id,shop_id,integer,,,true,,,Number of the shop")
    seeds.append("source_attribute", r"shops,file_pattern,shops-(?P<date>\d+)\.csv,")
    return seeds


def test_a_source_has_its_job_its_tasks_and_its_tables(shops: EditableSeeds) -> None:
    assert shops.messages() == []
    catalog = read_catalog(shops.folder)
    (job,) = catalog.jobs.values()
    assert (job.name, job.owner, job.description, job.is_etl, job.etl_steps, job.is_active) == (
        "shops", "retail", "A shop", True, "ETL", True,
    )  # fmt: skip
    assert job.schedule == default_cron("shops", "daily")
    steps = [(step.name, step.step_seq, step.conn_str and step.conn_str.name) for step in plan(catalog, job)]
    assert steps == [
        ("shops_extract", 1, "gazetteer_page"), ("shops_stage", 2, "warehouse"), ("shops_historize", 3, "warehouse"),
    ]  # fmt: skip
    assert [(task.src_tbl, task.tgt_tbl) for task in catalog.job_tasks.values()] == [
        (None, "raw.shops"), ("raw.shops", "staging.stg_shops"), ("staging.stg_shops", "historical.shops"),
    ]  # fmt: skip
    assert {(tbl.data_source, tbl.incr_column, tbl.data_size) for tbl in catalog.tbls.values()} == {
        ("warehouse", "delivery_sqn", "small")
    }


def test_tables_after_raw_are_as_large_as_raw(shops: EditableSeeds) -> None:
    shops.append("tbl", "raw.shops,warehouse,delivery_sqn,large")
    assert {tbl.data_size for tbl in read_catalog(shops.folder).tbls.values()} == {"large"}


def test_a_job_that_is_written_takes_its_blank_cells_from_its_source(shops: EditableSeeds) -> None:
    (shops.folder / "job.csv").write_text("job,schedule,max_parallel\nshops,0 7 * * 1,2\n", encoding="utf-8")
    assert shops.messages() == []
    (job,) = read_catalog(shops.folder).jobs.values()
    assert (job.schedule, job.max_parallel, job.etl_steps, job.owner) == ("0 7 * * 1", 2, "ETL", "retail")
    assert len(plan(read_catalog(shops.folder), job)) == 3


def test_a_task_of_one_s_name_is_the_step_and_has_its_tables(shops: EditableSeeds) -> None:
    shops.append("job_task", "mine,shops,T,5,true,shops,,,,,,")
    assert shops.messages() == []
    tasks = read_catalog(shops.folder).job_tasks
    assert [(task.name, task.step_seq) for task in tasks.values()] == [
        ("mine", 5), ("shops_extract", 4), ("shops_historize", 6),
    ]  # fmt: skip
    assert (tasks["mine"].conn_str, tasks["mine"].tgt_tbl) == ("warehouse", "staging.stg_shops")


def test_a_step_that_another_job_does_or_that_does_not_run_is_not_added(shops: EditableSeeds) -> None:
    shops.append("job", "later,true,TL,,,batch,,shops,me,true,Loads,,,,,")
    shops.append("job", "resting,true,E,,,batch,,,me,false,Rests,,,,,")
    shops.append("job_task", "s,later,T,1,true,shops,,,,,,", "e,resting,E,1,false,shops,,,,,,")
    catalog = read_catalog(shops.folder)
    assert [step.name for step in plan(catalog, catalog.jobs["shops"])] == ["shops_historize"]


def test_completing_what_is_complete_changes_nothing(shops: EditableSeeds) -> None:
    seeds = load_complete_seeds(shops.folder, Problems("seeds"))
    before = {table: [dict(row.cells) for row in rows] for table, rows in seeds.rows.items()}
    complete(seeds)
    assert {table: [row.cells for row in rows] for table, rows in seeds.rows.items()} == before
    assert sum(map(len, before.values())) > len(before)
    assert Seeds().rows["job"] == []


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        ("marts,gazetteer,,retail,daily,shop,snapshot,A shop",
         ['seeds/source.csv:3: job: its job "marts" is the name of a DAG that is no job, expected another name']),
        ("more,gazetteer,,retail,dayly,shop,snapshot,A shop",
         ['seeds/source.csv:3: schedule: "dayly" is not a schedule, expected one of hourly, daily, weekly, monthly,'
          " quarterly, yearly, irregular, once, continuous (perhaps daily), or five cron fields such as 30 5 * * 1-5"]),
        ("more,gazetteer,,retail,0 25 * * *,shop,snapshot,A shop",
         ['seeds/source.csv:3: schedule: "25" does not say the hour of a schedule, expected * or numbers from 0 to'
          " 23"]),
        ("more,gazetteer,till_share,retail,daily,shop,snapshot,A shop",
         ['seeds/source.csv:3: connection: "till_share" is not a connection of "gazetteer", expected gazetteer_page']),
        ("more,gazetteer,,,daily,shop,snapshot,A shop", ["seeds/source.csv:3: owner: is blank, expected a text"]),
    ],
)  # fmt: skip
def test_an_error_names_the_row_that_a_person_wrote(
    shops: EditableSeeds, row: str, messages: list[str]
) -> None:
    shops.append("source", row)
    name = row.partition(",")[0]
    shops.append("attribute", f"{name},id,shop_id,integer,,,true,,,Number of the shop")
    shops.append("source_attribute", rf"{name},file_pattern,x-(?P<date>\d+)\.csv,")
    assert shops.messages() == messages


def test_cron_of_a_source_beside_a_job_that_has_a_row_is_refused(shops: EditableSeeds) -> None:
    shops.edit("source", ",daily,", ",0 7 * * 1,")
    assert shops.messages() == []
    assert read_catalog(shops.folder).jobs["shops"].schedule == "0 7 * * 1"
    (shops.folder / "job.csv").write_text("job\nshops\n", encoding="utf-8")
    (message,) = shops.messages()
    assert message.startswith(
        'seeds/source.csv:2: schedule: "0 7 * * 1" is the schedule of a job that has a row (job.csv:2), which says it'
    )


def test_a_default_time_is_in_the_night_and_follows_from_the_name_alone() -> None:
    times = {default_cron(f"source_{number}", "daily") for number in range(300)}
    assert len(times) > 150
    assert all(int(time.split()[1]) < 6 for time in times)
    assert default_cron("airports", "daily") == default_cron("airports", "irregular") == "20 5 * * *"
    assert default_cron("airports", "continuous") == "5-59/15 * * * *"


@pytest.mark.parametrize("word", SOURCE_SCHEDULES)
def test_each_word_gives_a_schedule_of_airflow(word: str) -> None:
    assert schedule_problem(default_cron("airports", word)) is None
