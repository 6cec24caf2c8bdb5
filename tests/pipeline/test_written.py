"""The report of what each task of a source wrote, for those who watch runs: the ledger's numbers, each of them once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from headwater.metadata.errors import StepFailed, StepHalted
from headwater.metadata.static.plan import Step
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.decide import put_on_record
from headwater.pipeline.job_run import JobRun
from headwater.pipeline.shared_run import Attempt
from headwater.pipeline.step_audit import StepAudit
from tests.pipeline.line import Line, cities

Counts = Counter[tuple[str, str, str]]  # layer, outcome, what was counted


def reported(written: StepAudit | None) -> Counts:
    """Return what it comes to, over all deliveries."""
    assert written is not None
    found = Counts()
    for entry in written.entries:
        found[entry.layer, entry.outcome, "deliveries"] += 1
        found.update({(entry.layer, outcome, "rows"): rows for outcome, rows in entry.rows.items()})
    found["historical", "taken_out", "deliveries"] = written.of.taken_out
    return +found


@contextmanager
def begun(
    line: Line, run_id: str, task: str, try_number: int = 1, index: int | None = None
) -> Iterator[JobRun]:
    """A try of a task, in what might be a process of its own."""
    job = JobRun(line.project, "cities", run_id, line.messages.append)
    with job.attempt(Attempt(task, try_number, index)):
        yield job


def extract_step(job: JobRun) -> Step:
    return job.step("cities_extract")


def whole_run(line: Line, run_id: str) -> dict[str, Counts]:
    """Every task of a job, each told."""
    step = extract_step(JobRun.begin(line.project, "cities", run_id, line.messages.append))
    found: dict[str, Counts] = {}
    with begun(line, run_id, "discover") as job:
        batches = job.discover(step)
    found["discover"] = reported(job.audit())
    for index, batch in enumerate(batches):
        with begun(line, run_id, "land", index=index) as job, suppress(StepHalted):
            job.do(StepName.LAND, step, batch)
        found[f"land {batch['offers'][0]['publisher_name']}"] = reported(job.audit())
    for name in (StepName.STAGE, StepName.CHECK, StepName.HISTORIZE):
        with begun(line, run_id, name) as job, suppress(StepHalted):
            job.do(name, step)
        found[name] = reported(job.audit())
    return found


def test_each_task_tells_what_the_ledger_has_of_it_and_what_was_taken_out(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("Aa", 1), "b": ("Bb", 2)}))
    line.deliver("cities", cities(2, {"a": ("Aa", 5), "b": ("Bb", 2)}), "c,Cc,many,x")
    line.deliver("cities", cities(3, {"a": ("Aa", 5)}), "a,Aa,6,x")
    line.deliver("cities", cities(4, {"a": ("Aa", 5)}), 'd,"D')
    found = whole_run(line, "run 1")
    assert found["discover"] == {}
    assert found["land cities-20260101.csv"] == {
        ("landed", "landed", "deliveries"): 1, ("raw", "loaded", "deliveries"): 1, ("raw", "loaded", "rows"): 2,
    }  # fmt: skip
    assert found["land cities-20260104.csv"] == {
        ("landed", "landed", "deliveries"): 1,
        ("raw", "halted", "deliveries"): 1,
    }
    assert found["stage"] == {
        ("staging", "staged", "deliveries"): 3, ("staging", "staged", "rows"): 6, ("staging", "fallen_out", "rows"): 1,
    }  # fmt: skip
    assert found["check"] == {("checks", "passed", "deliveries"): 2, ("checks", "halted", "deliveries"): 1}
    assert found["historize"] == {
        ("historical", "historized", "deliveries"): 2, ("historical", "new", "rows"): 2,
        ("historical", "changed", "rows"): 1, ("historical", "unchanged", "rows"): 1,
    }  # fmt: skip
    ((raw, staged, fallen_out, new, changed, unchanged),) = line.query(
        "select sum(record_count) filter (where layer = 'raw'), sum(record_count) filter (where layer = 'staging'),"
        " sum(fallen_out_count), sum(new_count), sum(changed_count), sum(unchanged_count) from metadata.delivery_status"
    )
    every = sum(found.values(), Counts())
    rows = {(layer, outcome): count for (layer, outcome, what), count in every.items() if what == "rows"}
    assert rows == {
        ("raw", "loaded"): raw, ("staging", "staged"): staged, ("staging", "fallen_out"): fallen_out,
        ("historical", "new"): new, ("historical", "changed"): changed, ("historical", "unchanged"): unchanged,
    }  # fmt: skip
    assert +sum(whole_run(line, "run 2").values(), Counts()) == {}
    put_on_record(line.database, line.store, "withdraw", line.sqn("cities-20260102.csv"), "wrong")
    assert +sum(whole_run(line, "run 3").values(), Counts()) == {("historical", "taken_out", "deliveries"): 1}


def test_a_try_that_failed_tells_what_it_did_and_the_next_one_does_not_tell_it_again(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("Aa", 1)}))
    line.deliver("cities", cities(2, {"a": ("Aa", 5)}))
    step = extract_step(JobRun.begin(line.project, "cities", "run", line.messages.append))
    with begun(line, "run", "discover") as job:
        first, second = job.discover(step)
    with pytest.raises(StepFailed), begun(line, "run", "land", index=0) as job:
        _land_and_fail(job, step, first)
    mine = {
        ("landed", "landed", "deliveries"): 1, ("raw", "loaded", "deliveries"): 1, ("raw", "loaded", "rows"): 1,
    }  # fmt: skip
    failed = job
    with begun(line, "run", "land", index=1) as job:
        job.do(StepName.LAND, step, second)
    assert reported(failed.audit()) == mine
    assert reported(job.audit()) == mine
    with begun(line, "run", "land", try_number=2, index=0) as job:
        job.do(StepName.LAND, step, first)
    assert reported(job.audit()) == {}


def _land_and_fail(job: JobRun, step: Step, batch: Mapping[str, Any]) -> None:
    job.do(StepName.LAND, step, batch)
    raise StepFailed("and then something")


def test_what_killed_tries_did_the_next_one_tells(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("Aa", 1)}))
    step = extract_step(JobRun.begin(line.project, "cities", "run", line.messages.append))
    with begun(line, "run", "discover") as job:
        (batch,) = job.discover(step)
    killed = begun(line, "run", "land", index=0)
    killed.__enter__().do(StepName.LAND, step, batch)
    killed_too = begun(line, "run", "land", try_number=2, index=0)
    killed_too.__enter__()
    with begun(line, "run", "land", try_number=3, index=0) as job:
        job.do(StepName.LAND, step, batch)
    assert reported(job.audit()) == {
        ("landed", "landed", "deliveries"): 1, ("raw", "loaded", "deliveries"): 1, ("raw", "loaded", "rows"): 1,
    }  # fmt: skip
    with begun(line, "run", "land", try_number=4, index=0) as job:
        job.do(StepName.LAND, step, batch)
    assert reported(job.audit()) == {}
    del killed, killed_too  # they end when the test does


def test_before_any_try_there_is_nothing_to_tell(line: Line) -> None:
    job = JobRun.begin(line.project, "cities", "run", line.messages.append)
    assert job.audit() is None
    job.do(StepName.STAGE, extract_step(job))
    assert job.audit() is None
