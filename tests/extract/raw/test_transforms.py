"""Wide to long: the same records of one table, whatever format it comes in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headwater.extract.files.record import Record
from headwater.extract.raw.transforms import transform_function, unpivot
from headwater.metadata.errors import FormatBroken, PublisherError
from tests.support import workbooks
from tests.support.loader import Loader
from tests.support.packages import installing
from tests.support.reading_formats import opened
from tests.support.sources import make_source
from tests.support.work import Counted, work_of

TABLE: list[list[str | None]] = [
    ["id", "USD", "JPY", "CHF"],
    ["1", "10", None, "N/A"],
    ["2", None, "20", "30"],
    [None, None, None, None],
    ["3", None, None, None],
]
NAMED = {"unpivot_keep": "id", "unpivot_name": "currency", "unpivot_value": "rate"}
COLUMNS = ["id", "currency", "rate"]
MAKE: dict[str, Any] = {
    "csv": ("csv", workbooks.csv),
    "xls": ("excel", workbooks.xls),
    "xlsx": ("excel", workbooks.xlsx),
    "ods": ("excel", workbooks.ods),
    "json": (
        "json",
        lambda table: json.dumps(
            [dict(zip(table[0], row, strict=True)) for row in table[1:] if any(row)]
        ).encode(),
    ),
}


def spread(name: str, **options: str) -> list[tuple[str | None, ...]]:
    format_name, make = MAKE[name]
    source = make_source(COLUMNS, options={**NAMED, **options, "format": format_name})
    content = opened(source, make(TABLE))
    return [tuple(record.values) for record in unpivot(source, content.header, content.records(), "f")[1]]


@pytest.mark.parametrize("name", MAKE)
def test_blank_cells_make_no_records_whatever_spells_them(name: str) -> None:
    assert spread(name, unpivot_skip="|N/A") == [
        ("1", "USD", "10"),
        ("2", "JPY", "20"),
        ("2", "CHF", "30"),
    ]


@pytest.mark.parametrize("name", [name for name in MAKE if name != "csv"])
def test_where_blank_cells_are_kept_they_are_null(name: str) -> None:
    found = spread(name, unpivot_skip="N/A")
    assert len(found) == 8
    assert found.count(("3", "USD", None)) == 1


@pytest.mark.parametrize("name", ["csv", "xls", "xlsx", "ods"])
def test_all_formats_have_the_same_counts_in_raw(loader: Loader, name: str) -> None:
    format_name, make = MAKE[name]
    options = {**NAMED, "unpivot_skip": "", "format": format_name}
    source = make_source(COLUMNS, options=options, wrangle_function="unpivot")
    counts = loader.load(source, make([row for row in TABLE if any(row)]), f"rates.{name}")
    assert (counts.parsed, counts.written) == (3, 4)


def test_the_work_grows_with_the_columns_and_not_with_their_square() -> None:
    source = make_source(COLUMNS, options=NAMED)

    def reshape(count: int) -> None:
        header = [Counted("id"), *(Counted(f"c{n}") for n in range(count))]
        list(unpivot(source, header, [Record(2, ["x"] * len(header))], "f")[1])

    assert work_of(reshape, 2000) < 3 * work_of(reshape, 1000)


def test_a_long_header_that_comes_twice_is_told_in_a_few_words() -> None:
    header = ["id", *(f"c{n}" for n in range(1000)), *(f"c{n}" for n in range(1000))]
    with pytest.raises(FormatBroken) as refused:
        unpivot(make_source(COLUMNS, options=NAMED), header, [], "f")
    assert len(str(refused.value)) < 500


def test_a_transform_is_found_by_its_name_built_in_or_of_a_package(tmp_path: Path) -> None:
    assert transform_function(make_source()) is None
    assert transform_function(make_source(wrangle_function="unpivot")) is unpivot
    code = (
        "def shout(source, header, records, file):\n    return [name.upper() for name in header], records\n"
    )
    with pytest.MonkeyPatch.context() as patch, installing(tmp_path / "packages", patch) as install:
        install("shouts", code, transforms={"shout": "shouts:shout", "call": "shouts:call"})
        shout = transform_function(make_source(wrangle_function="shout"))
        assert shout is not None
        assert shout(make_source(), ["a"], [], "f.csv") == (["A"], [])
        with pytest.raises(PublisherError, match=r"^places: wrangle_function 'shouts:call' cannot be used"):
            transform_function(make_source(wrangle_function="call"))
        install("echo", code, transforms={"shout": "echo:shout"})
        with pytest.raises(
            PublisherError, match=r'^places: the transform "shout" is brought by echo 1\.0 and shouts'
        ):
            transform_function(make_source(wrangle_function="shout"))
