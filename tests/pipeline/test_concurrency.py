"""Any number of runs at once give the tables of a single one, and sources do not wait for each other."""

from __future__ import annotations

import pytest

from tests.pipeline.demo_cut import FIRST, SOURCES, THEN
from tests.pipeline.starter import Command
from tests.pipeline.tables import difference
from tests.pipeline.world import HALTED, LOADED, NOTHING, WELL, World


def all_end_well(commands: list[Command]) -> None:
    for command in commands:
        assert command.wait() in (WELL, HALTED), command.output


def at_once(world: World, processes: int, begins: str, site: str) -> None:
    """Run everything in so many processes at once; the tables are then those of one."""
    expected = world.undisturbed(begins, site)
    world.restore(begins)
    all_end_well([world.start(site=site) for _ in range(processes)])
    assert difference(world.contents(), expected) == ""
    assert world.flaws() == []


def test_four_processes_at_once_give_the_tables_of_one(world: World) -> None:
    at_once(world, 4, LOADED, THEN)


@pytest.mark.long
@pytest.mark.parametrize("time", range(50))
def test_eight_processes_at_once_give_the_tables_of_one(world: World, time: int) -> None:
    at_once(world, 8, *((NOTHING, FIRST), (LOADED, THEN))[time % 2])


@pytest.mark.parametrize(("held", "free"), [SOURCES, SOURCES[::-1]])
def test_a_source_that_is_locked_holds_up_no_other(world: World, held: str, free: str) -> None:
    world.restore(LOADED)
    with world.holding(f"select metadata.lock_source('{held}')"):
        waiting = world.start(("run", held))
        world.wait_until_waits("%lock_source%", waiting)
        before = {source: world.counted(source) for source in SOURCES}
        world.run(("run", free))
        assert world.counted(free) != before[free]
        assert world.counted(held) == before[held]
    all_end_well([waiting])
    assert difference(world.contents(), world.undisturbed(LOADED, THEN)) == ""
