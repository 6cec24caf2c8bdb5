"""A package of one's own, installed beside Headwater: its source type, its transform and its check, to history.

The package is `examples/git_files`; its deliveries are the commits of a real repository.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from tests.conftest import PROJECT
from tests.pipeline.project import SEEDS, make_project
from tests.project.test_wheel import READ_DAGS

PATIENCE_S = 300
REPOSITORY = "TEST_REPOSITORY"  # the variable of the folder in which it lies
PACKAGE = PROJECT / "examples" / "git_files"
JOB = SEEDS["job"].splitlines()[0]
PLACES = {
    **SEEDS,
    "data_source": "data_source,data_source_type,description\natlas,git_files,Lists that are kept in git\n",
    "conn_str": SEEDS["conn_str"].splitlines()[0] + f"\natlas,atlas,,,,,,,${{{REPOSITORY}}}\n",
    "job": f"{JOB}\nplaces,true,ETL,true,false,batch,,,atlas,true,Places to history,,,,,\n",
    "source": SEEDS["source"].splitlines()[0]
    + "\nplaces,places,atlas,atlas,irregular,place,snapshot,,without_comments,"
    '"[{""expect"": ""expect_column_values_to_begin_with"", ""column"": ""code"", ""prefix"": ""P""}]",'
    ",,,,,,,,One row per place\n",
    "attribute": SEEDS["attribute"].splitlines()[0]
    + "\nplaces,code,code,text,,,true,,,Code of the place\nplaces,name,name,text,,,,,,Its name\n",
    "source_attribute": "source,name,value,valid_from\nplaces,git_path,lists/places.csv,\nplaces,git_date,author,\n",
}
COMMITS = (  # the day on which each one was written, and what the list then was; None: another file alone
    (1, "code,name\nP1,Aville\nP2,Bridge\n"),
    (2, "code,name\n# P2 goes by its new name,\nP1,Aville\nP2,Bridgeton\n"),
    (3, None),
    (4, "code,name\nP1,Aville\nX3,Nowhere\nX4,Elsewhere\n"),
    (5, "code,name\nP2,Bridgeton\nP5,Easton\n"),
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is installed into."""
    folder = tmp_path_factory.mktemp("front_door")
    shutil.copytree(PACKAGE, folder / "source")  # so that nothing is built in the checkout
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index",
         "--disable-pip-version-check", "--target", folder / "packages", folder / "source"],
        check=True, timeout=PATIENCE_S,
    )  # fmt: skip
    return folder / "packages"


def git(repository: Path, *command: str, day: int = 1) -> None:
    when = f"2026-01-0{day}T08:00:00+00:00"
    who = {f"GIT_{role}_{what}": "somebody" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {
        **os.environ,
        **who,
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_DATE": when,
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    subprocess.run(["git", "-C", repository, *command], check=True, capture_output=True, env=environment)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "atlas"
    (folder / "lists").mkdir(parents=True)
    git(folder, "init", "-q")
    for day, text in COMMITS:
        (folder / "lists" / ("places.csv" if text else "others.csv")).write_text(text or "no matter\n")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", "a list", day=day)
    return folder


@pytest.fixture
def project(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one source that is kept in git; its models are for the command to write."""
    root = make_project(tmp_path / "project", marts={})
    for path in (root / "models" / "staging", root / "models" / "historical"):
        shutil.rmtree(path)
    for table, text in PLACES.items():
        (root / "seeds" / f"{table}.csv").write_text(text)
    for name in ("jobs", "broken_metadata"):
        (root / "dags").mkdir(exist_ok=True)
        shutil.copy(PROJECT / "dags" / f"{name}.py", root / "dags")
    monkeypatch.setenv(REPOSITORY, str(repository))
    return root


class Beside:
    """Headwater with the package beside it, as a command in the project's folder."""

    def __init__(self, packages: Path, project: Path) -> None:
        self.packages, self.project = packages, project

    def __call__(self, *arguments: str, code: int = 0, is_installed: bool = True) -> str:
        path = str(self.packages) if is_installed else ""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.project, env={**os.environ, "PYTHONPATH": path, "COLUMNS": "400"},
            capture_output=True, text=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == code, done.stderr[-3000:] + done.stdout[-3000:]
        return done.stdout + done.stderr

    def headwater(self, *arguments: str, code: int = 0, is_installed: bool = True) -> str:
        return self("-m", "headwater.cli", *arguments, code=code, is_installed=is_installed)

    def set_option(self, old: str, new: str) -> None:
        path = self.project / "seeds" / "source_attribute.csv"
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))


@pytest.fixture
def beside(installed: Path, project: Path) -> Beside:
    return Beside(installed, project)


def rows_of(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def day(number: int) -> datetime:
    return datetime(2026, 1, number, 8, tzinfo=UTC)


def test_commits_of_a_repository_become_history(
    beside: Beside, repository: Path, empty_database: Engine, store: ObjectStore
) -> None:
    beside.headwater("check")
    beside.headwater("generate")
    answer = beside.headwater("run", "places", code=3)
    assert "expect_column_values_to_begin_with(code)" in answer
    assert rows_of(
        empty_database,
        "select code, name, valid_from, valid_to from historical.places order by valid_from, code",
    ) == [
        ("P1", "Aville", day(1), day(5)),
        ("P2", "Bridge", day(1), day(2)),
        ("P2", "Bridgeton", day(2), None),
        ("P5", "Easton", day(5), None),
    ]
    commits = subprocess.run(
        ["git", "-C", repository, "log", "--reverse", "--format=%h", "--abbrev=12", "--", "lists/places.csv"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    names = [
        name for (name,) in rows_of(empty_database, "select publisher_name from metadata.delivery order by 1")
    ]
    assert names == [f"{number:06}-{commit}-places.csv" for number, commit in enumerate(commits, start=1)]
    assert len([key for key in store.list("") if key.endswith("places.csv")]) == len(COMMITS) - 1
    # the transform left one record out, and the check found two values in one delivery, which halted
    assert rows_of(
        empty_database,
        "select parsed_count - record_count from metadata.delivery_status where layer = 'raw' order by delivery_sqn",
    ) == [(0,), (1,), (0,), (0,)]
    ((observed, count, sample),) = rows_of(
        empty_database,
        "select observed, unexpected_count, unexpected_sample from metadata.data_quality_checks where not passed",
    )
    assert (observed, count) == ("2 unexpected of 3", 2)
    assert [(found["key"]["code"], found["line"]) for found in sample] == [("X3", 3), ("X4", 4)]
    halted = rows_of(empty_database, "select checks from metadata.delivery_event where event = 'halted'")
    assert halted == [(["expect_column_values_to_begin_with(code)"],)]
    # a second run has nothing to do, and a further commit is one delivery more
    beside.headwater("run", "places")
    assert rows_of(empty_database, "select count(*) from metadata.delivery") == [(4,)]
    (repository / "lists" / "places.csv").write_text("code,name\nP2,Bridgeton\n")
    git(repository, "commit", "-qam", "the last", day=6)
    beside.headwater("run", "places")
    assert rows_of(empty_database, "select code from historical.places where valid_to is null") == [("P2",)]


def test_what_is_wrong_with_its_options_is_told(beside: Beside) -> None:
    beside.set_option("git_date,author", "git_date,yesterday")
    assert (
        'seeds/source_attribute.csv:3: value: git_date "yesterday" is not known, expected one of committer, author'
    ) in beside.headwater("check", code=1)
    beside.set_option("places,git_date,yesterday,", "")
    beside.set_option("places,git_path,lists/places.csv,", "")
    assert (
        'seeds/source.csv:2: source: "places" has no git_path, expected the path of its file'
        in beside.headwater("check", code=1)
    )


def test_without_the_package_its_names_are_told_with_those_that_are_there(beside: Beside) -> None:
    answer = beside.headwater("check", code=1, is_installed=False)
    for message in (
        'seeds/data_source.csv:2: data_source_type: "git_files" is not known, expected one of http_files, rest_api,'
        " rdbms, object_store, kafka, local_files",
        'seeds/source.csv:2: wrangle_function: "without_comments" is not a function that we know, expected unpivot, or'
        " package.module:function",
        'seeds/source.csv:2: quality_checks: check 1 names the expectation "expect_column_values_to_begin_with",'
        " which is not known",
    ):
        assert message in answer
    assert "git_path" not in answer  # nobody knows what options it has


LINEAGE = """
from pathlib import Path
from headwater.airflow.lineage import names
from headwater.extract.offers.discover import discover
from headwater.extract.offers.payload import offer_of, payload_of, reads_as_it_asks
from headwater.metadata.static.read import read_catalog
source = read_catalog(Path("seeds")).sources["places"]
print(*names.asked(source))
first = discover(source)[0]
payload = payload_of(first)
print(reads_as_it_asks(source), payload["address"] == first.address, offer_of(source, payload) == first)
class Sink:
    def restart(self): self.came = b""
    def write(self, chunk): self.came += chunk
sink = Sink()
offer = offer_of(source, payload)
assert offer.fetch(offer, sink) == first
print(sink.came)
"""


def test_lineage_has_its_name_and_another_process_fetches_by_its_address(
    beside: Beside, repository: Path
) -> None:
    assert beside("-c", LINEAGE).splitlines() == [
        f"git://{repository} lists/places.csv",
        "False True True",
        str(COMMITS[0][1].encode() if COMMITS[0][1] else b""),
    ]


def test_a_dag_file_lists_its_job(beside: Beside) -> None:
    beside.headwater("generate")
    beside.headwater("manifest")
    found = beside("-c", READ_DAGS).splitlines()
    assert [line for line in found if line.startswith("file ")] == [
        "file broken_metadata",
        "file jobs places",
    ]
    without = beside("-c", READ_DAGS, code=1, is_installed=False)  # as the page of Airflow shows it
    assert 'SystemError: seeds/data_source.csv:2: data_source_type: "git_files" is not known' in without


def test_new_source_looks_at_what_it_offers(beside: Beside) -> None:
    beside.headwater("generate")
    answer = beside.headwater(
        "new-source", "spots", "--from", "atlas", "--option", "git_path=lists/places.csv", "--type", "snapshot",
        "--key", "code", "--accept-doubts", "--dry-run", "--yes",
    )  # fmt: skip
    lines = [line.split() for line in answer.splitlines()]
    assert lines[0][0] == "spots:"
    assert lines[0][1].endswith("-places.csv,")  # of the newest commit
    assert [line for line in lines if line[:1] in (["git_path"], ["key"])] == [
        ["git_path", "lists/places.csv"], ["key", "code"],
    ]  # fmt: skip


def test_a_typed_front_door(installed: Path, tmp_path: Path) -> None:
    """Strict mypy knows all that the package takes from the door, and nothing of it is Any."""
    for name in ("headwater_git_files/__init__.py", "headwater_git_files/transforms.py"):
        assert (installed / name).is_file()
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import headwater.extract as hw\n\nhw.Option(kind='folder')\nhw.Offer(1)\nhw.nothing\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", wrong],  # with the cache of `make check`
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert [line.rpartition("[")[2] for line in done.stdout.splitlines()[:-1]] == [
        "arg-type]", "call-arg]", "arg-type]", "attr-defined]",
    ]  # fmt: skip
