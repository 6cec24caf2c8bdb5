"""Flat records that a pattern finds are what decoding makes of them, errors included."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.extract.formats.flat_record import LONGEST, MOST_SHAPES, Flat, Shapes
from headwater.metadata.errors import FormatBroken
from tests.support.reading_formats import opened, rows
from tests.support.sources import make_source

SPACE = st.sampled_from(["", " ", "\t", "  "])
GOOD = [
    '""', '"a"', '"null"', '"true"', '"Ærø"', r'"a\"b"', r'"\\"', r'"\u00fc"', r'"\ud83d\ude00"', r'"\/\b\n\t"', '"a\x7f"',
    '"\u2028"', '"a,b}"', "0", "-0", "1.10", "-12.5", "1e5", "1E+05", "12345678901234567890.10", "true", "false", "null",
    "[]", "{}", '{"a":1}', "[1,null]",
]  # fmt: skip
BAD = [
    "01", "1.", ".5", "-", "+1", "1.2.3", "1e", "nul", "True", "NaN", "'a'", '"a', '"a\tb"', r'"\x"', r'"\u00g0"',
    r'"\u0000"', r'"\ud800"', "", "1 2", '"a""b"', "1" * 1001, "1e99999",
]  # fmt: skip
NAMES = ['"a"', '"b"', '"c d"', '"é"', '""', r'"\u0061"', '"x.y"']


def record(values: list[str]) -> st.SearchStrategy[str]:
    member = st.tuples(st.sampled_from(NAMES), SPACE, SPACE, st.sampled_from(values), SPACE, SPACE)
    written = member.map(lambda m: f"{m[1]}{m[0]}{m[2]}:{m[4]}{m[3]}{m[5]}")
    return st.lists(written, max_size=4).map(lambda members: "{" + ",".join(members) + "}")


RECORDS = st.lists(
    st.one_of(
        st.sampled_from(['{"a":1,"b":"x"}', '{"a": "y" ,"b":null}', '{"b":1}', '{"a":1,"b":"x"}x']),
        record(GOOD),
        record(GOOD + BAD),
    ),
    max_size=8,
)
MAPPED = {"nothing": ["id"], "members": ["a", "b"], "members of members": ["a", "a.x", "x.y"]}


def outcome(read: Callable[[], object]) -> object:
    try:
        return read()
    except FormatBroken as error:
        return str(error)


@pytest.mark.parametrize("mapped", MAPPED.values(), ids=list(MAPPED))
@pytest.mark.parametrize("format_name", ["json", "ndjson"])
@given(records=RECORDS)
def test_a_pattern_and_the_decoder_make_the_same_of_any_text(
    mapped: list[str], format_name: str, records: list[str]
) -> None:
    source = make_source(mapped, optional=mapped, options={"format": format_name})
    text = ("\n".join(records) if format_name == "ndjson" else "[" + ",".join(records) + "]").encode()

    def read() -> object:
        content = opened(source, text)
        return tuple(content.header), list(content.records()), rows(source, text)

    by_pattern = outcome(read)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shapes, "match", lambda *_: None)
        assert by_pattern == outcome(read)


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_records_like_the_first_are_not_decoded(indent: int | None, ensure_ascii: bool) -> None:
    first: dict[str, Any] = {"id": 1, "name": "Ærø", "share": 1.5, "is_open": True, "note": None}
    shapes = Shapes()
    shapes.learn(first)
    text = json.dumps({**first, "id": 20, "name": 'a "b"'}, indent=indent, ensure_ascii=ensure_ascii)
    values = ("20", r'"a \"b\""', "1.5", "true", "null")
    assert shapes.match(text + ",", 0) == (Flat(tuple(first), values, len(text)), len(text))
    assert Flat(tuple(first), values, 0).decoded() == {**first, "id": "20", "name": 'a "b"', "share": "1.5"}


def test_records_of_several_shapes_by_turns_are_not_decoded() -> None:
    shapes = Shapes()
    for name in "abc":
        shapes.learn({name: "x"})
    for name in "abcabc":
        assert shapes.match(f'{{"{name}":1}}') == (Flat((name,), ("1",), 7), 7)
    assert shapes.match('{"d":1}') is None


def test_no_more_shapes_are_learned_than_are_worth_a_look() -> None:
    shapes = Shapes()
    for number in range(MOST_SHAPES + 1):
        shapes.learn({str(number): "x"})
    assert [shapes.match(f'{{"{n}":1}}') is None for n in (0, MOST_SHAPES - 1, MOST_SHAPES)] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("value", [[], {}, ["a"]])
def test_what_holds_others_is_not_flat(value: object) -> None:
    shapes = Shapes()
    shapes.learn({"a": "x", "b": value})  # type: ignore[dict-item]
    assert shapes.match('{"a":"x","b":1}') is None


def test_a_long_record_is_decoded() -> None:
    shapes = Shapes()
    shapes.learn({"a": "x"})
    assert shapes.match('{"a":"' + "x" * LONGEST + '"}') is None
    assert shapes.match('{"a":"' + "x" * (LONGEST - 100) + '"}') is not None


@pytest.mark.parametrize(
    "text", ['{"a":"' + "\\" * 100_001 + '"}', '{"a"' + " " * 100_000, '{"a":' + "1" * 100_000]
)
def test_a_text_that_matches_nearly_takes_no_longer_for_it(text: str) -> None:
    shapes = Shapes()
    shapes.learn({"a": "x"})
    assert shapes.match(text) is None
