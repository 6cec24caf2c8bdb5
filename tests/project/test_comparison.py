"""The page of the comparison has a row for each series of deliveries that the benchmark feeds."""

from __future__ import annotations

from benchmarks.awkward import SERIES
from tests.conftest import PROJECT


def test_the_comparison_has_a_row_for_each_series_that_is_run() -> None:
    page = (PROJECT / "docs" / "comparison.md").read_text(encoding="utf-8")
    table = page.partition("## Awkward deliveries")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert [row for row in dict.fromkeys(rows) if row not in ("series", "---")] == [
        name.replace("_", " ") for name in SERIES
    ]
