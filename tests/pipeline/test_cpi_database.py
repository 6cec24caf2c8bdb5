"""The database of `cpi` as its package has it: SQLite, 1.7 million rows, one release in the place of another."""

from __future__ import annotations

import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.demo.packages import fetch
from headwater.extract.landing.store import ObjectStore
from headwater.home import make_home
from headwater.project import Project
from tests.pipeline.cpi import PACKAGES, SEEDS, SOURCE
from tests.pipeline.line import Line, of_source
from tests.pipeline.project import make_project
from tests.pipeline.test_rest_api import counts

FILE = "TEST_CPI_FILE"
OF_DATABASE = {
    **SEEDS,
    "data_source": "data_source,data_source_type,description\nbls,rdbms,Consumer prices\n",
    "conn_str": f"""\
conn_str,data_source,server,database_name,username,secret_ref,options,url_template,file_path
bls_indexes,bls,,${{{FILE}}},,,,sqlite://,
""",
    "tbl": "tbl,data_source,incr_column,data_size\nindexes,bls,,large\n",
    "source_attribute": f"source,name,value,valid_from\n{SOURCE},tbl,indexes,\n",
}
VALUES = "select series, year, period, printf('%.3f', value) from indexes order by 1, 2, 3"


@pytest.fixture
def release(
    tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], list[tuple[object, ...]]]:
    """Puts a release into the place of the one before, and says what it holds."""
    packages = Path(pytestconfig.cache.mkdir("cpi"))
    fetch(packages, print, tuple(PACKAGES.values()))
    file = tmp_path / "cpi.db"
    monkeypatch.setenv(FILE, str(file))

    def published(version: str) -> list[tuple[object, ...]]:
        wheel = packages / PACKAGES[version].file
        with zipfile.ZipFile(wheel).open("cpi/cpi.db") as packed, file.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        connection = sqlite3.connect(file)
        rows = connection.execute(VALUES).fetchall()
        connection.close()
        return rows

    return published


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_database_that_is_replaced_becomes_history(
    release: Callable[[str], list[tuple[object, ...]]], database: Engine, store: ObjectStore, tmp_path: Path
) -> None:
    root = make_project(tmp_path / "project", OF_DATABASE, marts={})
    line = Line(Project(root, make_home(root)), tmp_path, database, store)
    release("2.0.7")
    line.ran_well()
    assert counts(line, SOURCE) == [(1_708_961, 1_708_961, 1_708_961, 0, 0, 0)]
    again = line.ran_well()
    assert [result.landed for result in again.sources] == [0]

    published = release("2.0.8")
    line.ran_well()
    assert counts(line, SOURCE)[1:] == [(1_723_929, 1_723_929, 14_968, 0, 0, 1_708_961)]
    current = (
        f"select series, year::int, period, value::text from historical.{SOURCE} where valid_to is null"
        ' order by series collate "C", year, period collate "C"'
    )
    assert line.query(current) == [
        (series, int(str(year)), period, value) for series, year, period, value in published
    ]

    release("2.0.9")  # a partial publication
    [halt] = of_source(line.run(), SOURCE).halts
    assert "65,709 of 1,723,929 current keys would be removed" in str(halt)
    assert not of_source(line.run(), SOURCE).landed
    release("2.0.8")
    line.ran_well()
    assert counts(line, SOURCE)[-1][2:] == (0, 0, 0, 1_723_929)
