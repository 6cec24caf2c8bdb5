"""Which jobs run the steps of a source, as the page knows it: from rows some of which may be broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.airflow.deliveries_page.decisions import job_after, job_of_phase
from headwater.airflow.deliveries_page.sources import KnownSource, known_sources
from headwater.metadata.static.plan import plan, sources_of
from headwater.metadata.static.read import read_catalog
from tests.airflow.jobs_project import make_jobs_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_jobs_project(tmp_path_factory.mktemp("jobs") / "project")


@pytest.fixture
def seeds(project: Path, tmp_path: Path) -> Path:
    """Seeds of one's own, to break."""
    copy = tmp_path / "seeds"
    copy.mkdir()
    for path in (project / "seeds").iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def known(seeds: Path, name: str) -> KnownSource:
    return known_sources(seeds)[name]


def test_a_source_is_on_the_page_of_every_job_that_runs_a_step_of_it(seeds: Path) -> None:
    catalog = read_catalog(seeds)
    for job in catalog.jobs.values():
        expected = {source.name for source in sources_of(plan(catalog, job))}
        assert {one.name for one in known_sources(seeds).values() if job.name in one.jobs} == expected, (
            job.name
        )


def test_a_decision_starts_the_job_that_makes_history_and_a_replay_the_one_that_loads_it_again(
    seeds: Path,
) -> None:
    hamlets = known(seeds, "hamlets")
    assert (hamlets.jobs, hamlets.history_job) == (("bring_hamlets", "build_hamlets"), "build_hamlets")
    assert hamlets.is_chained
    for decision in ("withdraw", "restore", "accept"):
        assert job_after(hamlets, decision, ["duplicate_keys"]) == "build_hamlets"
    assert job_after(hamlets, "replay", []) == job_after(hamlets, "accept", ["columns"]) == "bring_hamlets"
    towns = known(seeds, "towns")
    assert (towns.jobs, towns.is_chained) == (("towns",), False)
    assert {job_of_phase(towns, phase) for phase in "ETL"} == {"towns"}


def test_where_no_job_makes_history_none_is_started(seeds: Path) -> None:
    owners = known(seeds, "owners")
    assert (owners.jobs, owners.history_job, job_of_phase(owners, "L")) == (("bring_shops",), None, None)


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("job", "tidying,false", "tidying,perhaps"),
        ("job_task", "tidy_first,tidying,,1", "tidy_first,nowhere,,one,two"),
        ("job", "job,is_etl", "job,is_it"),  # the whole file
        ("attribute", "towns,Town,town,text", "towns,Town,town,txet"),
    ],
)
def test_what_is_broken_elsewhere_hides_no_source_and_no_job(
    seeds: Path, table: str, old: str, new: str
) -> None:
    before = {one.name: one.jobs for one in known_sources(seeds).values()}
    replaced(seeds / f"{table}.csv", old, new)
    assert {one.name: one.jobs for one in known_sources(seeds).values()} == before
    assert known(seeds, "hamlets").history_job == "build_hamlets"


def test_a_broken_table_of_tasks_lets_nobody_decide_by_the_job_that_only_extracts(seeds: Path) -> None:
    replaced(seeds / "job_task.csv", "job_task,job", "task,job")
    assert known(seeds, "hamlets").history_job is None
    assert known(seeds, "towns").history_job == "towns"


def test_an_active_job_goes_before_one_at_rest(seeds: Path) -> None:
    replaced(
        seeds / "job_task.csv", "build_hamlets_historize,build_hamlets",
        "zz,tidying,L,2,true,hamlets,,,warehouse,,,\nbuild_hamlets_historize,build_hamlets",
    )  # fmt: skip
    replaced(
        seeds / "job.csv",
        "tidying,false,,,,maintenance,,,town,true",
        "tidying,false,,,,maintenance,,,town,false",
    )
    hamlets = known(seeds, "hamlets")
    assert hamlets.history_job == "build_hamlets"
    assert set(hamlets.jobs) == {"bring_hamlets", "build_hamlets", "tidying"}
