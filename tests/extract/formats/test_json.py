"""JSON and NDJSON: records by path, columns by path, every value as it was written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.extract.files.text_blocks import BLOCK
from headwater.extract.formats.discovered import Discovered
from headwater.extract.schema.columns import Layout, match_header
from headwater.metadata.errors import FormatBroken
from tests.support.reading_formats import opened, read, refusal, rows
from tests.support.sources import make_source

FORMATS = ("json", "ndjson")


def written(format_name: str, records: list[Any], encoding: str = "utf-8") -> bytes:
    text = (
        "\n".join(json.dumps(r, ensure_ascii=False) for r in records)
        if format_name == "ndjson"
        else json.dumps(records, ensure_ascii=False)
    )
    return text.encode(encoding)


def as_text(value: Any) -> str | None:
    """Return what a column has to hold, said by the json module alone."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", 'ü"\\', ""]), inner, max_size=3)
    ),
    max_leaves=6,
)
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(["p", "q", "r", "^ü", " "]), VALUES, max_size=4), max_size=5
)


@pytest.mark.parametrize("format_name", FORMATS)
@given(records=RECORDS, size=st.integers(1, 200))
def test_records_are_what_the_json_module_reads(format_name: str, records: list[Any], size: int) -> None:
    names = list(dict.fromkeys(name for record in records for name in record))
    header, found = read(format_name, written(format_name, records), size)
    if not names:
        names = list(header)
    assert set(header) == set(names)
    assert found == [tuple(as_text(record.get(name)) for name in header) for record in records]


@pytest.mark.parametrize("format_name", FORMATS)
@given(records=RECORDS)
def test_rest_keeps_every_member_of_every_record(format_name: str, records: list[Any]) -> None:
    kept = rows(
        make_source(["id"], optional=["id"], options={"format": format_name}), written(format_name, records)
    )
    assert [json.loads(row.values[-1] or "") if records and any(records) else {} for row in kept] == records


@pytest.mark.parametrize("format_name", FORMATS)
@given(records=RECORDS)
def test_mapped_members_are_columns_and_the_others_rest(format_name: str, records: list[Any]) -> None:
    source = make_source(["p", "q"], optional=["p", "q"], options={"format": format_name})
    found = opened(source, written(format_name, records))
    assert isinstance(found, Discovered)
    match = match_header(source, found.header)
    layout = Layout.of(source, match)
    names = [found.header[position] for position in layout.positions]
    for record, row in zip(records, found.rows(layout), strict=True):
        assert row.values[: len(names)] == [as_text(record.get(name)) for name in names]
        if layout.rest:
            assert json.loads(row.values[-1] or "") == {
                n: v for n, v in record.items() if n not in ("p", "q")
            }


@pytest.mark.parametrize(
    ("string", "message"), [(r"x\u0000", r"'x\x00' has a NUL"), (r"\ud800", r"'\ud800' has half a character")]
)
def test_what_postgres_cannot_have_is_refused_in_a_mapped_member_too(string: str, message: str) -> None:
    content = f'[{{"id":1,"name":"a"}},{{"id":"{string}","name":null}}]'.encode()
    with pytest.raises(FormatBroken) as refused:
        opened(make_source(options={"format": "json"}), content)
    assert str(refused.value) == f"f: record 2: the string {message}, expected text"


@pytest.mark.parametrize("number", ["1", "-0", "1.10", "0.1e1", "1E+05", "12345678901234567890.10", "1e-7"])
def test_numbers_keep_their_digits(number: str) -> None:
    content = f'[{{"id":{number},"name":[{number}],"x":{{"y":{number}}}}}]'.encode()
    source = make_source(options={"format": "json"})
    assert rows(source, content)[0].values == [number, f"[{number}]", f'{{"x":{{"y":{number}}}}}']


def test_words_are_spelled_as_json_spells_them() -> None:
    assert read("json", b'[{"a":true,"b":false,"c":null,"d":"null","e":""}]') == (
        ("a", "b", "c", "d", "e"),
        [("true", "false", None, "null", "")],
    )


def test_a_member_by_path_is_a_column_and_what_stands_beside_it_another() -> None:
    source = make_source(["id", "address.city", "tags.1"], options={"format": "json"})
    content = b"""[
      {"id": 1, "address": {"city": "Ulm", "zip": "89073"}, "tags": ["x", "y"], "geo": {"lat": 48.40}},
      {"id": 2, "address": null, "tags": []}
    ]"""
    assert opened(source, content).header == (
        "id", "address.city", "address.zip", "tags.0", "tags.1", "geo",
    )  # fmt: skip
    assert rows(source, content) == [
        (1, ["1", "Ulm", "y", '{"address.zip":"89073","tags.0":"x","geo":{"lat":48.40}}']),
        (2, ["2", None, None, "{}"]),
    ]


def test_a_member_whose_own_name_has_a_dot_is_found_too() -> None:
    source = make_source(["id", "address.city"], options={"format": "ndjson"})
    assert rows(source, b'{"id":1,"address.city":"Ulm"}\n{"id":2,"address":{"city":"Bonn"}}\n') == [
        (1, ["1", "Ulm"]), (2, ["2", "Bonn"]),
    ]  # fmt: skip


def test_what_is_no_object_where_a_path_leads_through_goes_to_rest() -> None:
    source = make_source(["id", "address.city"], options={"format": "json"})
    assert rows(source, b'[{"id":1,"address":"Ulm"},{"id":2,"address":{"city":"Bonn"}}]') == [
        (1, ["1", None, '{"address":"Ulm"}']), (2, ["2", "Bonn", "{}"]),
    ]  # fmt: skip


def test_rest_tells_null_from_nothing() -> None:
    source = make_source(["id"], options={"format": "json"})
    assert [row.values[1] for row in rows(source, b'[{"id":1,"x":null},{"id":2},{"id":3,"x":"null"}]')] == [
        '{"x":null}', "{}", '{"x":"null"}',
    ]  # fmt: skip


def test_a_member_that_no_record_has_is_a_missing_column_but_not_of_no_records() -> None:
    source = make_source(options={"format": "json"})
    assert opened(source, b'[{"id":1}]').header == ("id",)
    assert opened(source, b"[]").header == ("id", "name")


PATHS = {
    "": '[{"a":1},{"a":2}]',
    "data": '{"n":2,"data":[{"a":1},{"a":2}],"next":null}',
    "data.items": '{"data":{"x":[[]],"items":[{"a":1},{"a":2}]}}',
    "data.items[]": '{"data":{"items":[{"a":1},{"a":2}]}}',
    "data[].items": '{"data":[{"items":[{"a":1}]},{"items":[]},{},{"items":null},{"items":[{"a":2}]}]}',
    "[].items[]": '[{"items":[{"a":1},{"a":2}]}]',
    "[][]": '[[{"a":1}],[],[{"a":2}]]',
}


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize("path", PATHS)
def test_records_are_where_the_path_leads(path: str, size: int) -> None:
    options = {"record_path": path} if path else {}
    assert read("json", PATHS[path].encode(), size, **options) == (("a",), [("1",), ("2",)])


def test_one_object_may_be_the_record() -> None:
    assert read("json", b'{"a":1}', record_path=".") == (("a",), [("1",)])
    assert read("json", b'{"d":{"a":1}}', record_path="d") == (("a",), [("1",)])


def test_a_record_of_an_inner_list_knows_what_the_list_belongs_to() -> None:
    source = make_source(
        ["id", "^.line", "^.^.net"], options={"format": "json", "record_path": "[].lines[].stops[]"}
    )
    content = b'[{"net":"N","lines":[{"line":7,"colour":"red","stops":[{"id":1,"x":0},{"id":2}]}]}]'
    assert opened(source, content).header == ("id", "x", "^.line", "^.^.net")
    assert rows(source, content) == [(1, ["1", "7", "N", '{"x":0}']), (2, ["2", "7", "N", "{}"])]


def test_each_line_of_ndjson_may_hold_a_list_of_records() -> None:
    content = b'{"page":1,"rows":[{"a":1}]}\n\n{"page":2,"rows":[{"a":2},{"a":3}]}\n'
    assert read("ndjson", content, record_path="rows") == (("a",), [("1",), ("2",), ("3",)])


def test_records_of_several_files_go_on_counting() -> None:
    files = {"p1": b'[{"id":1,"name":"a"}]', "p2": b"[]", "p3": b'[{"id":2,"name":"b"},{"id":3,"x":1}]'}
    assert [(r.line, r.values[0]) for r in rows(make_source(options={"format": "json"}), files)] == [
        (1, "1"), (2, "2"), (3, "3"),
    ]  # fmt: skip


def test_ndjson_goes_by_lines() -> None:
    lines = opened(
        make_source(options={"format": "ndjson"}), b'{"id":1}\r\n \r\n{"id":"\xe2\x80\xa8"}'
    ).records()
    assert [(record.line, record.values) for record in lines] == [(1, ["1"]), (3, ["\u2028"])]


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "utf-32"])
def test_encodings_are_read(format_name: str, encoding: str) -> None:
    content = written(format_name, [{"a": "Zürich"}, {"a": "señal"}], encoding)
    for size in (1, 5, 1 << 20):
        assert read(format_name, content, size, encoding=encoding)[1] == [("Zürich",), ("señal",)]


def test_a_record_longer_than_a_block_is_read_whole() -> None:
    long = "x" * (3 * BLOCK)
    assert read("json", written("json", [{"a": long}, {"a": 1}]))[1] == [(long,), ("1",)]


def test_a_text_in_utf_16_is_told_from_others() -> None:
    assert refusal("ndjson", '{"a":1}'.encode("utf-16")) == (
        "f:1: byte 0xff at offset 0 is not utf-8, but begins a text in utf-16, expected text in that encoding"
        " (source_attribute encoding)"
    )


def test_two_files_that_are_read_at_once_do_not_meet() -> None:
    one, other = (
        opened(make_source(options={"format": "json"}), json.dumps([{"a": n} for n in numbers]).encode())
        for numbers in ((1, 2), (3, 4))
    )
    pairs = zip(one.records(), other.records(), strict=True)
    assert [(left.values, right.values) for left, right in pairs] == [(["1"], ["3"]), (["2"], ["4"])]
