"""The walk of the documentation through the models of a source: every command of it, one after the other."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.project import Project
from tests.macros.history_bench import Shape, assert_equals_oracle
from tests.pipeline.by_hand import typed
from tests.pipeline.project import make_project
from tests.support.history_oracle import Delivery
from tests.support.pages import fragments_of

SHAPE = Shape(
    {"library": "varchar(3)"},
    {
        "name": "text", "district": "text", "opened_date": "date", "seats": "integer", "opened_decade": "integer",
        "river_bank": "text",
    },
    {},
)  # fmt: skip
CENTRAL = ("Central Library", "Old Town", dt.date(1954, 5, 1))
NORTHGATE = ("Northgate", "Northgate", dt.date(1988, 9, 12), 60, 1980, "right")
SOUTHBANK = ("Southbank", "Old Town", dt.date(2026, 1, 31), 80, 2020, "left")


def delivery(month: int, day: int, rows: dict[str, tuple[object, ...]]) -> Delivery:
    """Return a delivery of libraries without the rows that the filter leaves out."""
    moment = dt.datetime(2026, month, day, tzinfo=dt.UTC)
    keyed = {(library,): row for library, row in rows.items()}
    return Delivery(f"libraries-{moment:%Y-%m-%d}.csv", moment, "snapshot", keyed)


@pytest.mark.usefixtures("store")
def test_the_walk_through_the_models_of_a_source_ends_with_the_history_of_the_oracle(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_project(tmp_path / "town", seeds={}, marts={})
    project = Project(root, tmp_path / "home")
    monkeypatch.chdir(root)
    monkeypatch.setenv("TOWN_FILES", str(root / ".headwater" / "town_files"))
    for fragment in fragments_of("how-to/add-a-source"):
        if "headwater generate" in fragment or not fragment.startswith((".venv", "(eval")):
            typed(fragment, project)
    typed("headwater run libraries", project)

    printed = {fragment: typed(fragment, project) for fragment in fragments_of("how-to/work-on-models")}

    refused = printed['headwater run libraries || echo "exit code $?"']  # the second of two: of other words
    assert "Definition changed" in refused
    assert "headwater accept-definition libraries" in refused
    assert "left out" in printed["headwater deliveries libraries"]
    assert "a_library_is_of_the_decade" in "".join(printed.values())
    january = delivery(1, 5, {"L01": (*CENTRAL, 420, 1950, "left"), "L02": NORTHGATE})
    february = delivery(2, 2, {"L01": (*CENTRAL, 400, 1950, "left"), "L02": NORTHGATE, "L04": SOUTHBANK})
    assert_equals_oracle(database, "libraries", SHAPE, [january, february])
    with database.connect() as connection:
        lines = connection.execute(
            sa.text("select library, file_line from historical.libraries where valid_to is null")
        )
        banks = connection.execute(sa.text("select * from marts.libraries_by_bank order by 1"))
        assert sorted(map(tuple, lines)) == [("L01", 2), ("L02", 3), ("L04", 4)]
        assert list(map(tuple, banks)) == [("left", 2), ("right", 1)]
