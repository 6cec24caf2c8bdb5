"""The example of docs/how-to/add-a-job.md: its own rows and commands do what it says, and run in Airflow."""

from __future__ import annotations

import csv
import io
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.airflow.client import PATIENCE_S, Client
from tests.airflow.warehouse import Warehouse
from tests.support.pages import page

PAGE = page("how-to/add-a-job")
MOST_ROWS = 12
SHOP = """
create schema shop;
create table shop.customer (customer_id integer primary key, name text not null);
create table shop.purchase (
    purchase_id integer primary key, customer_id integer not null, amount numeric(12,2) not null
);
insert into shop.customer values (1, 'Olga'), (2, 'Paul');
insert into shop.purchase select n, 1 + n % 2, 1.50 from generate_series(1, 120000) as n;
analyze shop.customer, shop.purchase;
"""


@pytest.fixture
def project(airflow_project: Path, tmp_path: Path, read_again: Callable[[], None]) -> Iterator[Path]:
    """The project that Airflow runs; its seeds and models are put back."""
    for name in ("seeds", "models"):
        shutil.copytree(airflow_project / name, tmp_path / name)
    yield airflow_project
    for name in ("seeds", "models"):
        shutil.rmtree(airflow_project / name)
        shutil.copytree(tmp_path / name, airflow_project / name)
    read_again()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def rows() -> list[tuple[str, str]]:
    """Each file of the page with what the page has a person add to it, in its order."""
    return re.findall(r"^`(seeds/\w+\.csv)`\n\n```csv\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def cells() -> list[tuple[str, ...]]:
    """Return what the page has a person change: file, row, column, from, to."""
    return re.findall(r"^\| `(seeds/\w+\.csv)`" + r" \| `(\w+)`" * 4 + r" \|$", PAGE, re.MULTILINE)


def add(project: Path, file: str, text: str) -> None:
    with (project / file).open("a", encoding="utf-8") as seeds:
        seeds.write(text)


def change(project: Path, file: str, row: str, column: str, before: str, after: str) -> None:
    path = project / file
    header, *records = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
    (found,) = (record for record in records if record[0] == row)
    assert found[header.index(column)] == before
    found[header.index(column)] = after
    with path.open("w", encoding="utf-8", newline="") as seeds:
        csv.writer(seeds, lineterminator="\n").writerows([header, *records])


def run(project: Path, variables: dict[str, str], command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "headwater"
    done = subprocess.run(
        [sys.executable, "-m", "headwater.cli", *arguments], cwd=project, capture_output=True, text=True,
        env={**variables, "HEADWATER_PROJECT": str(project)}, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def test_the_page_has_a_person_write_few_rows() -> None:
    written = [line for _, text in rows() for line in text.splitlines()]
    assert len(written) == 10
    assert len(written) + len(cells()) <= MOST_ROWS


def test_two_tables_are_extracted_by_one_job_and_the_next_makes_history_and_calls_the_procedure(
    admin: Client,
    warehouse: Warehouse,
    project: Path,
    airflow_variables: dict[str, str],
    read_again: Callable[[], None],
) -> None:
    warehouse.query(SHOP)
    (procedure,) = blocks("sql")
    of_shop = rows()
    commands = [line for block in blocks("sh") for line in block.splitlines()]

    for file, text in of_shop[:2]:
        add(project, file, text)
    for command in commands[:2]:
        run(project, airflow_variables, command)
    for cell in cells():
        change(project, *cell)
    warehouse.query(procedure)
    for file, text in of_shop[2:]:
        add(project, file, text)
    for command in commands[2:]:
        run(project, airflow_variables, command)

    warehouse.query("insert into shop.purchase values (120001, 2, 100)")
    read_again()  # Airflow may begin with the scheduled run that is due, or have begun it before the purchase
    run_id, state = admin.run("shop_extract")
    assert state == "success", admin.states("shop_extract", run_id)
    next_id = admin.wait_for_run("shop_load", caused_by=run_id)
    assert admin.wait("shop_load", next_id) == "success", admin.states("shop_load", next_id)
    assert warehouse.query("select tbl, data_size from metadata.tbl where data_source = 'shop' order by tbl") == [
        ("shop.customer", "small"), ("shop.purchase", "large"),
    ]  # fmt: skip
    ((job_inst_id,),) = warehouse.query(
        "select job_inst_id from metadata.job_inst where run_id = %s", next_id
    )
    turnover = (
        "select * from reports.turnover where job_inst_id in (%s, %s) order by job_inst_id, customer_id"
    )
    ((in_a_terminal,),) = warehouse.query(
        "select job_inst_id from metadata.job_inst where job = 'shop_load' and runner = 'terminal'"
    )
    assert warehouse.query(turnover, in_a_terminal, job_inst_id) == [
        (1, 90_000, in_a_terminal), (2, 90_000, in_a_terminal), (1, 90_000, job_inst_id), (2, 90_100, job_inst_id),
    ]  # fmt: skip
    assert warehouse.query("select count(*) from historical.customer where valid_to is null") == [(2,)]
