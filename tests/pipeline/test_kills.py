"""Killing a process anywhere and running again gives the same tables as never having been killed.

Each process is a whole `headwater` command on real data, in a process group of its own, that SIGKILL ends. `--long`
kills at every boundary of boundaries.py and at 100 random moments; KILL_SEED=… draws the same moments again.
"""

from __future__ import annotations

import os
import random
import time
from contextlib import nullcontext

import pytest

from headwater.metadata.process.orphaned_runs import PROCESS_ENDED
from tests.pipeline.boundaries import BOUNDARIES, PAGE, Boundary, Hold, page
from tests.pipeline.demo_cut import FIRST, LEFT_OUT, NEWEST, NEXT, THEN
from tests.pipeline.starter import Stop
from tests.pipeline.tables import difference
from tests.pipeline.world import CURRENT, LOADED, NOTHING, World

SEED = int(os.environ.get("KILL_SEED") or random.randrange(1_000_000))
MOMENTS = 100
EVERY_TENTH = 10  # of them Postgres is killed too


@pytest.mark.parametrize(
    "boundary",
    [pytest.param(b, id=b.name, marks=[] if b.is_short else [pytest.mark.long]) for b in BOUNDARIES],
)
def test_killed_at_a_boundary(world: World, boundary: Boundary) -> None:
    expected = world.undisturbed(boundary.begins, boundary.site, boundary.command)
    world.restore(boundary.begins)
    before = world.counted(boundary.source)

    how = boundary.how
    with world.holding(how.lock) if isinstance(how, Hold) else nullcontext():
        command = world.start(
            boundary.command, site=boundary.site, stop=how if isinstance(how, Stop) else None
        )
        if isinstance(how, Hold):
            world.wait_until_waits(how.waits, command)
        else:
            command.wait_until_there()
        command.kill()
    there = [now - then for now, then in zip(world.counted(boundary.source), before, strict=True)]
    assert tuple(there) == boundary.there

    world.run(site=boundary.site)
    assert difference(world.contents(), expected) == ""
    assert world.flaws() == []


def test_rows_that_the_model_leaves_out_are_counted_once_and_are_not_in_history(world: World) -> None:
    # That each killed run ends in these counts follows from the comparison with the run that was not killed.
    tables = world.undisturbed(LOADED, THEN)
    staged = [dict(row) for row in tables["metadata.delivery_status"] if ("layer", '"staging"') in row]
    for file, count in LEFT_OUT.items():
        [status] = [row for row in staged if file in row["delivery_sqn"]]
        assert int(status["left_out_count"]) == count
    versions = [dict(row) for row in tables["historical.airports"]]
    assert versions
    assert [row for row in versions if row["city"] == "null" or row["flight_level"] == "null"] == []
    assert [row["valid_from"][1:11] for row in versions if row["icao"] == '"OIBH"'] == ["2026-09-02"]


def test_of_the_newest_airports_only_what_changed_is_staged(world: World) -> None:
    tables = world.undisturbed(CURRENT, NEXT)
    [status] = [
        dict(row)
        for row in tables["metadata.delivery_status"]
        if ("layer", '"staging"') in row and NEWEST in dict(row)["delivery_sqn"]
    ]
    assert status["status"] == '"partial"'
    assert int(status["left_out_count"]) > 0
    assert int(status["recognised_count"]) > 10 * int(status["record_count"]) > 0


def test_what_was_left_open_is_closed_by_the_next_run_which_says_so(world: World) -> None:
    world.restore(LOADED)
    command = world.start(stop=Stop("headwater.pipeline.runners.sources:load_raw"))
    command.wait_until_there()
    command.kill()
    jobs = "select job, status, last_error from metadata.job_inst join metadata.log_header using (job_inst_id, status)"
    of_the_killed = f"{jobs} order by job_inst_id desc limit 2"
    assert world.query(of_the_killed) == [("flight_weather", "running", None), ("airports", "running", None)]
    world.run()
    assert world.query(f"{jobs} order by job_inst_id desc limit 2 offset 2") == [
        ("flight_weather", "failed", f"{PROCESS_ENDED}. Nothing of it was running"),
        ("airports", "failed", f"{PROCESS_ENDED}. Nothing of it was running; last was land, succeeded"),
    ]


@pytest.mark.long
@pytest.mark.usefixtures("servers")  # the world is asked for only once it is known which
@pytest.mark.parametrize("number", range(MOMENTS))
def test_killed_at_a_random_moment(request: pytest.FixtureRequest, number: int) -> None:
    with_postgres = number % EVERY_TENTH == 0
    world: World = request.getfixturevalue("safe_world" if with_postgres else "world")
    begins, site = ((NOTHING, FIRST), (LOADED, THEN), (CURRENT, NEXT))[number // EVERY_TENTH % 3]
    expected = world.undisturbed(begins, site)
    length_s = world.length_s(begins, site)
    moment_s = random.Random(f"{SEED} {number}").uniform(0, length_s)
    drawn = f"killed at {moment_s:.3f} of {length_s:.3f} s; KILL_SEED={SEED} draws the same"
    world.restore(begins)
    command = world.start(site=site)
    time.sleep(moment_s)
    command.kill(may_have_ended=True)
    if with_postgres:
        world.kill_postgres()

    world.run(site=site)
    assert difference(world.contents(), expected) == "", drawn
    assert world.flaws() == [], drawn


def test_the_page_is_of_these_boundaries() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.pipeline.boundaries writes it"
    assert len({boundary.name for boundary in BOUNDARIES}) == len(BOUNDARIES)
