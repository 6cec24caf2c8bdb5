"""Objects that are used as maps: `*` in a record path, the names that it passes, and how little memory it takes."""

from __future__ import annotations

import io
import itertools
import json
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import pytest

from headwater.extract.formats.json_file import read_json
from headwater.extract.formats.mapped_paths import Paths
from headwater.extract.formats.record_path import parse_record_path, records_below
from headwater.extract.sources.api.elements import elements_of, empty_document
from tests.support import hostile
from tests.support.loader import Loader
from tests.support.reading_formats import opened, read, refusal, rows
from tests.support.sources import make_source

REGIONS = {
    "regions": {
        "de": {"items": [{"id": 1}, {"id": 2}], "n": 2},
        "fr": {"items": []},
        "it": {"items": [{"id": 3}]},
    },
    "total": 3,
}
ITEMS = [
    {"regions.*": "de", "id": "1"},
    {"regions.*": "de", "id": "2"},
    {"regions.*": "it", "id": "3"},
]


def written(document: Any, format_name: str) -> bytes:
    return json.dumps(document).encode() if format_name == "json" else json.dumps(document).encode() + b"\n"


PATHS: list[tuple[str, Any, Sequence[Mapping[str, str | None]]]] = [
    ("regions.*.items[]", REGIONS, ITEMS),
    ("regions.*.items", REGIONS, ITEMS),
    ("*", {"a": {"n": 1}, "b": {"n": 2}}, [{"*": "a", "n": "1"}, {"*": "b", "n": "2"}]),
    ("*", {"a": [{"n": 1}, {"n": 2}], "b": []}, [{"*": "a", "n": "1"}, {"*": "a", "n": "2"}]),
    ("*[]", {"a": [{"n": 1}]}, [{"*": "a", "n": "1"}]),
    ("rates.*", {"rates": {"EUR": 1.10, "USD": "x", "JPY": None}},
     [{"rates.*": "EUR", ".": "1.1"}, {"rates.*": "USD", ".": "x"}, {"rates.*": "JPY", ".": None}]),
    ("*.*", {"2026": {"EUR": 1}, "2025": {}}, [{"*": "2026", "*.*": "EUR", ".": "1"}]),
    ("*.days.*.slots[]", {"x": {"days": {"mon": {"slots": [{"h": 8}]}, "tue": {}}}, "y": None, "z": {"days": None}},
     [{"*": "x", "*.days.*": "mon", "h": "8"}]),
    ("data[].rates.*", {"data": [{"rates": {"EUR": 1}}, {"rates": {}}, {}]}, [{"data[].rates.*": "EUR", ".": "1"}]),
    ("*", {}, []),
    ("a.*.b", {"a": {}}, []),
]  # fmt: skip


@pytest.mark.parametrize("format_name", ["json", "ndjson"])
@pytest.mark.parametrize("size", [3, 1 << 20])
@pytest.mark.parametrize(
    ("path", "document", "found"), PATHS, ids=[f"{n} {p[0]}" for n, p in enumerate(PATHS)]
)
def test_the_names_of_members_are_columns_of_the_records_below(
    format_name: str, size: int, path: str, document: Any, found: list[dict[str, str | None]]
) -> None:
    header, records = read(format_name, written(document, format_name), size, record_path=path)
    messages = [dict(zip(header, values, strict=True)) for values in records]
    names = dict.fromkeys(name for record in found for name in record)
    assert messages == [{name: record.get(name) for name in names} for record in found]


@pytest.mark.parametrize("name", hostile.params(hostile.NAMES))
def test_a_name_that_is_walked_is_a_value_whatever_it_is(name: str) -> None:
    content = json.dumps({"by_id": {name: {"n": 1}}}).encode()
    assert read("json", content, record_path="by_id.*") == (("by_id.*", "n"), [(name, "1")])


def test_walked_names_are_mapped_or_in_rest_and_go_into_raw(loader: Loader) -> None:
    source = make_source(["regions.*", "id"], options={"format": "json", "record_path": "regions.*.items[]"})
    loader.load(source, json.dumps(REGIONS).encode(), "r.json")
    assert loader.rows("line_number", "regions.*", "id") == [(1, "de", "1"), (2, "de", "2"), (3, "it", "3")]
    unmapped = make_source(["id"], options=dict(source.options))
    assert rows(unmapped, json.dumps(REGIONS).encode())[2].values == ["3", '{"regions.*":"it"}']


def test_what_is_around_a_list_within_a_map_is_there_too() -> None:
    document = {"data": [{"day": "2026-01-01", "rates": {"EUR": 1, "USD": [{"v": 2}]}}]}
    options = {"format": "json", "record_path": "data[].rates.*"}
    source = make_source(["data[].rates.*", ".", "v", "^.day"], options=options, optional=[".", "v"])
    found = opened(source, json.dumps(document).encode())
    assert [dict(zip(found.header, values, strict=True)) for _, values in found.records()] == [
        {"data[].rates.*": "EUR", ".": "1", "^.day": "2026-01-01", "v": None},
        {"data[].rates.*": "USD", ".": None, "^.day": "2026-01-01", "v": "2"},
    ]


@pytest.mark.parametrize(
    ("path", "document", "message"),
    [
        ("*", [1], "f:1: a list, expected an object of records by their names (record_path *)"),
        ("a.*", {"a": 7}, "f:1: the number 7 at a, expected an object of records by their names (record_path a.*)"),
        ("a.*.items[]", {"a": {"x": {}, "y": None}}, "f:1: none of the 2 members of a leads to records (record_path a.*.items[])"),
        ("*.items[]", {"a": {"items": 7}}, "f:1: the number 7 at a.items, expected a list of records (record_path)"),
        ("*.x", {"a": [1]}, "f:1: a list at a, expected an object with the member 'x' (record_path *.x)"),
        ("d[].*", {"d": [3]}, "f:1: the number 3, expected an object of records by their names at 'd[].*' (record_path)"),
        ("*", {"a": {"*": 1}}, "f:1: a member is called '*', which is how the names of members at that place are called (record_path)"),
    ],
)  # fmt: skip
def test_what_is_no_map_is_refused(path: str, document: Any, message: str) -> None:
    assert refusal("json", json.dumps(document).encode(), record_path=path) == message


def test_a_member_twice_is_told_of_few_and_of_very_many() -> None:
    members = ",".join(f'"k{n}":{{"n":1}}' for n in range(30_000))
    assert refusal("json", b'{"a":{},"a":{}}', record_path="*") == (
        "f:1: an object has the member 'a' twice, expected each once"
    )
    assert refusal("json", f'{{{members},"k20000":{{}}}}'.encode(), record_path="*") == (
        "f:1: an object has a member twice, expected each once"
    )
    assert len(read("json", f"{{{members}}}".encode(), record_path="*")[1]) == 30_000


class _Generated(io.RawIOBase):
    """A stream of pieces that nobody holds."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self.count = pieces, 0

    def read(self, _size: int = -1, /) -> bytes:
        piece = next(self._pieces, b"")
        self.count += len(piece)
        return piece


LONG = "x" * 2000


@pytest.mark.parametrize(
    ("path", "begin", "piece", "end"),
    [
        ("*", "{", '"k%d":{"v":"' + LONG + '"}', "}"),
        ("regions.*.items[]", '{"regions":{"all":{"items":[', '{"k":%d,"v":"' + LONG + '"}', "]}}}"),
        ("regions.*.items[]", '{"regions":{', '"r%d":{"items":[{"v":"' + LONG + '"}]}', "}}"),
    ],
)
def test_memory_does_not_grow_with_the_document(path: str, begin: str, piece: str, end: str) -> None:
    """A file of 24 MB is read with a few of them in memory."""
    numbers = itertools.count()
    pieces = (
        (("," if start else "") + ",".join(piece % next(numbers) for _ in range(100))).encode()
        for start in range(120)
    )
    stream = _Generated(itertools.chain([begin.encode()], pieces, [end.encode()]))
    source = make_source(options={"format": "json", "record_path": path})
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_json(source, stream, "f")) == 12_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert stream.count > 24_000_000
    assert peak < 3_000_000


def test_pages_of_an_api_are_counted_by_the_members_of_a_map() -> None:
    steps = parse_record_path("data.*")
    document: Any = {"data": {"a": {"n": "1"}, "b": {"n": "2"}}}
    assert [list(element.records) for element in elements_of(document, steps)] == [
        [{"data.*": "a", "n": "1"}], [{"data.*": "b", "n": "2"}],
    ]  # fmt: skip
    renamed: Any = {"data": {"c": {"n": "1"}, "b": {"n": "2"}}}
    assert elements_of(document, steps)[0].digest != elements_of(renamed, steps)[0].digest
    assert elements_of(empty_document(steps), steps) == []
    assert (
        list(read_json(make_source(options={"record_path": "data.*"}), io.BytesIO(b'{"data":{}}'), "f")) == []
    )


def test_what_is_around_records_is_not_copied_for_each_of_them() -> None:
    parent: Any = {"items": [{} for _ in range(3)], **{str(n): "x" for n in range(10)}}
    first, second, _ = cast("list[dict[str, Any]]", records_below(parent, ("items",)))
    assert first["^"] is second["^"] is parent


def test_members_of_what_is_around_are_looked_up_and_not_gone_through() -> None:
    """A list of many records in an object of many members takes the sum of them, not the product."""
    looked = 0

    class Around(dict[str, Any]):
        def items(self) -> Any:
            nonlocal looked
            looked += len(self)
            return super().items()

    paths = Paths.of(make_source(["id", "^.name"]))
    around = Around({"name": "x", **{str(n): "y" for n in range(1000)}})
    for _ in range(10):
        assert paths.columns({"id": "1", "^": around}) == {"id": "1", "^.name": "x"}
    assert looked == 0
