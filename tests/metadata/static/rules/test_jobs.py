"""The rules of jobs, each with its message."""

from __future__ import annotations

import pytest

from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "two_jobs_that_wait_for_each_other": Broken(
        "job",
        "0 5 * * *,,",
        ",sales,",
        [
            "seeds/job.csv:2: after_job: waits for itself: cities → sales → cities, "
            "expected a job that does not lead back"
        ],
    ),
    "a_job_that_waits_for_one_at_rest": Broken(
        "job",
        ",,cities,retail",
        ",,resting,retail",
        [
            'seeds/job.csv:3: after_job: waits for "resting", which is not active, '
            "expected an active job, or is_active false here too"
        ],
    ),
    "a_schedule_of_25_hours": Broken(
        "job",
        "0 5 * * *",
        "0 25 * * *",
        [
            'seeds/job.csv:2: schedule: "25" does not say the hour of a schedule, '
            "expected * or numbers from 0 to 23"
        ],
    ),
    "a_job_with_nothing_to_do": Broken(
        "job_task",
        "tidy_up,tidying,,1,true",
        "tidy_up,tidying,,1,false",
        [
            'seeds/job.csv:4: job: "tidying" has nothing to do, '
            "expected an active row in job_task.csv, a source that names it, or is_active false"
        ],
    ),
    "a_job_that_is_started_in_two_ways": Broken(
        "job",
        "batch,,cities,retail",
        "batch,@daily,cities,retail",
        [
            'seeds/job.csv:3: schedule: stands beside after_job "cities", which starts it, '
            "expected one of schedule, after_job"
        ],
    ),
    "a_job_that_tries_again_half_a_time": Broken(
        "job",
        "Places,0,60",
        "Places,0.5,60",
        ['seeds/job.csv:2: retries: "0.5" is not a whole number from 0, expected 0, 1, 2 …'],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages


@pytest.mark.parametrize("name", ["left_open", "marts", "docs"])
def test_a_job_is_not_called_as_a_dag_that_is_no_job(seeds: EditableSeeds, name: str) -> None:
    seeds.edit("job", "resting,true,E", f"{name},true,E")
    assert seeds.messages() == [
        f'seeds/job.csv:6: job: "{name}" is the name of a DAG that is no job, expected another name'
    ]


def test_cycle_of_three_jobs_is_told_once(seeds: EditableSeeds) -> None:
    seeds.edit("job", "0 5 * * *,,", ",tidying,")
    seeds.edit("job", "@weekly,,", ",sales,")
    assert seeds.messages() == [
        "seeds/job.csv:2: after_job: waits for itself: cities → tidying → sales → cities, "
        "expected a job that does not lead back"
    ]


FOR_AIRFLOW = "pool,priority,deadline_min,time_zone,may_decide"


def with_columns_for_airflow(seeds: EditableSeeds, cells: str) -> None:
    """Let job.csv have the columns that it may lack, filled in the row of cities, which ends after 90 minutes."""
    path = seeds.folder / "job.csv"
    header, cities, *others = path.read_text(encoding="utf-8").split("\n")
    whole = "\n".join(others).replace(",,,,,\n", ",,,,,,,,,,\n")
    path.write_text(f"{header},{FOR_AIRFLOW}\n{cities},{cells}\n{whole}", encoding="utf-8")


def test_a_file_of_jobs_may_lack_the_columns_for_airflow(seeds: EditableSeeds) -> None:
    assert FOR_AIRFLOW not in (seeds.folder / "job.csv").read_text(encoding="utf-8")
    assert seeds.messages() == []


def test_columns_for_airflow_may_be_there(seeds: EditableSeeds) -> None:
    with_columns_for_airflow(seeds, "Publisher X,5,60,Europe/Berlin,anna | role:Op")
    assert seeds.messages() == []


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("x,0,,,", 'priority: "0" is not a whole number from 1, expected 1, 2, 3 …'),
        (
            ",,soon,,",
            'deadline_min: "soon" is not a whole number from 1, expected 1, 2, 3 …',
        ),
        (
            ",,90,,",
            "deadline_min: is 90, by when a run has been ended by timeout_min 90, "
            "expected less than 90, or a blank timeout_min",
        ),
        (
            ",,,Europe/Berlim,",
            'time_zone: "Europe/Berlim" is not a time zone, '
            "expected a name such as Europe/Berlin or America/New_York (perhaps Europe/Berlin)",
        ),
        (
            ",,,,anna|role:",
            'may_decide: "anna|role:" has a blank name, '
            "expected names of users, and role:NAME of roles, separated by |",
        ),
        (",,,,anna|anna", 'may_decide: "anna" stands twice, expected each name once'),
        (f"{'x' * 251},,,,", "pool: has 251 characters, expected 250 at most, as Airflow has it"),
    ],
)
def test_what_airflow_would_not_take_is_told(seeds: EditableSeeds, cells: str, message: str) -> None:
    with_columns_for_airflow(seeds, cells)
    assert seeds.messages() == [f"seeds/job.csv:2: {message}"]


def test_a_time_zone_without_a_schedule_is_told(seeds: EditableSeeds) -> None:
    with_columns_for_airflow(seeds, ",,,UTC,")
    seeds.edit("job", "0 5 * * *", "")
    assert seeds.messages() == [
        'seeds/job.csv:2: time_zone: is "UTC" though there is no schedule, expected a blank cell, or a schedule'
    ]


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ("cities|tidying", None),
        ("cities|tidyin", '"tidyin" is not in job.csv, expected the name of a row there (perhaps tidying)'),
        ("cities|", '"cities|" has a blank name, expected names, separated by |'),
        ("cities|cities", '"cities" stands twice, expected each name once'),
        ("cities|resting", 'waits for "resting", which is not active, '
         "expected an active job, or is_active false here too"),
        ("cities|sales", "waits for itself: sales → sales, expected a job that does not lead back"),
    ],
)  # fmt: skip
def test_a_job_may_wait_for_several(seeds: EditableSeeds, after: str, message: str | None) -> None:
    seeds.edit("job", ",,cities,retail", f",,{after},retail")
    assert seeds.messages() == ([f"seeds/job.csv:3: after_job: {message}"] if message else [])
