"""Names and values in the SQL of macros: Postgres reads exactly them, as what `headwater.metadata.sql_text` makes."""

from __future__ import annotations

import re

import pytest

from headwater.metadata.process.tables import delivery, delivery_event, delivery_status, quarantined_row
from headwater.metadata.sql_text import sql_identifier, sql_literal
from headwater.metadata.static.naming import RESERVED_TARGETS, SQL_WORDS
from tests.conftest import PROJECT
from tests.macros.conftest import HistoryLab
from tests.macros.history_bench import Shape, delta, snapshot
from tests.support.history_oracle import Policy
from tests.support.hostile import NAMES, VALUES, params

SHORT = {entry: value for entry, value in VALUES.items() if len(value) < 1_000}
# what the SQL of macros, and tables that it reads, call something, and an attribute may be called, too
_IN_MACROS = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "macros").rglob("*.sql"))
_TABLES = (delivery, delivery_event, delivery_status, quarantined_row)
TAKEN = (
    {
        *re.findall(r"\bas ([a-z]\w*)", _IN_MACROS),
        *re.findall(r"\b([a-z]\w*) as \(", _IN_MACROS),
        *(column.name for table in _TABLES for column in table.columns),
        *("position", "word", "fate", "was"),  # which earlier versions reserved
    }
    - RESERVED_TARGETS
    - SQL_WORDS
)
SEVERAL_LINES = "first\n        second\u2028third\n"


@pytest.mark.parametrize("text", params(SHORT))
def test_macros_and_python_quote_alike(history_lab: HistoryLab, text: str) -> None:
    assert history_lab.dbt.rendered("sql_identifier", identifier=text) == sql_identifier(text)
    assert history_lab.dbt.rendered("sql_literal", value=text) == sql_literal(text)


def test_lists_of_names_and_matches_are_quoted(history_lab: HistoryLab) -> None:
    names = list(NAMES.values())
    quoted = history_lab.dbt.rendered(
        "quoted_list", names=names, prefix="t.", suffix=" is null", separator=" or "
    )
    assert quoted == " or ".join(f"t.{sql_identifier(name)} is null" for name in names)
    matched = history_lab.dbt.rendered("key_match", key_names=names, left="a", right="b")
    assert matched == " and ".join(f"a.{sql_identifier(name)} = b.{sql_identifier(name)}" for name in names)


@pytest.mark.parametrize("macro", ["change_set", "winning_rows", "history_known_at"])
def test_a_value_of_several_lines_in_a_model_stays_as_it_is(history_lab: HistoryLab, macro: str) -> None:
    definition = Shape({"a": "text"}, {"b": "text"}, {}).definition("example")
    model = f"select {sql_literal(SEVERAL_LINES)} as a"
    more: dict[str, dict[str, object]] = {
        "change_set": {"relation": None, "deliveries": [1], "has_snapshot": True, "has_ties": True},
        "winning_rows": {},
        "history_known_at": {"known_at": "2026-01-01"},
    }
    message = history_lab.dbt.render(macro, definition=definition, model_sql=model, **more[macro])
    assert sql_literal(SEVERAL_LINES) in message


@pytest.mark.parametrize("role", ["key", "tracked", "untracked"])
@pytest.mark.parametrize(
    "policy", [Policy(), Policy(new=False, changed=False)], ids=["all", "nothing_but_removed"]
)
def test_an_attribute_may_be_called_as_anything_in_macros_but_what_is_reserved(
    history_lab: HistoryLab, role: str, policy: Policy
) -> None:
    assert {"key", "rule", "publisher_name", "change_set", "changes"} <= TAKEN
    names = sorted(TAKEN)
    columns = dict.fromkeys(names, "text")
    shapes = {
        "key": [
            Shape(
                dict.fromkeys(names[at : at + 30], "text"), {"v": "text"}, {}, policy
            )  # an index has 32 columns
            for at in range(0, len(names), 30)
        ],
        "tracked": [Shape({"k": "text"}, columns, {}, policy)],
        "untracked": [Shape({"k": "text"}, {"v": "text"}, columns, policy)],
    }[role]
    for shape in shapes:
        bench = history_lab.bench(shape)
        key, row = ("x",) * len(shape.keys), ("1",) * len(shape.tracked)
        other, changed = ("y",) * len(shape.keys), ("2",) * len(shape.tracked)
        deliveries = [
            snapshot("a", 1, {key: row, other: row}),
            snapshot("b", 2, {key: changed}, [other]),
            snapshot("c", 3, {key: changed, other: row}),
            delta("d", 4, {other: changed}, [key]),
        ]
        for last in (1, 3, 4):  # one snapshot, several, and a delta
            for one in deliveries[{1: 0, 3: 1, 4: 3}[last] : last]:
                bench.stage(one)
            history_lab.load(bench)
            bench.assert_equals_oracle(deliveries[:last])
        assert history_lab.known_at(bench, bench.now()) == bench.versions()
