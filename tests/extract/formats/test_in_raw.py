"""Formats in raw: what a file of each becomes there, by way of S3 and COPY."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from headwater.extract.files.record import Record
from headwater.extract.raw.load import Counts
from headwater.extract.raw.pending import load_pending
from headwater.metadata.errors import ColumnsBroken, FormatBroken
from headwater.metadata.static.model import Source
from tests.extract.formats.test_excel import xlsx
from tests.extract.formats.test_parquet import parquet
from tests.extract.raw.test_broken_files import damaged, zipped
from tests.support.loader import Loader
from tests.support.sources import make_source

JSON = {"format": "json"}


def test_json_becomes_rows_and_rest_keeps_its_types(loader: Loader) -> None:
    content = b'[{"id":1,"name":"U\\u001flm\\n","n":1.10,"x":{"y":[null,true]}},{"id":2,"z":null}]'
    assert loader.load(make_source(options=JSON), content, "places.json") == Counts(parsed=2, written=2)
    assert loader.rows("line_number", "id", "name", "_rest::text") == [
        (1, "1", "U\x1flm\n", '{"n": 1.10, "x": {"y": [null, true]}}'),
        (2, "2", None, '{"z": null}'),
    ]


def test_pages_in_a_zip_are_one_delivery_in_the_order_of_their_names(loader: Loader) -> None:
    source = make_source(["id", "a.b"], options={**JSON, "record_path": "items", "zip_members": "all"})
    pages = {
        "page-000002.json": b'{"items":[{"id":3,"new":1}]}',
        "page-000001.json": b'{"items":[{"id":1,"a":{"b":"x"}},{"id":2,"a":{}}]}',
        "page-000003.json": b'{"items":[]}',
    }
    assert loader.load(source, zipped(pages), "pages.zip") == Counts(parsed=3, written=3)
    assert loader.rows("line_number", "id", "a.b", "_rest") == [
        (1, "1", "x", {}), (2, "2", None, {}), (3, "3", None, {"new": 1}),
    ]  # fmt: skip
    assert loader.query("select column_names from metadata.delivery_header") == [(["id", "a.b", "new"],)]


def test_files_of_csv_in_a_zip_are_one_delivery_if_their_headers_agree(loader: Loader) -> None:
    source = make_source(options={"zip_members": "all", "zip_member": r"\.csv$"})
    files = {"b.csv": b"id,name\n3,c\n", "a.csv": b'id,name\n1,"a\nx"\n2,b\n', "readme.txt": b"hello"}
    assert loader.load(source, zipped(files), "places.zip") == Counts(parsed=3, written=3)
    assert loader.rows("line_number", "id") == [(2, "1"), (4, "2"), (6, "3")]
    with pytest.raises(FormatBroken) as refused:
        loader.load(source, zipped({**files, "b.csv": b"id,nom\n3,c\n"}), "places-2.zip")
    assert str(refused.value) == (
        "places-2.zip/b.csv:1: its columns are 'id', 'nom', expected 'id', 'name' as in places-2.zip/a.csv"
    )


BROKEN: list[tuple[str, dict[str, str], bytes, str]] = [
    (
        "pages.zip",
        {**JSON, "zip_members": "all"},
        zipped({"p1.json": b'[{"id":1}]', "p2.json": b'[{"id":1},\n{"id":]'}),
        "pages.zip/p2.json:2: not well-formed JSON: expecting value",
    ),
    (
        "damaged.zip",
        {**JSON, "zip_members": "all"},
        damaged(zipped({"p1.json": json.dumps([{"id": n * n, "name": "x"} for n in range(1000)]).encode()})),
        "damaged.zip/p1.json: damaged in the ZIP (Error -3 while decompressing data: invalid distance too far back)",
    ),
    (
        "nothing.zip",
        {**JSON, "zip_members": "all", "zip_member": "json$"},
        zipped({"p1.csv": b""}),
        "nothing.zip: the ZIP holds p1.csv, expected at least one that matches json$ (zip_member)",
    ),
    (
        "slip.zip",
        JSON,
        zipped({"../../p1.json": b"[]"}),
        "slip.zip: the ZIP holds '../../p1.json', expected names that do not lead out of it",
    ),
    (
        "bomb.zip",
        {**JSON, "zip_members": "all", "max_unpacked_mib": "1"},
        zipped({f"p{n}.json": b" " * 400_000 for n in range(3)}),
        "bomb.zip: unpacks from 1510 to 1200000 bytes, expected at most 1 MiB (max_unpacked_mib)"
        " and 500 times its packed size (max_unpacked_ratio)",
    ),
    (
        "other.json",
        JSON,
        b'[{"key":1,"title":"x"}]',
        "other.json: none of the columns of places is in the header, which reads 'key', 'title':"
        " expected records that have them (record_path)",
    ),
]


@pytest.mark.parametrize(("name", "options", "content", "message"), BROKEN, ids=[case[0] for case in BROKEN])
def test_what_is_broken_leaves_nothing_in_raw(
    loader: Loader, name: str, options: dict[str, str], content: bytes, message: str
) -> None:
    source = make_source(options=options)
    loader.land(source, content, name)
    messages: list[Any] = []
    summary = load_pending(
        loader.engine, loader.store, source, loader.job_inst_id, lambda *a, **_: messages.append(a)
    )
    [(_, check, why)] = summary.refused
    assert why.startswith(message)
    assert check in ("format", "key_columns")
    assert loader.query("select to_regclass('raw.places')") == [(None,)]


def test_a_member_that_all_records_lack_halts_as_a_missing_column(loader: Loader) -> None:
    with pytest.raises(ColumnsBroken, match=r"'name' is missing.* Without an attribute: 'nom'"):
        loader.load(make_source(options=JSON), b'[{"id":1,"nom":"Ulm"},{"id":2}]', "places.json")


def test_records_of_json_can_be_unpivoted(loader: Loader) -> None:
    source = make_source(
        ["day", "currency", "rate"],
        wrangle_function="unpivot",
        options={**JSON, "unpivot_keep": "day", "unpivot_name": "currency", "unpivot_value": "rate"},
    )
    counts = loader.load(
        source, b'[{"day":"2026-01-02","USD":1.10,"JPY":"160"},{"day":"x","JPY":null}]', "r.json"
    )
    assert counts == Counts(parsed=2, written=4)
    assert loader.rows("day", "currency", "rate") == [
        ("2026-01-02", "USD", "1.10"), ("2026-01-02", "JPY", "160"), ("x", "USD", None), ("x", "JPY", None),
    ]  # fmt: skip


NUL_IN_HEADER: dict[str, tuple[str, dict[str, str], bytes, str]] = {
    "workbook": (
        "places.xlsx", {"format": "excel"}, xlsx({"s": [["id", "name_x0000_"], [1, "Ulm"]]}),
        r"places.xlsx:1: the name 'name\x00' of column 2 has a NUL or half a character, expected text: once the",
    ),
    "workbook without its key": (
        "places.xlsx", {"format": "excel"}, xlsx({"s": [["id_x0000_", "name"], [1, "Ulm"]]}),
        r"places.xlsx:1: the name 'id\x00' of column 1 has a NUL",
    ),
    "workbook without records": (
        "places.xlsx", {"format": "excel"}, xlsx({"s": [["id", "name", "x_x0000_"]]}),
        r"places.xlsx:1: the name 'x\x00' of column 3 has a NUL",
    ),
    "parquet": (
        "p.parquet", {"format": "parquet"}, parquet({"id": pa.array([1]), "name": pa.array(["x"]), "a\0": pa.array([1])}),
        r"p.parquet: the name 'a\x00' of column 3 has a NUL",
    ),
    "JSON": ("p.json", JSON, b'[{"id":1,"name":"x","a\\u0000":1}]', r"p.json: record 1: the string 'a\x00' has a NUL"),
    "JSON below": (
        "p.json", JSON, b'[{"id":1,"name":"x","a":{"b":[{"c\\u0000":1}]}}]',
        r"p.json: record 1: the string 'c\x00' has a NUL",
    ),
    "NDJSON, half a character": (
        "p.ndjson", {"format": "ndjson"}, b'{"id":1,"name":"x","a\\ud800":1}', r"the string 'a\ud800' has half a character",
    ),
    "CSV": ("p.csv", {}, b"id,name,a\0\n1,x,y\n", "p.csv:1: a NUL byte, expected text"),
    "UTF-16": ("p.csv", {"encoding": "utf-16"}, "id,name,a\0\n1,x,y\n".encode("utf-16"), "p.csv:1: a NUL byte"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "options", "content", "why"), NUL_IN_HEADER.values(), ids=NUL_IN_HEADER)
def test_a_name_of_a_column_that_no_table_can_hold_halts_its_delivery_alone(
    loader: Loader, name: str, options: dict[str, str], content: bytes, why: str
) -> None:
    source = make_source(options=options)
    loader.land(source, content, name)
    loader.land(make_source(), b"", "later.csv")
    loads = load_pending(loader.engine, loader.store, source, loader.job_inst_id, lambda *_, **__: None)
    refused = {delivery.publisher_name: (check, message) for delivery, check, message in loads.refused}
    assert loads.failed == []
    check, message = refused[name]
    assert check == "format"
    assert message.startswith(name)
    assert why in message
    assert loader.query("select event, why from metadata.delivery_event where delivery_sqn = 1") == [
        ("halted", message)
    ]
    again = load_pending(loader.engine, loader.store, source, loader.job_inst_id, lambda *_, **__: None)
    assert (again.refused, again.failed) == ([], [])


def with_nul_in_header(
    _source: Source, _header: Sequence[str], records: Iterable[Record], _file: str
) -> tuple[Sequence[str], Iterable[Record]]:
    """A wrangle function as a user may write one."""
    return ("id", "name", "a\0"), (Record(line, [*values, "x"]) for line, values in records)


def with_nul_in_value(
    _source: Source, header: Sequence[str], records: Iterable[Record], _file: str
) -> tuple[Sequence[str], Iterable[Record]]:
    """Another one."""
    return header, (Record(line, [*values[:-1], "a\0b"]) for line, values in records)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (with_nul_in_header, r"places.csv:1: the name 'a\x00' of column 3 has a NUL or half a character"),
        (
            with_nul_in_value,
            r"places.csv:2: 'a\x00b' in column 'name' has a NUL or half a character, expected text",
        ),
    ],
)
def test_what_a_wrangle_function_makes_is_checked_as_what_a_file_has(
    loader: Loader, function: Callable[..., Any], why: str
) -> None:
    source = make_source(wrangle_function=f"{__name__}:{function.__name__}")
    loader.land(source, b"id,name\n1,Ulm\n")
    loads = load_pending(loader.engine, loader.store, source, loader.job_inst_id, lambda *_, **__: None)
    [(_, check, message)] = loads.refused
    assert (check, message.startswith(why)) == ("format", True)
