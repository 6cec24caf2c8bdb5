"""Parameters of a check: what a cell says, how it is written, and what is told of one that cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.metadata.static.check_parameters import ParametersError, parse_parameters, write_parameters

READ: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("min=-90 max=90", {"min": -90, "max": 90}),
    ("  mostly=0.95\n strict_min=true ", {"mostly": 0.95, "strict_min": True}),
    ("min=1999-01-04", {"min": "1999-01-04"}),
    ("values=EWR|JFK|LGA", {"values": ["EWR", "JFK", "LGA"]}),
    ("values=1|2|'3'|004", {"values": [1, 2, "3", "004"]}),
    ("values=one", {"values": ["one"]}),
    ("values='two words'|''|a=b|'a|b'", {"values": ["two words", "", "a=b", "a|b"]}),
    ("value_set=[1,2] mostly=1", {"value_set": [1, 2], "mostly": 1}),
    (r"pattern=^\d+=(a|b){2}$", {"pattern": r"^\d+=(a|b){2}$"}),
    ("pattern=[0-9]", {"pattern": "[0-9]"}),
    ("pattern=007", {"pattern": "007"}),
    (r"pattern='^it''s \d$' mostly=1", {"pattern": r"^it's \d$", "mostly": 1}),
    ('pattern="it\'s ""so"""', {"pattern": 'it\'s "so"'}),
    ("regex_list='^a b'|^c", {"regex_list": ["^a b", "^c"]}),
    ('quantile_ranges={"quantiles": [0.1, 0.5]}', {"quantile_ranges": {"quantiles": [0.1, 0.5]}}),
]


@pytest.mark.parametrize(("cell", "parameters"), READ)
def test_a_cell_is_read_as_it_is_meant_and_written_so_that_it_is_read_again(
    cell: str, parameters: dict[str, Any]
) -> None:
    assert parse_parameters(cell) == parameters
    assert parse_parameters(write_parameters(parameters)) == parameters


@pytest.mark.parametrize(
    "value",
    ["", " ", "true", "1e3", "-0", "a b", "it's", '"', "'", "''\"", "[x]", "{", "a|b", "=", "x=1 y=2", "\\", "a\nb"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["pattern", "prefix", "values"])
def test_any_text_can_be_said(name: str, value: str) -> None:
    parameters = {name: [value, "x"] if name == "values" else value, "last": 1}
    assert parse_parameters(write_parameters(parameters)) == parameters


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("90", '"90" is no name=value, expected name=value with blanks between, such as'),
        ("min = 3", '"min" is no name=value, expected name=value with blanks'),
        ("min= max=3", "min has no value, expected min=value, or min='' for an empty text"),
        ("min=1 min=2", "min stands twice, expected each parameter once"),
        ("pattern='a b", "pattern has a quote that nothing closes: 'a b, expected a closing quote"),
        ("pattern='a'b max=1", "pattern goes on after its value: b, expected a blank before the next parameter"),
        ("values=a||b", "values has a blank in its list, expected '' for an empty text"),
        ("bins=[1,", "bins is not JSON: [1,, expected JSON, or the text in quotes"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_gets_its_message(cell: str, message: str) -> None:
    with pytest.raises(ParametersError) as raised:
        parse_parameters(cell)
    assert str(raised.value).startswith(message)
