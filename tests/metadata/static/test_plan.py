"""The order of a job's steps: who waits for whom."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from headwater.metadata.static.plan import Step, begins_in, left_to_source, waits_for


def of(source: str, phase: Any, step_seq: int) -> Step:
    return Step(f"{source}_{phase}", step_seq, phase, source=SimpleNamespace(name=source))  # type: ignore[arg-type]


def script(name: str, step_seq: int) -> Step:
    return Step(name, step_seq, python_callable=f"jobs:{name}")


def order(*steps: Step) -> dict[str, set[str]]:
    return {name: {step.name for step in before} for name, before in waits_for(steps).items()}


def test_the_steps_of_a_source_follow_each_other_and_wait_for_no_other_source() -> None:
    steps = [of(source, phase, seq) for source in ("a", "b") for seq, phase in enumerate("ETL", start=1)]
    assert order(*steps) == {
        "a_E": set(), "b_E": set(), "a_T": {"a_E"}, "b_T": {"b_E"}, "a_L": {"a_T"}, "b_L": {"b_T"},
    }  # fmt: skip


def test_extractions_that_are_numbered_one_after_the_other_do_not_meet() -> None:
    steps = (of("a", "E", 1), of("b", "E", 2), of("c", "E", 2), of("a", "T", 3), of("b", "T", 3))
    assert order(*steps) == {
        "a_E": set(), "b_E": {"a_E"}, "c_E": {"a_E"}, "a_T": {"a_E"}, "b_T": {"b_E"},
    }  # fmt: skip


def test_a_script_waits_for_all_before_it_and_all_after_it_wait_for_the_script() -> None:
    steps = (
        of("a", "E", 1),
        of("b", "E", 1),
        of("a", "T", 2),
        script("x", 3),
        of("a", "L", 4),
        of("b", "T", 4),
    )
    assert order(*steps) == {
        "a_E": set(), "b_E": set(), "a_T": {"a_E"}, "x": {"a_T", "b_E"}, "a_L": {"x"}, "b_T": {"x"},
    }  # fmt: skip


def test_what_runs_beside_a_script_does_not_wait_for_it_and_what_comes_next_waits_for_both() -> None:
    steps = (
        of("a", "E", 1),
        script("x", 2),
        of("a", "T", 2),
        of("b", "E", 2),
        of("a", "L", 3),
        script("y", 4),
    )
    assert order(*steps) == {
        "a_E": set(), "x": {"a_E"}, "a_T": {"a_E"}, "b_E": {"a_E"}, "a_L": {"x", "a_T"}, "y": {"a_L", "b_E"},
    }  # fmt: skip


def test_scripts_come_one_after_the_other_and_side_by_side() -> None:
    steps = (script("a", 1), script("b", 2), script("c", 2), script("d", 3))
    assert order(*steps) == {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}


def test_a_run_begins_in_the_only_extraction_that_waits_for_nothing() -> None:
    extract, stage = of("cities", "E", 1), of("cities", "T", 2)
    assert begins_in([extract, stage]) == extract
    assert begins_in([extract, stage, of("towns", "E", 2)]) == extract
    assert begins_in([extract, of("towns", "E", 1)]) is None
    assert begins_in([script("first", 1), of("cities", "E", 2)]) is None
    assert begins_in([stage]) is None
    assert begins_in([]) is None


def test_what_is_left_to_a_source_ends_where_a_script_has_its_turn() -> None:
    extract, stage, load = (
        of("cities", phase, step_seq) for phase, step_seq in (("E", 1), ("T", 3), ("L", 5))
    )
    others = [of("towns", "T", 3), script("last", 6)]
    assert left_to_source([extract, stage, load, *others], extract) == [stage, load]
    assert left_to_source([extract, stage, script("between", 4), load], extract) == [stage]
    assert left_to_source([extract, script("beside", 1), stage, load], extract) == []
