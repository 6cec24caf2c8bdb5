"""A Postgres tells all of its own values to history; what people typed, or another database has, stays canonical."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from headwater.cli.app import print_json
from headwater.dbt_project.dbt import Dbt
from headwater.extract.landing.store import ObjectStore
from headwater.extract.schema.definition import value_syntax
from headwater.home import make_home
from headwater.metadata.static.read import read_catalog
from headwater.project import Project
from headwater.queries import status
from headwater.services.postgres_roles import USER
from tests.extract.sources.sql.conftest import Publisher, shop, shop_database  # noqa: F401
from tests.pipeline.line import Line, of_source
from tests.pipeline.project import make_project
from tests.pipeline.test_rest_api import counts

# column → our name and its type, here and there
COLUMNS = {
    "day": ("day", "date"),
    "at": ("happened_at", "timestamptz"),
    "local": ("local_time", "timestamp"),
    "clock": ("clock", "time"),
    "amount": ("amount", "numeric"),
    "cents": ("cents", "numeric(9,2)"),
    "ratio": ("ratio", "double precision"),
    "share": ("share", "real"),
}
ODD: tuple[tuple[str, ...], ...] = (
    ("infinity", "infinity", "infinity", "24:00:00", "NaN", "NaN", "Infinity", "-Infinity"),
    ("-infinity", "-infinity", "-infinity", "00:00:00", "Infinity", "1.50", "-Infinity", "NaN"),
    (
        "10000-01-01", "10000-01-01 00:00:00+00", "10000-01-01 00:00:00", "23:59:59.999999", "-Infinity", "0.05", "NaN",
        "0.1",
    ),
    (
        "0044-03-15 BC", "0044-03-15 12:00:00+00 BC", "0044-03-15 12:00:00 BC", "12:00:00", "1e-3", "7", "1e+300",
        "1e+20",
    ),
)  # fmt: skip
ATTRIBUTES = "".join(
    f'{source},{column},{name},"{kind}",,,{"true" if column == "day" else ""},,,A {name}\n'
    for source in ("moments", "kept")
    for column, (name, kind) in COLUMNS.items()
)
SEEDS = {
    "data_source": "data_source,data_source_type,description\nshop,rdbms,A shop\nbank,rdbms,A file of its bank\n",
    "conn_str": """\
conn_str,data_source,server,database_name,username,secret_ref,options,url_template,file_path
shop_database,shop,${SHOP_SERVER},shop,${SHOP_USER},,sslmode=disable,,
bank_file,bank,,${BANK_FILE},,,,sqlite://,
""",
    "tbl": "tbl,data_source,incr_column,data_size\nshop.moments,shop,,small\nmain.kept,bank,,small\n",
    "job": """\
job,is_etl,etl_steps,is_full_load,del_temp_data,job_type,schedule,after_job,owner,is_active,description,retries,retry_delay_s,timeout_min,max_active_runs,max_parallel
shop,true,ETL,false,false,batch,,,shop,true,The shop to history,,,,,
""",
    "source": """\
source,job,data_source,owner,schedule,geographic_granularity,delivery_type,extract_function,wrangle_function,\
quality_checks,load_new,load_changed,load_removed,on_null_key,on_duplicate_key,on_unknown_column,\
max_removed_pct,max_fallen_out_pct,description
moments,shop,shop,shop,hourly,shop,snapshot,,,,,,,,,,,,One row per moment
kept,shop,bank,shop,hourly,shop,snapshot,,,,,,,,,,,,One row per moment
""",
    "attribute": "source,source_name,target_name,target_datatype,format,null_tokens,is_key,is_tracked,is_optional,"
    f"description\n{ATTRIBUTES}",
    "source_attribute": "source,name,value,valid_from\nmoments,tbl,shop.moments,\nkept,tbl,main.kept,\n",
}


@pytest.fixture(scope="module")
def project_of_moments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("moments") / "moments", SEEDS, {})


@pytest.fixture
def line(
    project_of_moments: Path, database: Engine, store: ObjectStore, tmp_path: Path, shop: Publisher,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Line:  # fmt: skip
    assert shop.conn_str.server is not None
    monkeypatch.setenv("SHOP_SERVER", shop.conn_str.server)
    monkeypatch.setenv("SHOP_USER", USER)
    monkeypatch.setenv("BANK_FILE", str(tmp_path / "bank.db"))
    typed = ", ".join(f"{column} {kind}" for column, (_, kind) in COLUMNS.items())
    rows = ", ".join(str(row) for row in ODD)
    shop.do(f"create table shop.moments ({typed})", f"insert into shop.moments values {rows}")
    with sqlite3.connect(tmp_path / "bank.db") as bank:
        bank.execute(f"create table kept ({', '.join(f'{name} text' for name in COLUMNS)})")
        bank.executemany(f"insert into kept values ({', '.join('?' * len(COLUMNS))})", ODD)
        plain = (
            "2026-01-01",
            "2026-01-01 00:00:00+00",
            "2026-01-01 00:00:00",
            "12:00:00",
            "1",
            "1",
            "1",
            "1",
        )
        bank.execute(f"insert into kept values ({', '.join('?' * len(COLUMNS))})", plain)
    bank.close()
    return Line(Project(project_of_moments, make_home(project_of_moments)), tmp_path, database, store)


def values(line: Line, source: str) -> list[tuple[Any, ...]]:
    texts = ", ".join(f"{name}::text" for name, _ in COLUMNS.values())
    return line.query(f"select {texts} from historical.{source} where valid_to is null order by day")


def test_all_values_of_a_postgres_come_into_history_and_are_shown(
    line: Line, shop: Publisher, capsys: pytest.CaptureFixture[str]  # noqa: F811
) -> None:  # fmt: skip
    result = line.ran_well("moments", "kept")
    assert of_source(result, "moments").fallen_out is None
    assert counts(line, "moments") == [(4, 4, 4, 0, 0, 0)]
    texts = ", ".join(f"{name}::text" for name in COLUMNS)
    assert values(line, "moments") == shop.ask(f"select {texts} from shop.moments order by day")

    # of a database whose values no server has typed only what is canonical is taken
    lost = of_source(result, "kept").fallen_out
    assert lost is not None
    assert (lost.row_count, lost.of_rows) == (4, 5)
    assert len(values(line, "kept")) == 1

    # the second time nothing changes: infinity and NaN equal themselves
    before = line.contents()
    assert [one.landed for one in line.ran_well("moments", "kept").sources] == [0, 0]
    assert line.contents() == before
    shop.do(
        "update shop.moments set cents = 2 where day = 'infinity'",
        "delete from shop.moments where day = '10000-01-01'",
    )
    line.ran_well("moments")
    assert counts(line, "moments")[1:] == [(3, 3, 0, 1, 1, 2)]

    dbt = Dbt(line.project.root, line.project.home, "as-of")
    found = status.rows_as_of(line.database, dbt, "moments", datetime.now(UTC), None, None)
    capsys.readouterr()
    print_json(found.rows)
    shown = {row["day"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(shown) == {"infinity", "-infinity", "0044-03-15 BC"}
    assert (shown["infinity"]["happened_at"], shown["infinity"]["clock"]) == ("infinity", "24:00:00")
    assert (shown["-infinity"]["ratio"], shown["-infinity"]["amount"]) == ("-Infinity", "Infinity")


def test_an_older_history_is_asked_for_again_only_where_rows_would_be_taken_now(line: Line) -> None:
    catalog = read_catalog(line.project.seeds)
    assert [value_syntax(catalog.sources[name]) for name in ("moments", "kept")] == ["postgres", None]
    line.ran_well("moments")
    as_before = "update metadata.source_definition set definition = definition - 'value_syntax'"
    line.execute(as_before)
    line.ran_well("moments")  # nothing of it had fallen out
    assert line.query(
        "select definition ->> 'value_syntax' from metadata.source_definition where source = 'moments'"
    ) == [("postgres",)]

    line.execute(as_before)
    line.execute(
        "insert into metadata.quarantined_row (delivery_sqn, line_number, key, column_name, rule, row)"
        " select delivery_sqn, 9, null, 'amount', 'type', '{\"amount\": \"NaN\"}' from metadata.delivery"
    )
    (failure,) = of_source(line.run("moments"), "moments").failures
    assert (
        "values were read in canonical forms only, are read as Postgres writes them: 1 row that fell out is taken then"
        in failure
    )
    assert "`headwater rebuild moments`" in failure
    line.execute('update metadata.quarantined_row set row = \'{"amount": "many"}\'')
    line.ran_well("moments")
