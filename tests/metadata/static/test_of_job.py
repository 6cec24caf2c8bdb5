"""The rows that a job has to do with make the same job, sources and plan as all rows do."""

from __future__ import annotations

import json

import pytest

from headwater.metadata.static.defaults import load_complete_seeds
from headwater.metadata.static.of_job import catalog_of_rows, rows_of_job
from headwater.metadata.static.plan import plan
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.read import read_catalog
from tests.conftest import PROJECT
from tests.support.seeds import EditableSeeds

DEMO = PROJECT / "seeds"


@pytest.mark.parametrize("job", sorted(read_catalog(DEMO).jobs))
def test_a_job_of_the_demo_is_the_same_of_its_rows_alone(job: str) -> None:
    seeds, catalog = load_complete_seeds(DEMO, Problems("seeds")), read_catalog(DEMO)

    rows = json.loads(json.dumps(rows_of_job(seeds, job)))
    alone = catalog_of_rows(rows)

    assert plan(alone, alone.jobs[job]) == plan(catalog, catalog.jobs[job])
    assert alone.jobs[job] == catalog.jobs[job]
    assert set(alone.sources) == {
        step.source.name for step in plan(catalog, catalog.jobs[job]) if step.source
    }


def test_a_job_has_the_tasks_of_its_sources_that_another_job_does(seeds: EditableSeeds) -> None:
    """Else it would do them itself."""
    seeds.edit("job_task", "cities_extract,cities,E", "cities_extract,tidying,E")
    loaded = load_complete_seeds(seeds.folder, Problems("seeds"))

    alone = catalog_of_rows(rows_of_job(loaded, "cities"))

    assert "cities_extract" in alone.job_tasks
    assert "tidying" in alone.jobs
    assert [step.etl_step for step in plan(alone, alone.jobs["cities"])] == ["T", "L"]
