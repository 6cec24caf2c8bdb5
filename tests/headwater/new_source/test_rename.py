"""Renaming a source in the files of a project: all that names it and nothing else, whole or taken up again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from headwater.dbt_project.generate import generated_files, stale_files
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.check import check
from headwater.metadata.static.read import read_catalog
from headwater.new_source import write as writing
from headwater.new_source.rename import plan_renaming, rename, renamed_text
from headwater.new_source.write import Change
from headwater.project import Project
from tests.headwater.new_source.conftest import content_of
from tests.pipeline.project import SEEDS, make_project

LATER = "report,false,,false,false,batch,,market|cities,town,false,After both,,,,,\n"
NOTES = "# the cities of today\nmodels:\n  - name: town\n    columns: [{name: cities}]\n"


@pytest.fixture
def town(tmp_path: Path) -> Project:
    """A project whose author names `cities` in a mart, a test, a script, a job and a comment."""
    seeds = {
        **SEEDS,
        "job": SEEDS["job"] + LATER,
        "sql_script": 'sql_script,is_stored_proc,sql_text\ncount,false,"select 1\nfrom historical.cities"\n',
    }
    root = make_project(tmp_path / "town", seeds)
    (root / "tests").mkdir()
    (root / "tests" / "positive.sql").write_text("select * from {{ ref('hist_cities') }} where people < 0\n")
    (root / "models" / "marts" / "notes.yml").write_text(NOTES)
    return Project(root, tmp_path / "home")


def test_everything_that_means_the_source_has_the_new_name(town: Project) -> None:
    planned = plan_renaming(town, "cities", "towns")
    assert planned.named == ("models/marts/notes.yml:1", "models/marts/notes.yml:4", *mart_lines(town))
    rename(town, planned)
    assert check(town.seeds) == []
    catalog = read_catalog(town.seeds)
    assert set(catalog.sources) == {"towns", "prices", "ratings"}
    assert catalog.sources["towns"].job == "towns"
    assert catalog.jobs["report"].after_job == ("market", "towns")
    assert "from historical.towns" in (town.seeds / "sql_script.csv").read_text()
    assert "ref('hist_towns')" in (town.root / "tests" / "positive.sql").read_text()
    assert "ref('hist_towns')" in (town.models / "marts" / "town.sql").read_text()
    assert (town.models / "marts" / "notes.yml").read_text() == NOTES
    assert not list(town.models.rglob("*cities*"))
    assert stale_files(generated_files(catalog.sources.values(), town.models)) == []


def mart_lines(town: Project) -> Iterable[str]:
    """The lines of the mart that have the word as the name of a CTE or column of its own."""
    text = (town.models / "marts" / "town.sql").read_text().replace("hist_cities", "").splitlines()
    return [f"models/marts/town.sql:{number}" for number, line in enumerate(text, 1) if "cities" in line]


def test_an_edited_model_keeps_its_edits(town: Project) -> None:
    path = town.models / "staging" / "town_hall" / "stg_cities.sql"
    path.write_text(path.read_text() + "-- all cities\n")
    rename(town, plan_renaming(town, "cities", "towns"))
    text = path.with_name("stg_towns.sql").read_text()
    assert "raw_deliveries('towns')" in text
    assert text.endswith("-- all cities\n")


def test_there_and_back_again_is_where_it_was(town: Project) -> None:
    before = content_of(town)
    rename(town, plan_renaming(town, "cities", "towns"))
    rename(town, plan_renaming(town, "towns", "cities"))
    assert content_of(town) == before


def test_a_failure_at_any_file_leaves_all_as_it_was(town: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before, planned, real = content_of(town), plan_renaming(town, "cities", "towns"), writing._replace
    for nth in range(sum(change.after is not None for change in planned.changes)):
        calls = iter(range(100))

        def failing(
            path: Path, content: bytes, *, is_new: bool, nth: int = nth, calls: Iterable[int] = calls
        ) -> None:
            if next(iter(calls)) == nth:
                raise OSError(5, "Input/output error")
            real(path, content, is_new=is_new)

        with monkeypatch.context() as patch:
            patch.setattr(writing, "_replace", failing)
            with pytest.raises(OSError, match="Input/output"):
                rename(town, planned)
        assert content_of(town) == before


def test_a_renaming_that_was_killed_at_any_file_goes_on(town: Project) -> None:
    changes = plan_renaming(town, "cities", "towns").changes
    before = {change.path: change.before for change in changes}
    for done in range(1, len(changes)):
        write_as_killed(changes[:done])
        rename(town, plan_renaming(town, "cities", "towns", is_resumed=True))
        assert check(town.seeds) == []
        assert {
            change.path: change.path.read_bytes() if change.path.exists() else None for change in changes
        } == {change.path: change.after for change in changes}
        write_as_killed(Change(path, None, content) for path, content in before.items())


def write_as_killed(changes: Iterable[Change]) -> None:
    """Write files as a process did that was then killed."""
    for change in changes:
        if change.after is None:
            change.path.unlink(missing_ok=True)
        else:
            change.path.parent.mkdir(parents=True, exist_ok=True)
            change.path.write_bytes(change.after)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cities", "prices", "prices is there already: a source in seeds/source.csv"),
        ("cities", "market", "market is there already: a job in seeds/job.csv"),
        ("cities", "town", r"town is there already: a file, models/marts/town\.sql"),
        ("cities", "Big Town", "Big Town"),
        ("cities", "cities", "cities is its name already"),
        ("village", "towns", "no source village, expected one of cities, prices, ratings"),
    ],
)
def test_a_name_that_cannot_be_given_changes_nothing(town: Project, old: str, new: str, says: str) -> None:
    before = content_of(town)
    with pytest.raises(NewSourceRefused, match=says):
        plan_renaming(town, old, new)
    assert content_of(town) == before


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("{{ source('raw', 'a') }} {{ source('web', 'a') }}", "{{ source('raw', 'b') }} {{ source('web', 'a') }}"),
        ("stg_a stg_aa my_stg_a hist_a.x", "stg_b stg_aa my_stg_a hist_b.x"),
        ('historical.a historical."a" x.historical.a raw.a_b', 'historical.b historical."b" x.historical.a raw.a_b'),
        ("{{ headwater.known_at('a', x) }}", "{{ headwater.known_at('b', x) }}"),
        ("{{ other.known_at('a') }}", "{{ other.known_at('a') }}"),
        ("{{ doc('a__key') }} {{ doc('ba__key') }}", "{{ doc('b__key') }} {{ doc('ba__key') }}"),
        ("a as a, 'a'", "a as a, 'a'"),
    ],
)  # fmt: skip
def test_only_what_means_the_source_is_replaced(text: str, becomes: str) -> None:
    assert renamed_text(text, "a", "b") == becomes
