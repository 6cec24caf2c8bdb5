"""A broken row takes the jobs down that have to do with it, and no other."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.valid_subset import read_valid_catalog
from tests.metadata.static import test_check
from tests.support.seeds import Broken, EditableSeeds

RULES = sorted((Path(__file__).parent / "rules").glob("test_*.py"))
BROKEN: dict[str, Broken] = test_check.BROKEN | {
    name: broken
    for path in RULES
    for name, broken in getattr(
        import_module(f"tests.metadata.static.rules.{path.stem}"), "BROKEN", {}
    ).items()
}
ALL = {"cities", "sales", "tidying", "resting"}


def test_of_sound_seeds_nothing_is_left_out(seeds: EditableSeeds) -> None:
    assert read_valid_catalog(seeds.folder) == (read_catalog(seeds.folder), [])


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_told_and_the_rest_is_sound(seeds: EditableSeeds, case: str) -> None:
    broken = BROKEN[case]
    seeds.edit(broken.table, broken.old, broken.new)
    catalog, problems = read_valid_catalog(seeds.folder)
    assert [str(problem) for problem in problems] == broken.messages
    assert catalog.jobs.keys() <= ALL
    assert {source.job for source in catalog.sources.values()} <= catalog.jobs.keys()
    assert {task.job for task in catalog.job_tasks.values()} <= catalog.jobs.keys()


@pytest.mark.parametrize(
    ("table", "old", "new", "gone"),
    [
        ("attribute", "sales,product,product,text", "sales,product,product,txt", {"sales"}),
        ("attribute", "sales,product,product,text,", "sales,product,product,text,,", {"sales"}),
        ("job_task", "sales_stage,sales,T,2,true", "sales_stage,sales,T,2,perhaps", {"sales"}),
        ("job_task", "sales_stage,sales,T,2", "sales_stage,sales,T", {"sales"}),
        ("sql_script", "tidy,false", "tidy,no", {"tidying"}),
        ("source", "cities,cities,gazetteer,geography", "cities,cities,gazetteer,", {"cities", "sales"}),
    ],
    ids=["attribute", "torn_attribute", "task", "torn_task", "script", "source_of_a_job_that_is_waited_for"],
)  # fmt: skip
def test_a_job_goes_with_its_broken_rows_and_those_that_wait_for_it(
    seeds: EditableSeeds, table: str, old: str, new: str, gone: set[str]
) -> None:
    seeds.edit(table, old, new)
    catalog, problems = read_valid_catalog(seeds.folder)
    assert ALL - catalog.jobs.keys() == gone
    assert problems


def test_of_a_table_that_cannot_be_read_nothing_is_sound(seeds: EditableSeeds) -> None:
    (seeds.folder / "attribute.csv").unlink()
    catalog, problems = read_valid_catalog(seeds.folder)
    assert not catalog.jobs
    assert len(problems) == 1


def test_a_broken_task_without_a_source_takes_no_other_such_task_along(seeds: EditableSeeds) -> None:
    seeds.edit(
        "job_task", "tidy_up,tidying", "tidy_more,resting,E,1,flase,,tidy,,warehouse,,,\ntidy_up,tidying"
    )
    catalog, problems = read_valid_catalog(seeds.folder)
    assert ALL - catalog.jobs.keys() == {"resting"}
    assert "flase" in str(problems[0])


@pytest.mark.parametrize("wrong", [b"\xe9", b"\0"], ids=["not_utf_8", "nul"])
def test_a_row_that_is_no_text_takes_its_own_job_along(seeds: EditableSeeds, wrong: bytes) -> None:
    path = seeds.folder / "job.csv"
    path.write_bytes(path.read_bytes().replace(b"Not now", b"Not " + wrong + b" now"))
    catalog, problems = read_valid_catalog(seeds.folder)
    assert ALL - catalog.jobs.keys() == {"resting"}
    assert len(problems) == 1


def test_a_byte_that_is_no_text_is_told_with_its_own_line_in_a_cell_of_several(seeds: EditableSeeds) -> None:
    seeds.append("data_source", 'cafe,local_files,"One', "two", 'three"')
    path = seeds.folder / "data_source.csv"
    line = path.read_bytes().count(b"\n") - 1
    path.write_bytes(path.read_bytes().replace(b"\ntwo\n", b"\ntw\xe9\n"))
    assert seeds.messages() == [
        f"seeds/data_source.csv:{line}: (file): byte 0xE9 is not UTF-8, expected a file in UTF-8"
    ]


def test_a_file_that_is_no_table_is_told_and_takes_no_job_along(seeds: EditableSeeds) -> None:
    (seeds.folder / "notes.csv").write_text("a,b\n", encoding="utf-8")
    catalog, problems = read_valid_catalog(seeds.folder)
    assert catalog.jobs.keys() == ALL
    assert "notes.csv" in str(problems[0])
