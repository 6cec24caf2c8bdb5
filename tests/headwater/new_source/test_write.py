"""Writing: all of a source or nothing of it, and nothing over what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.metadata.errors import HeadwaterError, MetadataInvalid, NewSourceRefused
from headwater.metadata.static.check import check
from headwater.metadata.static.read import read_catalog
from headwater.new_source import write
from headwater.new_source.begin import Given, prepare_proposal
from headwater.new_source.proposal import Proposal
from headwater.project import Project
from tests.headwater.new_source.conftest import content_of

SEVERAL = 11  # files that are written


@pytest.fixture
def proposal(project: Project, libraries: Path) -> Proposal:
    return prepare_proposal(
        project, "libraries", str(libraries), Given(key=["code"], data_source="town_hall")
    )


def test_a_source_that_was_written_passes_every_check(project: Project, proposal: Proposal) -> None:
    before = content_of(project)
    written = write.write(project, proposal)
    assert len(written) == SEVERAL
    assert check(project.seeds) == []
    source = read_catalog(project.seeds).sources["libraries"]
    assert [attribute.target_name for attribute in source.keys] == ["code"]
    assert source.options["delimiter"] == ";"
    for path, content in content_of(project).items():
        assert content.startswith(before.get(path, b""))


def test_a_second_one_of_the_name_is_refused(project: Project, proposal: Proposal, libraries: Path) -> None:
    write.write(project, proposal)
    before = content_of(project)
    with pytest.raises(NewSourceRefused, match=r"libraries is there already: a source in seeds/source\.csv"):
        prepare_proposal(project, "libraries", str(libraries), Given(data_source="other"))
    with pytest.raises(NewSourceRefused, match="libraries is there already"):
        write.write(project, proposal)
    assert content_of(project) == before


def test_a_data_source_that_is_there_is_joined_by_choice_alone(
    project: Project, proposal: Proposal, libraries: Path
) -> None:
    write.write(project, proposal)
    seeds = project.seeds / "data_source.csv"
    seeds.write_text(seeds.read_text().replace("town_hall,local_files", "files,local_files"))
    for name in ("conn_str", "source"):
        path = project.seeds / f"{name}.csv"
        path.write_text(path.read_text().replace("town_hall", "files"))
    for layer in ("staging", "historical"):
        (project.models / layer / "town_hall").rename(project.models / layer / "files")
    from headwater.dbt_project.generate import generated_files, write_files

    write_files(generated_files(read_catalog(project.seeds).sources.values(), project.models))
    with pytest.raises(NewSourceRefused, match=r"files is there already in seeds/data_source\.csv"):
        prepare_proposal(project, "again", str(libraries), Given())
    write.write(project, prepare_proposal(project, "again", str(libraries), Given(data_source="files")))
    assert check(project.seeds) == []
    assert (project.seeds / "conn_str.csv").read_text().count("\n") == 2  # one leads there already


@pytest.mark.parametrize("name", ["stg_libraries.sql", "hist_libraries.yml", "libraries.sql"])
def test_a_file_of_the_name_is_refused_and_stays(project: Project, libraries: Path, name: str) -> None:
    path = project.models / "marts" / name
    path.write_text("select 1 as mine")
    before = content_of(project)
    with pytest.raises(NewSourceRefused, match=f"libraries is there already: a file, models/marts/{name}"):
        prepare_proposal(project, "libraries", str(libraries), Given())
    assert content_of(project) == before


@pytest.mark.parametrize("name", ["Libraries", "2libraries", "a" * 51, "a b", "../x"])
def test_a_name_that_is_not_safe_is_refused(project: Project, libraries: Path, name: str) -> None:
    with pytest.raises(NewSourceRefused, match="is not a safe name"):
        prepare_proposal(project, name, str(libraries), Given())


@pytest.mark.parametrize("nth", range(SEVERAL))
def test_a_failure_at_any_file_leaves_nothing_behind(
    project: Project, proposal: Proposal, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    before = content_of(project)
    folders = sorted(project.models.rglob("*"))
    real, calls = write._replace, iter(range(100))

    def failing(path: Path, content: bytes, *, is_new: bool) -> None:
        if next(calls) == nth:
            raise OSError(28, "No space left on device")
        real(path, content, is_new=is_new)

    monkeypatch.setattr(write, "_replace", failing)
    with pytest.raises(OSError, match="No space"):
        write.write(project, proposal)
    assert content_of(project) == before
    assert sorted(project.models.rglob("*")) == folders


def test_rows_that_break_a_rule_are_not_written(project: Project, proposal: Proposal) -> None:
    before = content_of(project)
    proposal.options["date_format"] = "no date"
    with pytest.raises(MetadataInvalid, match=r"seeds/source_attribute\.csv"):
        write.write(project, proposal)
    assert content_of(project) == before


def test_seeds_that_are_broken_already_are_told_first(project: Project, libraries: Path) -> None:
    path = project.seeds / "job.csv"
    path.write_text(path.read_text() + "broken\n")
    with pytest.raises(MetadataInvalid, match=r"seeds/job\.csv:2"):
        prepare_proposal(project, "libraries", str(libraries), Given())


def test_a_file_that_changes_meanwhile_is_not_overwritten(
    project: Project, proposal: Proposal, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = write._model_changes

    def changing(*arguments: object) -> list[write.Change]:
        changes = real(*arguments)  # type: ignore[arg-type]
        path = project.seeds / "source.csv"
        path.write_bytes(path.read_bytes() + b"\n")
        return changes

    monkeypatch.setattr(write, "_model_changes", changing)
    before = content_of(project)
    with pytest.raises(HeadwaterError, match=r"source\.csv: changed while"):
        write.write(project, proposal)
    assert content_of(project) == before | {"seeds/source.csv": before["seeds/source.csv"] + b"\n"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a,b\n1,2\n", b'a,b\n1,2\n,"x, ""y"""\n'),
        (b"a,b\r\n1,2\r\n", b'a,b\r\n1,2\r\n,"x, ""y"""\r\n'),
        (b"a,b\n1,2", b'a,b\n1,2\n,"x, ""y"""'),
        (b"b,c,a\n", b'b,c,a\n"x, ""y""",,\n'),
    ],
)
def test_rows_go_to_the_end_by_the_header_and_the_rest_stays_as_it_is(before: bytes, after: bytes) -> None:
    assert write.with_rows(before, [{"b": 'x, "y"'}]) == after


def test_a_column_that_the_seeds_lack_is_added_where_a_row_fills_it() -> None:
    row = {"a": "1", "c": "", "d": "x"}
    before = b'\xef\xbb\xbfa,b\r\n"one\r\ntwo",2\r\n\r\n3,4'
    grown = write.with_columns(before, [row])
    assert grown == b'\xef\xbb\xbfa,b,d\r\n"one\r\ntwo",2,\r\n\r\n3,4,'
    assert write.with_rows(grown, [row]) == grown + b"\r\n1,,x"
    assert write.with_columns(before, [{"a": "1", "c": ""}]) == before


def test_sources_of_one_job(project: Project, libraries: Path) -> None:
    """The first makes the job, the second joins it; of an E job it gets the E task alone."""
    with_warehouse(project)
    of_job = Given(key=["code"], data_source="town_hall", job="town")
    write.write(project, prepare_proposal(project, "libraries", str(libraries), of_job))
    seeds = project.seeds / "job.csv"
    seeds.write_text(seeds.read_text().replace("town,true,ETL", "town,true,E"))
    write.write(project, prepare_proposal(project, "branches", str(libraries), of_job))

    catalog = read_catalog(project.seeds)

    assert list(catalog.jobs) == ["town"]
    assert {source.name: source.job for source in catalog.sources.values()} == {
        "libraries": "town", "branches": "town",
    }  # fmt: skip
    steps = {task.name: task.etl_step for task in catalog.job_tasks.values() if task.source == "branches"}
    assert steps == {"branches_extract": "E"}


def test_a_job_that_extracts_nothing_takes_no_source(project: Project, libraries: Path) -> None:
    seeds = project.seeds / "job.csv"
    seeds.write_text(
        seeds.read_text()
        + "tidying,false,,,,maintenance,,,town,false,Tidies up\n".replace("up\n", "up,,,,,,,,,,\n")
    )

    with pytest.raises(NewSourceRefused, match=r"--job tidying: its etl_steps are none \(seeds/job.csv:2\)"):
        prepare_proposal(project, "libraries", str(libraries), Given(key=["code"], job="tidying"))


def with_warehouse(project: Project) -> None:
    """Add our own database to the seeds, so that tasks are written."""
    for table, row in {
        "data_source": "warehouse,rdbms,Our own\n",
        "conn_str": "warehouse,warehouse,${PGHOST},${PGDATABASE},${PGUSER},env:PGPASSWORD,,,\n",
    }.items():
        with (project.seeds / f"{table}.csv").open("a", encoding="utf-8") as file:
            file.write(row)
