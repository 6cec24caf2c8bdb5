"""Names and values get into SQL in one way: by `sql_identifier` and `sql_literal`, of macros and of Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment

from tests.conftest import PROJECT

ROOMS = ("metadata", "extract", "headwater", "dags")
OURS = (
    "metadata/sql_text.py",
    "headwater/dbt_project/scaffold.py",  # writes models, whose names `headwater check` has found safe
    "macros/internal/sql/sql_identifier.sql",
    "macros/internal/sql/sql_literal.sql",
)
ABOUT_CODE = (  # patterns of code and lines of models, in messages: no SQL of ours
    "macros/internal/definition/code_variables.sql",
    "macros/internal/definition/is_as_generated.sql",
    "macros/internal/definition/jinja_split.sql",
    "macros/internal/definition/model_definition.sql",
    "macros/internal/definition/normalised_code.sql",
    "macros/internal/definition/require_timeless.sql",
)
OF_DBT = "macros/internal/seeds/default__create_csv_table.sql"  # in place of a macro of dbt, in its way
SIGNS_OF_NUMBERS = "macros/internal/types/number_format.sql"  # among them the apostrophe, as a key
WITHOUT_SQL = "metadata/static/"  # it reads no database, and says much about names in quotes

_SQL = re.compile(
    r"\b(select|from|where|join|insert into|update|delete|create|alter|drop|truncate|copy|comment on|analyze|vacuum"
    r"|count\(|build_object\(|null::|timestamptz|set (local|transaction)|raw\.|staging\.|historical\.)"
)
_PLACE = "\ue000"  # stands for a value
_IN_QUOTES = re.compile(rf"""(['"])[\w:]*{_PLACE}\w*\1""")
_NOTHING_ELSE = re.compile(rf"""[\s.,=({_PLACE}'")]+""")


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def is_ours(path: Path) -> bool:
    return name_of(path) in (*OURS, *ABOUT_CODE, OF_DBT, SIGNS_OF_NUMBERS)


def quoted_by_hand(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every piece of SQL in which a value, of an f-string or a template, stands between quotes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else _PLACE for part in node.values]
            text = "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = re.sub(r"\{\w+\}", _PLACE, node.value)
        else:
            continue
        is_jinja = "{{" in text
        is_sql = _SQL.search(text) or _NOTHING_ELSE.fullmatch(text)
        if _IN_QUOTES.search(text) and is_sql and not is_jinja:
            yield node.lineno, text.replace(_PLACE, "{}")


def made_by_hand(macro: str) -> list[str]:
    """The pieces of a macro in which a quote is opened and not closed: what follows is put between quotes."""
    if "adapter.quote" in macro:
        return ["adapter.quote"]
    found = []
    for _, kind, text in Environment().lex(macro):
        piece = re.sub(r"--.*", "", text) if kind == "data" else text[1:-1]
        if kind in ("data", "string") and (piece.count("'") % 2 or piece.count('"') % 2):
            found.append(piece.strip())
    return found


def test_macros_quote_names_and_values_in_one_way() -> None:
    wrong = {
        name_of(path): found
        for path in sorted((PROJECT / "macros").rglob("*.sql"))
        if not is_ours(path) and (found := made_by_hand(path.read_text(encoding="utf-8")))
    }
    assert wrong == {}


def test_python_quotes_names_and_values_in_one_way() -> None:
    wrong = [
        f"{name_of(path)}:{line}: {text}"
        for room in ROOMS
        for path in sorted((PROJECT / room).rglob("*.py"))
        if not is_ours(path) and not name_of(path).startswith(WITHOUT_SQL)
        for line, text in quoted_by_hand(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        """sql = f'select "{name}" from t'""", """sql = f"select 'x:{value}' from t" """, """part = f'{of}"{name}"'""",
        """table = f'staging."stg_{name}"'""", """SQL = 'drop table raw."{source}"'""",
    ],
)  # fmt: skip
def test_python_that_quotes_by_itself_is_found(line: str) -> None:
    assert [number for number, _ in quoted_by_hand(line)] == [1]


@pytest.mark.parametrize(
    "macro",
    [
        """{% macro a(x) %}select {{ adapter.quote(x) }}{% endmacro %}""", """{{ return("a = '" ~ x ~ "'") }}""",
        """select '{{ x }}'""", """select 'rule:{{ x }}' as a""", """select "{{ x }}" from t""",
        """{{ return('"' ~ x ~ '"') }}""",
    ],
)  # fmt: skip
def test_a_macro_that_quotes_by_itself_is_found(macro: str) -> None:
    assert made_by_hand(macro)


@pytest.mark.parametrize(
    "line", ["""said = f'"{cell}" is not a number'""", """sql = f"select {column} from t where a = 'b'" """]
)
def test_sentences_and_what_is_quoted_elsewhere_are_left_alone(line: str) -> None:
    assert list(quoted_by_hand(line)) == []
