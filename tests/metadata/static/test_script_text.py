"""The text of scripts: what is a parameter, and what only looks like one."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from headwater.metadata.static.script_text import escaped, is_procedure_name, parameters_of
from tests.support.hostile import NAMES, params

ASKED = [
    ("select :job_inst_id", ("job_inst_id",)),
    ("select :a, :b, :a", ("a", "b")),
    ("select :a::bigint, x::text, (:b)::date", ("a", "b")),
    ("""select '{"a":1}'::jsonb""", ()),
    ('select \'it\'\'s :x\', "a:b", "c"":d"', ()),
    (r"select 'c:\', :x, 'd:\'", ("x",)),
    (r"select e'it\'s :x', :y", ("y",)),
    ("select $$ :x $$, $t$ $$ :y $t$, :z", ("z",)),
    ("select 1 -- :x\n, :y /* :z \n :w */", ("y",)),
    (r"select a[1:n], a[\:n], a[:m]", ("m",)),
    ("call f(x := 1, y => :a)", ("a",)),
    ("select '12:30'::time, now() at time zone 'a:b'", ()),
    ("select $1, a$b:c", ()),
    ("select 'unfinished :x", ("x",)),
]


PSYCOPG2 = postgresql.psycopg2.dialect()  # type: ignore[no-untyped-call]  # of SQLAlchemy


@pytest.mark.parametrize(("text", "names"), ASKED)
def test_parameters_are_what_stands_outside_of_literals_names_and_comments(
    text: str, names: tuple[str, ...]
) -> None:
    assert parameters_of(text) == names
    assert set(sa.text(escaped(text))._bindparams) == set(names)


@pytest.mark.parametrize(("text", "names"), ASKED)
def test_the_database_gets_the_text_as_it_was_written(text: str, names: tuple[str, ...]) -> None:
    compiled = str(sa.text(escaped(text)).compile(dialect=PSYCOPG2))
    for name in names:
        compiled = compiled.replace(f"%({name})s", f":{name}")
    assert compiled.replace("%%", "%") == text.replace(r"[\:", "[:")


@pytest.mark.parametrize("value", params(NAMES))
def test_any_value_may_stand_in_a_literal(value: str) -> None:
    literal = "'" + value.replace("'", "''") + "'"
    text = f"select {literal}, :a"
    assert parameters_of(text) == ("a",)
    compiled = str(sa.text(escaped(text)).compile(dialect=PSYCOPG2))
    assert compiled.replace("%(a)s", ":a").replace("%%", "%") == text


@pytest.mark.parametrize(
    "text", ["tidy", " scratch.tidy ", '"Scratch"."Tidy up"', "a.b.c", 'a."b""c"', "été.x$1"]
)
def test_the_name_of_a_procedure(text: str) -> None:
    assert is_procedure_name(text)


@pytest.mark.parametrize(
    "text", ["call tidy()", "tidy()", "tidy; drop table x", "a.b.c.d", "1x", '"a', "a b", "", "a.", "tidy --"]
)
def test_what_is_no_name_of_a_procedure(text: str) -> None:
    assert not is_procedure_name(text)
