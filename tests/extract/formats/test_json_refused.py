"""JSON and NDJSON that are refused: by line, reason and what was expected."""

from __future__ import annotations

import json

import pytest

from headwater.metadata import redaction
from tests.support.reading_formats import opened, refusal
from tests.support.sources import make_source

REFUSED: list[tuple[str, str, dict[str, str], str]] = [
    ("json", "", {}, "f:1: empty, expected a JSON document"),
    (
        "json",
        '[{"a":1},\n{"a":2}',
        {},
        ("f:2: not well-formed JSON: the end of the file, expected a comma or the end of the list"),
    ),
    ("json", '[{"a":1},\n{"a":"x', {}, "f:2: cut off: the file ends in the value that begins here"),
    (
        "json",
        '[{"a":1}\n{"a":2}]',
        {},
        "f:2: not well-formed JSON: an object, expected a comma or the end of the list",
    ),
    ("json", "[{'a':1}]", {}, "f:1: not well-formed JSON: expecting property name enclosed in double quotes"),
    ("json", '[{"a":1},]', {}, "f:1: not well-formed JSON: expecting value"),
    ("json", '[{"a":01}]', {}, "f:1: not well-formed JSON: expecting ',' delimiter"),
    ("json", '[{"a":NaN}]', {}, "f:1: NaN is not a value of JSON, expected a number or null"),
    ("json", '[{"a":1,\n"a":2}]', {}, "f:1: an object has the member 'a' twice, expected each once"),
    (
        "json",
        '[{"a":1}]\n[]',
        {},
        (
            "f:2: not well-formed JSON: a list, expected the end of the document (format ndjson "
            "reads one document a line)"
        ),
    ),
    (
        "json",
        '{"a":1}\n',
        {},
        (
            "f:1: an object, expected a list of records: its members are 'a' (record_path says "
            "where the records are, `.` that the whole document is one)"
        ),
    ),
    (
        "json",
        '{"data":[]}',
        {"record_path": "rows"},
        "f:1: no member 'rows', expected the records there (record_path rows); there is 'data'",
    ),
    (
        "json",
        '{"data":{"x":1}}',
        {"record_path": "data.rows"},
        ("f:1: no member 'rows' in data, expected the records there (record_path data.rows); there is 'x'"),
    ),
    (
        "json",
        '{"data":null}',
        {"record_path": "data"},
        "f:1: null at data, expected a list of records (record_path)",
    ),
    (
        "json",
        "[1]",
        {"record_path": "data"},
        "f:1: a list, expected an object with the member 'data' (record_path data)",
    ),
    ("json", '[{"a":1},[1]]', {}, "f: record 2: a list, expected an object with the columns as its members"),
    (
        "json",
        '[{"a":1},7]',
        {},
        "f: record 2: the number 7, expected an object with the columns as its members",
    ),
    ("json", '[{"a":"x\\u0000"}]', {}, "f: record 1: the string 'x\\x00' has a NUL, expected text"),
    (
        "json",
        '[{"a":["\\ud800"]}]',
        {},
        "f: record 1: the string '\\ud800' has half a character, expected text",
    ),
    ("json", '[{"a":1e99999}]', {}, "f:1: the number 1e99999, expected an exponent of 9999 at most"),
    (
        "json",
        '[{"a":' + "[" * 150 + "]" * 150 + "}]",
        {},
        "f:1: objects and lists inside one another, more than 100 deep (max_nesting)",
    ),
    (
        "json",
        "[" * 100_000,
        {},
        "f:1: objects and lists inside one another, more than 100 deep (max_nesting)",
    ),
    (
        "json",
        '{"a":' + "[" * 100_000,
        {"record_path": "b"},
        "f:1: objects and lists inside one another, more than 100 deep (max_nesting)",
    ),
    (
        "json",
        "<html><title>Sorry</title>",
        {},
        (
            "f: got an HTML page ('Sorry'), expected JSON: once the publisher has mended it, the "
            "next run takes it"
        ),
    ),
    (
        "ndjson",
        '{"a":1}\n{"a":2',
        {},
        ("f:2: not well-formed JSON: expecting ',' delimiter at character 7, expected one document a line"),
    ),
    (
        "ndjson",
        '{"a":1}\n{"a":2} {"a":3}',
        {},
        ("f:2: not well-formed JSON: more after the value, at character 9, expected one document a line"),
    ),
    (
        "ndjson",
        '[\n{"a":1}\n]',
        {},
        ("f:1: not well-formed JSON: expecting value at character 2, expected one document a line"),
    ),
    ("ndjson", '{"a":1}\n[2]', {}, "f:2: a list, expected an object with the columns as its members"),
    ("ndjson", "{}\n" + "[" * 100_000, {}, "f:2: nested more than 100 deep (max_nesting)"),
    ("ndjson", '{"a":{"b":{}}}', {"max_nesting": "2"}, "f:1: nested more than 2 deep (max_nesting)"),
]


@pytest.mark.parametrize(("format_name", "content", "options", "message"), REFUSED)
def test_what_is_broken_is_refused_by_line_and_reason(
    format_name: str, content: str, options: dict[str, str], message: str
) -> None:
    assert refusal(format_name, content.encode(), **options) == message


def test_an_undecodable_byte_is_refused_by_line() -> None:
    assert refusal("json", b'[{"a":1},\n{"a":"K\xf6ln"}]') == (
        "f:2: byte 0xf6 at offset 17 is not utf-8, expected text in that encoding (source_attribute encoding)"
    )


def test_where_records_are_not_the_line_is_that_of_what_is_there() -> None:
    content = b'{"meta": {},\n"data": {"x": 1,\n"y": []\n}}'
    assert refusal("json", content, record_path="data[]").startswith(
        "f:2: an object at data, expected a list"
    )
    assert refusal("json", content, record_path="data.z").startswith("f:2: no member 'z' in data")


def test_two_members_of_one_column_are_refused() -> None:
    with pytest.raises(Exception, match=r"f: record 1: two members make the column 'b.c', expected one"):
        opened(make_source(["b.c"], options={"format": "json"}), b'[{"b.c":1,"b":{"c":2}}]')


def test_members_without_end_are_refused() -> None:
    content = json.dumps([{f"m{number}": 1} for number in range(6000)]).encode()
    assert refusal("json", content) == (
        "f: record 5001: more than 5000 different members by now, expected records that are "
        "alike (record_path)"
    )


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":"%s\\u0000"}]', '[{"a":"%s\\ud800"}]', '[{"a":tru%s}]', '[{"a":1%s}]', "{'%s': 1}", '[{"%s":1,"%s":2}]',
    ],
)  # fmt: skip
def test_a_message_shows_no_half_of_a_secret(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", redaction.Secrets())
    redaction.register("Pl4nted-" + "x" * 60)
    broken = text.replace("%s", "y" * 30 + "Pl4nted-" + "x" * 60)
    assert "Pl4" not in refusal("json", broken.encode())
