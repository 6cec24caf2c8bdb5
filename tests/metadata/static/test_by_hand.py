"""The source of the documentation that a person adds by hand: its rows are few, valid and all that it needs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from headwater.metadata.static.check import check
from headwater.metadata.static.plan import plan
from headwater.metadata.static.read import read_catalog
from tests.conftest import PROJECT
from tests.support.pages import page

MOST_ROWS = 9


def test_a_source_by_hand_is_nine_rows_and_a_check_is_one_more(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    shutil.copytree(PROJECT / "seeds", seeds)
    check_rows = page("how-to/add-a-check").partition("4. The results")[0]
    row_count = 0
    for part in (page("how-to/add-a-source"), check_rows):
        for table, rows in re.findall(
            r"cat >> seeds/(\w+)\.csv <<'END'\n(.*?)^ *END$", part, re.MULTILINE | re.DOTALL
        ):
            lines = [line.strip() for line in rows.splitlines()]
            row_count += len(lines)
            with (seeds / f"{table}.csv").open("a", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)
    assert row_count == MOST_ROWS + 1
    assert [str(problem) for problem in check(seeds)] == []
    catalog = read_catalog(seeds)
    libraries = catalog.sources["libraries"]
    assert libraries.conn_str is not None
    assert libraries.conn_str.name == "town_hall_folder"
    assert [step.name for step in plan(catalog, catalog.jobs["libraries"])] == [
        "libraries_extract", "libraries_stage", "libraries_historize",
    ]  # fmt: skip
    assert [check.expect for check in libraries.quality_checks] == ["expect_column_values_to_be_between"]
