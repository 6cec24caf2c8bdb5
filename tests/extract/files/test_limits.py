"""Limits for what becomes of the bytes that landed, over all stages and formats, and how long a value may be."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from headwater.extract.files.limits import LARGEST_RECORD, SMALL, Expansion, Limits
from headwater.extract.formats import xlsx_sheet
from headwater.extract.formats.copy_file import lines_of
from headwater.metadata.errors import FormatBroken
from tests.conftest import PROJECT
from tests.support.hostile_files import FILES
from tests.support.loader import Loader
from tests.support.reading_formats import read, refusal
from tests.support.sources import make_source
from tests.support.workbooks import ods, xls, xlsx

SPARE_MIB = 384  # what reading any of them may take, beside the libraries


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """The message about each hostile file of a process that has little memory, and how many bytes landed."""
    folder = tmp_path_factory.mktemp("hostile")
    sizes = {name: (folder / name).write_bytes(file.make()) for name, file in FILES.items()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.hostile_files", str(folder), str(SPARE_MIB)],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {name: (message, sizes[name]) for name, message in json.loads(done.stdout).items()}


@pytest.mark.parametrize("name", FILES)
def test_what_becomes_too_much_is_refused_in_little_memory(
    refusals: dict[str, tuple[str, int]], name: str
) -> None:
    message, landed = refusals[name]
    assert message.startswith(FILES[name].message.replace("{landed}", str(landed)))


def test_most_is_a_ratio_of_what_landed_and_never_less_than_a_small_file() -> None:
    limits = Limits(max_unpacked_mib=1000, max_unpacked_ratio=10)
    assert [limits.most_of(packed) for packed in (1, 10 << 20, 1 << 30)] == [SMALL, 100 << 20, 1000 << 20]


def test_stages_are_counted_apart_and_each_over_all_files() -> None:
    expansion = Expansion(Limits(max_unpacked_mib=1), 100)
    for file in ("a", "b"):
        expansion.unpack("one", 500_000, file)
        expansion.unpack("other", 500_000, file)
    with pytest.raises(FormatBroken, match=r"^c: unpacks from 100 to 1100000 bytes, expected at most 1 MiB"):
        expansion.unpack("other", 100_000, "c")


LONG = "x" * (1 << 20) + "y"
TABLE = [["id", "name"], ["1", "a"], ["2", LONG]]


def json_of(table: list[list[str]]) -> list[dict[str, str]]:
    return [dict(zip(table[0], row, strict=True)) for row in table[1:]]


@pytest.mark.parametrize(
    ("format_name", "content", "line", "options"),
    [
        ("csv", "\n".join(map(",".join, TABLE)).encode(), 3, {}),
        ("csv", f'id,name\n1,"a"\n2,"{LONG}"\n'.encode(), 3, {}),
        ("fixed_width", "\n".join(map(" ".join, TABLE[1:])).encode(), 2, {"fixed_columns": "id:1|name:3-"}),
        ("copy_text", lines_of(list(zip(*TABLE, strict=True))), 3, {}),
        ("json", json.dumps(json_of(TABLE)).encode(), 2, {}),
        ("ndjson", "\n".join(map(json.dumps, json_of(TABLE))).encode(), 2, {}),
        ("xml", f"<d><r><id>1</id></r><r><name>{LONG}</name></r></d>".encode(), 2, {"record_path": "d.r"}),
    ],
)  # fmt: skip
def test_a_value_that_is_too_long_is_told_by_line_and_column(
    format_name: str, content: bytes, line: int, options: dict[str, str]
) -> None:
    assert refusal(format_name, content, max_value_mib="1", **options) == (
        f"f:{line}: a value of 1048577 characters in column 'name', expected at most 1048576 (max_value_mib 1)"
    )
    assert len(read(format_name, content, 1 << 20, max_value_mib="2", **options)[1]) == 2


def test_it_is_told_on_the_fast_way_into_raw_too(loader: Loader) -> None:
    content = "\n".join(map(",".join, TABLE)).encode()
    with pytest.raises(FormatBroken, match=r"places\.csv:3: a value of 1048577 characters in column 'name'"):
        loader.load(make_source(options={"max_value_mib": "1"}), content)
    loader.load(make_source(options={"max_value_mib": "2"}), content, "again.csv")
    assert loader.query("select max(length(name)) from raw.places") == [(len(LONG),)]


def test_a_record_is_no_larger_than_postgres_takes() -> None:
    limits, values = Limits(), ["x" * (1 << 20)] * 100
    message = f"f:7: a record of {100 << 20} characters, expected at most {LARGEST_RECORD} in all its values"
    with pytest.raises(FormatBroken) as refused:
        limits.require_record(values, [str(n) for n in range(100)], "f", 7)
    assert str(refused.value) == message


def test_what_unpivot_repeats_is_held_against_what_landed(loader: Loader) -> None:
    """A kept value of a megabyte stands before each of a thousand others."""
    columns = [f"c{n}" for n in range(1000)]
    content = f"id,{','.join(columns)}\n{'x' * 100_000},{','.join('1' for _ in columns)}\n".encode()
    options = {
        "unpivot_keep": "id", "unpivot_name": "name", "unpivot_value": "value", "max_unpacked_ratio": "1",
    }  # fmt: skip
    source = make_source(["id", "name", "value"], options=options, wrangle_function="unpivot")
    with pytest.raises(
        FormatBroken, match=r"^places\.csv:2: gives 67\d{6} characters of values of \d+ bytes"
    ):
        loader.load(source, content)


def test_rows_of_a_sheet_end_where_sheets_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_sheet, "MOST_ROWS", 3)
    assert len(read("excel", xlsx([["id"], ["1"], ["2"]]))[1]) == 2
    assert refusal("excel", xlsx([["id"], ["1"], ["2"], ["3"]])) == (
        "f: more than 3 rows or 16384 columns, expected no more"
    )


@pytest.mark.parametrize("make", [xls, xlsx, ods])
def test_workbooks_as_they_should_be_are_read(make: Any) -> None:
    table = [["id", "name"], *([str(n), f"Ulm {n}"] for n in range(50))]
    assert read("excel", make(table))[1] == [tuple(row) for row in table[1:]]
