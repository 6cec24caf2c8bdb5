"""Taking a source away: all that was made for it and nothing else, whole or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headwater.cli.commands import app
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.check import check
from headwater.metadata.static.read import read_catalog
from headwater.new_source import write as writing
from headwater.new_source.begin import Given, parse_options, prepare_proposal
from headwater.new_source.proposal_doubts import harmful_doubts_of
from headwater.new_source.remove import plan_removal, remove, without_lines
from headwater.new_source.write import write
from headwater.project import Project
from tests.conftest import PROJECT
from tests.headwater.new_source.conftest import content_of
from tests.pipeline.project import SEEDS, make_project
from tests.support.publisher import Publisher

THINGS = b"id,n\n1,a\n2,b\n"
TOLD = Given(key=("id",), delivery_type="snapshot")


def connect(project: Project, **rows: str) -> None:
    """Add a row to each of these tables of the seeds."""
    for table, row in rows.items():
        path = project.seeds / f"{table}.csv"
        path.write_text(f"{path.read_text()}{row}\n")


def remove_source(exit_code: int, *arguments: str) -> Result:
    result = CliRunner().invoke(app, ["remove-source", *arguments], input="")
    assert result.exit_code == exit_code, (result.stdout, result.stderr, result.exception)
    return result


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher.running() as server:
        yield server


@pytest.fixture
def made(project: Project, libraries: Path) -> Project:
    """A project that has made the source `libraries`."""
    write(project, prepare_proposal(project, "libraries", str(libraries), Given(key=("code",))))
    return project


Origin = Callable[[Project, Path, Publisher], tuple[str, Given]]


def of_a_folder(_: Project, folder: Path, __: Publisher) -> tuple[str, Given]:
    (folder / "drop").mkdir()
    (folder / "drop" / "things-2026-01-05.csv").write_bytes(THINGS)
    return str(folder / "drop"), TOLD


def of_a_connected_folder(project: Project, folder: Path, _: Publisher) -> tuple[str, Given]:
    (folder / "drop").mkdir()
    (folder / "drop" / "things.csv").write_bytes(THINGS)
    connect(
        project, data_source="town,local_files,Files", conn_str=f"town_files,town,,,,,,,{folder / 'drop'}"
    )
    return "town_files", TOLD


def of_the_web(_: Project, __: Path, publisher: Publisher) -> tuple[str, Given]:
    publisher.files["/things.csv"] = THINGS
    return f"{publisher.url}/things.csv", Given(key=("id",), data_source="web")


def of_an_api(project: Project, _: Path, publisher: Publisher) -> tuple[str, Given]:
    publisher.files["/v1/things"] = b'{"data": [{"id": 1, "n": "a"}]}'
    api = f"shop_api,shop,,{publisher.url}/v1,GET,false,,,none,,,,,,,"
    connect(project, data_source="shop,rest_api,The shop", conn_api=api)
    return "shop_api", Given(key=("id",), options={"endpoint": "things", "record_path": "data"})


def of_a_sqlite_file(_: Project, folder: Path, __: Publisher) -> tuple[str, Given]:
    database(folder / "shop.db")
    return str(folder / "shop.db"), Given(key=("id",), options={"tbl": "things"})


def of_a_connected_database(project: Project, folder: Path, _: Publisher) -> tuple[str, Given]:
    database(folder / "shop.db")
    connect(
        project, data_source="shop,rdbms,A shop", conn_str=f"shop,shop,,{folder / 'shop.db'},,,,sqlite://,"
    )
    return "shop", Given(options={"tbl": "things"})


def database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table things (id integer primary key, n text)")
        connection.execute("insert into things values (1, 'a'), (2, 'b')")
    connection.close()


ORIGINS: list[Origin] = [
    of_a_folder, of_a_connected_folder, of_the_web, of_an_api, of_a_sqlite_file, of_a_connected_database,
]  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("is_with_warehouse", [True, False])
def test_a_source_that_is_taken_away_leaves_nothing(
    project: Project, tmp_path: Path, publisher: Publisher, origin: Origin, is_with_warehouse: bool
) -> None:
    if is_with_warehouse:
        warehouse = "warehouse,warehouse,${PGHOST},${PGDATABASE},${PGUSER},env:PGPASSWORD,,,"
        connect(project, data_source="warehouse,rdbms,Ours", conn_str=warehouse)
    place, given = origin(project, tmp_path, publisher)
    before, folders = content_of(project), sorted(project.models.rglob("*"))
    write(project, prepare_proposal(project, "things", place, given))
    assert content_of(project) != before
    removal = plan_removal(project, "things")
    assert removal.edited == ()
    remove(project, removal)
    assert content_of(project) == before
    assert sorted(project.models.rglob("*")) == folders
    assert check(project.seeds) == []


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("is_ended", [True, False])
def test_files_keep_line_ends_order_and_what_stands_between(
    project: Project, libraries: Path, line_end: str, is_ended: bool
) -> None:
    connect(project, data_source='other,local_files,"Files, of\nothers"\n', conn_str="others,other,,,,,,,/o")
    for path in project.seeds.glob("*.csv"):
        text = path.read_text().replace("\n", line_end)
        path.write_bytes((text if is_ended else text.removesuffix(line_end)).encode())
    before = content_of(project)
    write(project, prepare_proposal(project, "libraries", str(libraries), Given(key=("code",))))
    remove(project, plan_removal(project, "libraries"))
    assert content_of(project) == before


def test_rows_go_wherever_they_stand() -> None:
    text = b'a,b\n1,"x\ny"\n2,z\n\n3,w\n'
    assert without_lines(text, [2]) == b"a,b\n2,z\n\n3,w\n"
    assert without_lines(text, [4, 6]) == b'a,b\n1,"x\ny"\n\n'
    assert without_lines(text.removesuffix(b"\n"), [6]) == b'a,b\n1,"x\ny"\n2,z\n'
    assert without_lines(b"\xef\xbb\xbfa\n1\n2", [3]) == b"\xef\xbb\xbfa\n1"


def test_what_another_source_uses_stays(project: Project, libraries: Path, made: Project) -> None:
    again = Given(key=("code",), data_source="files")
    write(project, prepare_proposal(project, "again", str(libraries), again))
    conn_str = read_catalog(project.seeds).sources["again"].conn_str
    assert conn_str is not None
    assert conn_str.name == "libraries_files"
    remove(project, plan_removal(made, "libraries"))
    assert set(read_catalog(project.seeds).sources) == {"again"}
    remove(project, plan_removal(project, "again"))
    assert read_catalog(project.seeds).sources == {}
    assert (
        "libraries_files" in read_catalog(project.seeds).conn_strs
    )  # made for another source: not known to be its own


def test_a_job_of_several_sources_stays(tmp_path: Path) -> None:
    project = Project(make_project(tmp_path / "town", SEEDS, {}), tmp_path / "home")
    removal = plan_removal(project, "prices")
    assert "job" not in removal.rows
    assert removal.unused == ("market_prices in seeds/conn_str.csv",)
    remove(project, removal)
    assert set(read_catalog(project.seeds).sources) == {"cities", "ratings"}
    assert not list(project.models.rglob("*prices*"))


def mart(project: Project) -> str:
    (project.models / "marts" / "visits.sql").write_text("select *\nfrom {{ ref('hist_libraries') }}\n")
    return r"models/marts/visits\.sql:2 names hist_libraries"


def raw_table(project: Project) -> str:
    (project.models / "marts" / "raw.sql").write_text('select * from {{ source("raw", "libraries") }}\n')
    return r"models/marts/raw\.sql:1 names source"


def table(project: Project) -> str:
    connect(project, sql_script="purge,false,delete from historical.libraries")
    return r"seeds/sql_script\.csv:2 names historical\.libraries"


def further_properties(project: Project) -> str:
    path = project.models / "staging" / "files" / "mine.yml"
    path.write_text("models:\n  - name: stg_libraries\n")
    return r"mine\.yml:2 names stg_libraries"


def later_job(project: Project) -> str:
    connect(project, job="report,false,,false,false,batch,,libraries,me,true,Reports,,,,,,,,,,")
    return r"job report runs after it \(seeds/job\.csv:2, after_job\)"


@pytest.mark.parametrize("depend", [mart, raw_table, table, further_properties, later_job])
def test_what_something_depends_on_stays(made: Project, depend: Callable[[Project], str]) -> None:
    says = depend(made)
    before = content_of(made)
    with pytest.raises(NewSourceRefused, match=rf"libraries is needed: .*{says}"):
        plan_removal(made, "libraries")
    assert content_of(made) == before


@pytest.mark.parametrize("name", ["*", "no_such", "../x", "librarie", "stg_libraries"])
def test_a_name_that_is_no_source_takes_nothing(made: Project, name: str) -> None:
    with pytest.raises(NewSourceRefused, match=r"no source|is no name"):
        plan_removal(made, name)


def test_a_model_that_a_person_edited_is_named_before(made: Project) -> None:
    path = made.models / "staging" / "files" / "stg_libraries.sql"
    path.write_text(path.read_text() + "-- mine\n")
    assert plan_removal(made, "libraries").edited == (path,)
    shown = remove_source(0, "libraries", "--dry-run").stdout
    assert "stg_libraries.sql edited: it is not as it was generated" in shown
    assert path.exists()


@pytest.mark.parametrize("nth", range(9))
def test_a_failure_at_any_file_leaves_all_as_it_was(
    made: Project, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    before = content_of(made)
    calls = iter(range(100))
    real_replace, real_unlink = writing._replace, Path.unlink

    def failing(*_: object) -> None:
        if next(calls) == nth:
            raise OSError(5, "Input/output error")

    def replace(path: Path, content: bytes, *, is_new: bool) -> None:
        failing()
        real_replace(path, content, is_new=is_new)

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.suffix in (".sql", ".yml"):
            failing()
        real_unlink(path, missing_ok=missing_ok)

    removal = plan_removal(made, "libraries")
    monkeypatch.setattr(writing, "_replace", replace)
    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(OSError, match="Input/output"):
        remove(made, removal)
    monkeypatch.undo()
    assert content_of(made) == before
    assert writing.unfinished(made) is None


KILLED = """
import os, signal, sys
from pathlib import Path
from headwater.new_source import write as writing
from headwater.new_source.begin import Given, prepare_proposal
from headwater.new_source.remove import plan_removal, remove
from headwater.project import Project

project, calls, real = Project(Path(sys.argv[1]), Path(sys.argv[2])), iter(range(100)), os.fdopen

def dying(*arguments, **named):
    if arguments[1] == "wb" and next(calls) == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)

if sys.argv[5] == "write":
    proposal = prepare_proposal(project, "libraries", sys.argv[3], Given(key=("code",)))
    writing.os.fdopen = dying
    writing.write(project, proposal)
else:
    removal = plan_removal(project, "libraries")
    writing.os.fdopen = dying
    remove(project, removal)
"""


@pytest.mark.parametrize("nth", [0, 1, 2, 3, 4, 5, 7, 8])
@pytest.mark.parametrize("does", ["write", "remove"])
def test_what_a_killed_command_left_is_said_and_taken_away(
    project: Project, libraries: Path, does: str, nth: int
) -> None:
    before = content_of(project)
    if does == "remove":
        write(project, prepare_proposal(project, "libraries", str(libraries), Given(key=("code",))))
        nth = min(nth, 4)  # files that are rewritten
    whole = content_of(project)
    arguments = (str(project.root), str(project.home), str(libraries), str(nth), does)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    left = {name: content for name, content in content_of(project).items() if "/.headwater-" not in name}
    if left in (before, whole):  # none of it was written yet, or none removed
        with suppress(NewSourceRefused):  # its data source is there already
            prepare_proposal(project, "others", str(libraries), Given())
        assert content_of(project) == left
        assert writing.unfinished(project) is None
        return
    with pytest.raises(NewSourceRefused, match="headwater remove-source libraries takes them away"):
        prepare_proposal(project, "others", str(libraries), Given())
    if check(project.seeds):
        message = CliRunner().invoke(app, ["check"]).stderr
        assert "headwater remove-source libraries takes them away" in " ".join(message.split())
    remove_source(0, "libraries", "--yes")
    assert content_of(project) == before
    assert not list(project.root.rglob(".headwater-*"))
    assert writing.unfinished(project) is None


def test_nobody_is_asked_where_nobody_can_answer(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content_of(made)
    shown = remove_source(2, "libraries")
    assert "expected --yes" in shown.stderr
    for message in ("seeds/source.csv: libraries", "seeds/attribute.csv", "historical.libraries", "S3"):
        assert message in shown.stdout
    monkeypatch.setattr("headwater.cli.source_changes._can_ask", lambda as_json: not as_json)
    assert CliRunner().invoke(app, ["remove-source", "libraries"], input="n\n").exit_code == 0
    assert content_of(made) == before
    assert CliRunner().invoke(app, ["remove-source", "libraries"], input="y\n").exit_code == 0
    assert read_catalog(made.seeds).sources == {}


def test_metadata_that_need_the_source_are_not_left_broken(made: Project) -> None:
    """A table of a person's own is of the data source to which nothing would lead."""
    connect(made, tbl="public.own,files,,small")
    before = content_of(made)
    says = r"libraries cannot be taken away by itself: without it seeds/data_source\.csv:\d+: data_source: .*files"
    with pytest.raises(NewSourceRefused, match=says):
        plan_removal(made, "libraries")
    assert content_of(made) == before


def test_options_of_a_file_of_sqlite_are_told(project: Project, tmp_path: Path) -> None:
    database(tmp_path / "shop.db")
    with pytest.raises(NewSourceRefused, match=r"shop\.db: leads to a database, .* --option tbl=things"):
        prepare_proposal(project, "things", str(tmp_path / "shop.db"), Given())
    given = Given(options=parse_options(["tbl=things"]))
    proposal = prepare_proposal(project, "things", str(tmp_path / "shop.db"), given)
    assert (proposal.key, proposal.data_source, harmful_doubts_of(proposal)) == (["id"], "shop", [])
