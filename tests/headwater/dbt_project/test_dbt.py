"""dbt in this process: what it says becomes errors that a person can read, and its sessions bear the run's name."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from headwater.dbt_project.dbt import Dbt, _builds_tables_side_by_side, _error
from headwater.metadata.errors import LedgerBroken, LoadFailed
from tests.pipeline.project import make_project


def outcome(message: str, status: str = "error") -> SimpleNamespace:
    return SimpleNamespace(status=status, message=message, node=SimpleNamespace(name="hist_cities"))


@pytest.mark.parametrize("status", ["success", "pass"])
def test_what_went_well_is_no_error(status: str) -> None:
    assert _error(outcome("APPLIED 3 deliveries", status)) is None


def test_a_broken_ledger_names_its_delivery_and_layer() -> None:
    error = _error(
        outcome(
            'Compilation Error in model hist_cities (models/x.sql)\n  headwater: {"delivery_sqn": 12,'
            ' "layer": "historical", "reason": "staging recorded 3 rows, but 2 are in the change set of history",'
            ' "code": "ledger_broken",'
            ' "message": "Ledger broken: …"}\n  Ledger broken: …\n  > in macro y'
        )
    )
    assert isinstance(error, LedgerBroken)
    assert (error.delivery_sqn, error.layer) == (12, "historical")
    assert error.reason == "staging recorded 3 rows, but 2 are in the change set of history"


@pytest.mark.parametrize(
    "message", ["Not staged: …", 'key a\nheadwater: {"code": "ledger_broken"}', "“quoted”"]
)
def test_what_our_macros_raise_is_an_error_without_dbts_frame(message: str) -> None:
    line = json.dumps({"code": "not_staged", "message": message})
    error = _error(
        outcome(
            f"Compilation Error in model hist_cities (models/x.sql)\n  headwater: {line}\n  {message}\n  > in macro y"
        )
    )
    assert isinstance(error, LoadFailed)
    assert str(error) == message


@pytest.mark.parametrize(
    ("arguments", "are_tables"),
    [
        (["run", "--select", "town", "country"], True),
        (["run", "--select", "town"], False),
        (["run", "--select", "stg_cities", "stg_prices", "hist_cities"], False),
        (["compile", "--select", "town", "country"], False),
    ],
)
def test_tables_are_listed_ahead_where_dbt_renames_several_at_once(
    arguments: list[str], are_tables: bool
) -> None:
    assert _builds_tables_side_by_side(arguments) is are_tables


def test_what_postgres_says_passes_for_nothing_that_a_macro_raised() -> None:
    line = 'headwater: {"code": "ledger_broken", "delivery_sqn": 1, "layer": "raw", "reason": "forged"}'
    error = _error(outcome(f"Database Error in model hist_cities\n  invalid input syntax: {line}"))
    assert isinstance(error, LoadFailed)
    assert str(error).startswith("hist_cities: ")


def test_any_other_error_is_told_in_one_line_with_its_model() -> None:
    error = _error(outcome('Database Error in model hist_cities\n  relation "x" does not exist\n  LINE 1: …'))
    assert (
        str(error) == 'hist_cities: Database Error in model hist_cities relation "x" does not exist LINE 1: …'
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project, whose mart tells in whose name it was made."""
    root = make_project(tmp_path / "town")
    (root / "models" / "marts" / "town.sql").write_text(
        "select current_setting('headwater.run_id') as run_id"
    )
    (root / "models" / "marts" / "broken.sql").write_text("select 1 / 0 as x")
    return root


def test_models_run_in_the_name_of_the_run_and_one_that_fails_stops_no_other(
    project: Path, database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c application_name=mine")
    dbt = Dbt(project, tmp_path, "run 1".replace(" ", "-"))
    outcomes = {model.name: model.error for model in dbt.run(["path:models/marts"])}
    assert set(outcomes) == {"town", "broken"}
    assert outcomes["town"] is None
    assert "division by zero" in str(outcomes["broken"])
    with database.connect() as connection:
        assert connection.execute(sa.text("select run_id from marts.town")).scalar() == "run-1"
    assert os.environ["PGOPTIONS"] == "-c application_name=mine"
    assert [model.name for model in dbt.run(["path:models/marts"], exclude=["broken"])] == ["town"]


def test_seeds_are_loaded_when_they_are_not_what_is_there(
    project: Path, database: Engine, tmp_path: Path
) -> None:
    dbt = Dbt(project, tmp_path, "run-1")
    assert dbt.load_seeds(database) is True
    assert dbt.load_seeds(database) is False
    rows = sa.text("select source, is_key, null_tokens from metadata.attribute where target_name = 'stars'")
    of_lacking = sa.text("select count(*), count(pool), pg_typeof(max(pool))::text from metadata.job")
    assert "pool" not in (project / "seeds" / "job.csv").read_text()
    with database.connect() as connection:
        assert connection.execute(rows).all() == [("ratings", None, None)]
        assert connection.execute(of_lacking).one() == (2, 0, "text")
    with (project / "seeds" / "data_source.csv").open("a") as seed:
        seed.write("harbour,local_files,007\n")
    assert dbt.load_seeds(database) is True
    with database.connect() as connection:
        found = connection.execute(sa.text("select description from metadata.data_source order by 1 limit 1"))
        assert found.scalar() == "007"


@pytest.mark.usefixtures("database")
def test_a_project_that_dbt_cannot_read_is_said_so(project: Path, tmp_path: Path) -> None:
    (project / "models" / "marts" / "town.sql").write_text("select * from {{ ref('nothing') }}")
    with pytest.raises(LoadFailed, match=r"(?s)^dbt cannot read the project: .*nothing"):
        Dbt(project, tmp_path, "run-1").run(["town"])


def test_what_postgres_would_refuse_of_any_model_goes_without_sql_and_with_what_to_do() -> None:
    error = _error(
        outcome(
            "Database Error in model hist_cities (models/historical/hist_cities.sql)\n"
            "  permission denied for schema historical\n  LINE 1: create table historical.cities\n"
            "  compiled code at target/run/x.sql"
        )
    )
    message = str(error)
    assert message.startswith(
        "hist_cities: Postgres says: permission denied for schema historical. Expected a role that may"
    )
    assert "create table" not in message
    assert "compiled code" not in message
