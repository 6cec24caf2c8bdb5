"""Code of models: which texts say the same, and what asks for more than the delivery."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from dbt_common.exceptions import DbtRuntimeError

from tests.macros.conftest import HistoryLab

SAME = {
    "layout": ("select a,b\nfrom t", "SELECT a , b   FROM t"),
    "comments": ("select a -- one\nfrom t", "select /* two */ a {# three: now() #} from t"),
    "layout of a tag": ("{{ ref('a') }}", "{{-  ref('a')\n }}"),
    "a tag that a comment of Jinja holds": ("select a", "select a {# {{ var('b') }} #}"),
}
OTHER = {
    "a word in a string": ("select 'a  b'", "select 'a b'"),
    "case in a string": ("select 'A'", "select 'a'"),
    "dashes in a string": ("select '-- a'", "select '-- b'"),
    "dashes in a string with a tag": ("select '{{ var('-- a') }}'", "select '{{ var('-- b') }}'"),
    "dashes in a tagged string": ("select $t$ -- a $t$", "select $t$ -- b $t$"),
    "dashes in a string without tag": ("select $$ -- a $$", "select $$ -- b $$"),
    "white space in a string of Jinja": ("{{ \"'a  b'\" }}", "{{ \"'a b'\" }}"),
    "what Jinja reads in a comment of SQL": ("-- {% set a = 1 %}\n{{ a }}", "-- {% set a = 2 %}\n{{ a }}"),
    "the end of a tag in its string": ("{{ '}} -- a' }}", "{{ '}} -- b' }}"),
    "a quoted name": ('select "A"', 'select "a"'),
    "an escape": (r"select E'\' -- a'", r"select E'\' -- b'"),
}  # fmt: skip
TIMELESS = {
    "a name with a clock in it": "select snow ( a ) , known_now , t . now",
    "a word": "select 'now' :: text, 'today or so'",
    "a string of Jinja": "{{ headwater.typed('target') }} {{ ref('graph') }}",
    "patterns": "{{ modules.re.sub('a', 'b', c) }}",
}
ASKING = {
    "now()": "select now() as a",
    "clock_timestamp()": "select pg_catalog.clock_timestamp()",
    "'NOW'": "select cast('NOW' as timestamp)",
    "' today '": "select date ' today '",
    "run_query()": "{% set a = {'b': {}} %}{% set c = run_query('select 1') %}",
    "statement()": "{% call statement('a') %}select 1{% endcall %}",
    "source()": "select * from {{ source('raw', 'cities') }}",
    "target": "{{ target.name }}",
    "adapter": "{{ adapter.get_relation('a', 'b', 'c') }}",
    "env_var()": "{{ env_var('HOME') }}",
    "run_started_at": "-- {{ run_started_at }}",
}


def of(cases: dict[str, Any]) -> Any:
    return [pytest.param(case, id=name) for name, case in cases.items()]


def normalised(history_lab: HistoryLab, code: str) -> str:
    return str(history_lab.dbt.rendered("normalised_code", code=code))


@pytest.mark.parametrize("texts", of(SAME))
def test_texts_that_differ_in_form_alone_are_one_definition(
    history_lab: HistoryLab, texts: tuple[str, str]
) -> None:
    one, other = texts
    assert normalised(history_lab, one) == normalised(history_lab, other)


@pytest.mark.parametrize("texts", of(OTHER))
def test_texts_that_may_say_another_thing_are_another_definition(
    history_lab: HistoryLab, texts: tuple[str, str]
) -> None:
    one, other = texts
    assert normalised(history_lab, one) != normalised(history_lab, other)


def require_timeless(history_lab: HistoryLab, code: str) -> None:
    history_lab.dbt.rendered(
        "require_timeless", source_name="cities", model_name="stg_cities", code=normalised(history_lab, code)
    )


@pytest.mark.parametrize("code", of(TIMELESS))
def test_code_that_asks_the_delivery_alone_is_taken(history_lab: HistoryLab, code: str) -> None:
    require_timeless(history_lab, code)


@pytest.mark.parametrize(("asked", "code"), ASKING.items(), ids=ASKING)
def test_code_that_asks_a_clock_or_the_place_is_refused(
    history_lab: HistoryLab, asked: str, code: str
) -> None:
    with pytest.raises(DbtRuntimeError) as refused:
        require_timeless(history_lab, code)
    assert f"stg_cities asks {asked}. Expected" in str(refused.value)


QUERIES = {  # a query → the functions that change, and by what it makes a row of several
    "select a, to_date(b, 'YYYY') as c from lives.t": ([], None),
    "select pg_input_is_valid(b, 'date') from lives.t": ([], None),
    "select a + random() as b from lives.t": (["pg_catalog.random"], None),
    "select age(date '2026-01-01') from lives.t": (["pg_catalog.age"], None),
    "select age(date '2026-01-01', date '2025-01-01') from lives.t": ([], None),
    "select (select current_timestamp) from lives.t": (["the clock or the user"], None),
    "select current_setting('timezone') from lives.t": (["pg_catalog.current_setting"], None),
    "select lives.stable(a) from lives.t": (["lives.stable"], None),
    "select lives.immutable(a) from lives.t": ([], None),
    "select a operator(lives.###) 1 from lives.t": (["lives.stable"], None),
    "select max(a) from lives.t": ([], "an aggregate"),
    "select a, row_number() over (order by a) from lives.t": ([], "a window function"),
    "select distinct a from lives.t": ([], "distinct"),
    "select a from lives.t union all select 1": ([], "a union or the like"),
    "select a from lives.t limit 1": ([], "limit or offset"),
    "select a, b from lives.t group by a, b": ([], "group by"),
    "select a from staging.twice as one where exists (select from staging.twice as two where one.a > two.a)": (
        [], "reading staging.twice more than once",
    ),
}  # fmt: skip


def test_what_a_query_calls_and_crosses_is_read_from_what_postgres_makes_of_it(
    history_lab: HistoryLab,
) -> None:
    with history_lab.database.begin() as connection:
        connection.exec_driver_sql(
            "create schema lives; create table lives.t (a integer, b text); create table staging.twice (a integer);"
            "create function lives.stable(a integer, b integer default 1) returns integer stable language sql return 1;"
            "create function lives.immutable(a integer) returns integer immutable language sql return 1;"
            "create operator lives.### (function = lives.stable, leftarg = integer, rightarg = integer)"
        )
        for query, expected in QUERIES.items():
            connection.exec_driver_sql(f"create view lives.v as {query}")
            called = connection.execute(
                sa.text(_literal(history_lab.dbt.render("called_functions", view="lives.v")))
            )
            changing = [row.name for row in called if row.is_changing]
            crossing = connection.execute(
                sa.text(_literal(history_lab.dbt.render("crossing_of_rows", view="lives.v")))
            ).scalar()
            assert (changing, crossing) == expected, query
            connection.exec_driver_sql("drop view lives.v")
        connection.exec_driver_sql("drop schema lives cascade; drop table staging.twice")


def _literal(sql: str) -> str:
    """Return SQL in which a colon begins no parameter."""
    return sql.replace(":", "\\:")
