"""How files are read is a part of the definition: it may change from a date on, and never for what was read."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.dbt_project.generate import generated_files, write_files
from headwater.metadata.static.read import read_catalog
from headwater.pipeline import retention
from headwater.pipeline.rebuild import rebuild
from headwater.pipeline.runners.sources import run
from headwater.project import Project
from tests.pipeline.line import Line, cities, of_source
from tests.pipeline.project import SEEDS, make_project
from tests.pipeline.test_columns import OPTIONAL_PEOPLE, decided, publish
from tests.support.history_oracle import Delivery

CHANGED = (
    "cities: Definition changed: source cities: {message}. Its tables were made with what was;"
    " `headwater rebuild cities` makes them again from S3, and asks no publisher."
)


class WithSeeds:
    """A project of its own that can be told other things of `cities` each time: dbt then reads only what changed."""

    def __init__(self, root: Path, home: Path) -> None:
        self._project = Project(make_project(root), home)

    def __call__(self, *options: str, **tables: tuple[str, str]) -> Project:
        """The project with more options of cities, and with texts of its other seeds replaced."""
        rows = "".join(f"cities,{option}\n" for option in options)
        changes = {"source_attribute": ("cities,conn_str,", f"{rows}cities,conn_str,"), **tables}
        for table, text in SEEDS.items():
            old, new = changes.get(table, ("", ""))
            assert table not in changes or text.count(old) == 1
            (self._project.seeds / f"{table}.csv").write_text(text.replace(old, new), encoding="utf-8")
        write_files(generated_files(read_catalog(self._project.seeds).sources.values(), self._project.models))
        return self._project


@pytest.fixture
def with_seeds(line: Line, tmp_path: Path) -> WithSeeds:
    return WithSeeds(tmp_path / "told", line.project.home)


def publish_written(
    line: Line, delivery: Delivery, delimiter: str = ",", encoding: str = "utf-8"
) -> Delivery:
    """Have the publisher write a delivery in a way of its own."""
    line.deliver("cities", delivery)
    path = line.publisher / "cities" / delivery.name
    path.write_bytes(path.read_text(encoding="utf-8").replace(",", delimiter).encode(encoding))
    return delivery


def failures(line: Line, project: Project) -> list[str]:
    return of_source(run(project, ["cities"], line.messages.append), "cities").failures


def test_each_delivery_is_read_in_the_way_of_its_date_whenever_it_is_loaded(
    line: Line, with_seeds: WithSeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another way of writing halts a delivery, is told, and goes on; all is purged, and two more come late."""
    days = [
        publish_written(line, cities(1, {"a": ("Ägypten", 1)})),
        publish_written(line, cities(3, {"a": ("Altägypten", 2)}), "\t"),
    ]
    tabs = with_seeds(r"delimiter,\t,2026-01-02")
    assert run(tabs, ["cities"], line.messages.append).exit_code == 0
    days.append(publish_written(line, cities(5, {"a": ("Ägypten", 3)}), ";", "latin1"))
    (halt,) = run(tabs, ["cities"], line.messages.append).halts
    assert halt.why.endswith("is not utf-8, expected text in that encoding (source_attribute encoding)")

    both = with_seeds(r"delimiter,\t,2026-01-02", "delimiter,;,2026-01-05", "encoding,latin1,2026-01-05")
    assert decided(line, both, "replay", days[-1].name).exit_code == 0
    line.assert_history("cities", *days)

    monkeypatch.setattr(retention, "policy", lambda _: {"raw": 0, "staging": 0})
    assert run(both, ["cities"], line.messages.append).exit_code == 0
    assert line.query("select 1 from raw.cities") == []
    late = [
        publish_written(line, cities(2, {"a": ("ä", 9)}), "\t"),
        publish_written(line, cities(4, {"b": ("Bär", 4)}), "\t"),
    ]
    assert run(both, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities", days[0], late[0], days[1], late[1], days[2])

    assert rebuild(both, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities", days[0], late[0], days[1], late[1], days[2])


def test_a_change_for_what_was_read_asks_for_a_rebuild_even_if_it_was_purged(
    line: Line, with_seeds: WithSeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "policy", lambda _: {"raw": 0, "staging": 0})
    first = publish_written(line, cities(2, {"a": ("Ä", 1)}))
    third = publish_written(line, cities(6, {"a": ("Ä", 2)}))
    line.ran_well("cities")
    before = line.essence()["historical.cities"]
    publish_written(line, cities(4, {"a": ("Ä", 3)}))

    latin = with_seeds("encoding,latin1,2026-01-03")
    assert failures(line, latin) == [
        CHANGED.format(message='encoding was the default, is "iso8859-1", for cities-20260106.csv')
    ]
    assert line.essence()["historical.cities"] == before
    assert rebuild(latin, ["cities"], line.messages.append).exit_code == 0
    line.assert_history(
        "cities", first, cities(4, {"a": ("Ã\x84", 3)}), replace(third, rows={("a",): ("Ã\x84", 2)})
    )


def test_a_change_for_what_is_still_to_come_needs_nothing(line: Line, with_seeds: WithSeeds) -> None:
    first = publish_written(line, cities(1, {"a": ("A", 1)}))
    line.ran_well("cities")
    soon = with_seeds("delimiter,;,2026-01-03")
    assert run(soon, ["cities"], line.messages.append).exit_code == 0
    ((recorded,),) = line.query("select definition -> 'reading' from metadata.source_definition")
    assert recorded == {"delimiter": [{"valid_from": "2026-01-03T00:00:00+00:00", "value": ";"}]}

    second = publish_written(line, cities(3, {"a": ("A", 2)}), ";")
    assert run(soon, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities", first, second)
    assert failures(line, line.project) == [
        CHANGED.format(message='delimiter was ";", is the default, for cities-20260103.csv')
    ]


WRONG: Mapping[str, dict[str, tuple[str, str]]] = {
    "a name": {"attribute": ("cities,people,people,", "cities,inhabitants,people,")},
    "a name and a type": {"attribute": ("cities,City Code,city,text", "cities,city,city,integer")},
    "the delimiter": {"source_attribute": ("cities,conn_str,", "cities,delimiter,;,\ncities,conn_str,")},
}


@pytest.mark.parametrize(
    "wrong",
    [pytest.param(name, marks=pytest.mark.long) if name != "a name and a type" else name for name in WRONG],
)
def test_metadata_that_was_wrong_for_the_first_file_is_mended_and_the_delivery_replayed(
    line: Line, with_seeds: WithSeeds, wrong: str
) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    mistaken = with_seeds(**WRONG[wrong])
    result = run(mistaken, ["cities"], line.messages.append)
    (halt,) = result.halts
    assert (result.exit_code, halt.publisher_name) == (3, first.name)
    assert "Once that is mended, `headwater replay 1` loads it" in halt.why
    assert decided(line, line.project, "replay", first.name).exit_code == 0
    line.assert_history("cities", first)
    assert line.ran_well("cities").exit_code == 0


@pytest.mark.long
def test_a_first_delivery_that_only_its_checks_halted_binds_until_it_is_replayed(
    line: Line, with_seeds: WithSeeds
) -> None:
    """Its rows are in raw and staging; a replay takes them out, and nothing is left that was made with what was."""
    rows = {f"c{number}": ("C", number) for number in range(12)}
    first = line.deliver("cities", cities(1, rows))
    mistaken = with_seeds(attribute=("cities,people,people,integer", "cities,people,people,date"))
    (halt,) = run(mistaken, ["cities"], line.messages.append).halts
    assert halt.checks == ("type_changed", "empty")
    message = 'attribute people: data_type was "date", is "integer"'
    assert failures(line, line.project) == [CHANGED.format(message=message)]
    assert decided(line, line.project, "replay", first.name).exit_code == 0
    line.assert_history("cities", first)


def test_a_later_name_asks_for_a_rebuild_where_it_would_fill_what_was_accepted_without(
    line: Line, with_seeds: WithSeeds
) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    second = publish(line, 2, "City Code,name,inhabitants,seen", "a,A,2,@")
    assert [halt.publisher_name for halt in line.run("cities").halts] == [second]
    assert decided(line, line.project, "accept", second).exit_code == 0
    line.assert_history("cities", first, cities(2, {"a": ("A", None)}))

    unrelated = with_seeds("renamed_columns,people=heads,")
    assert run(unrelated, ["cities"], line.messages.append).exit_code == 0
    renamed = with_seeds("renamed_columns,people=heads|people=inhabitants,")
    assert failures(line, renamed) == [
        CHANGED.format(message='column people was missing, is "inhabitants", for cities-20260102.csv')
    ]
    shutil.rmtree(line.publisher / "cities")
    assert rebuild(renamed, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities", first, cities(2, {"a": ("A", 2)}))


@pytest.mark.long
def test_a_later_name_of_a_column_that_may_be_missing_does_so_too(line: Line, with_seeds: WithSeeds) -> None:
    optional = with_seeds(attribute=OPTIONAL_PEOPLE)
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    publish(line, 2, "City Code,name,inhabitants,seen", "a,A,2,@")
    assert run(optional, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities", first, cities(2, {"a": ("A", None)}))
    renamed = with_seeds("renamed_columns,people=inhabitants,", attribute=OPTIONAL_PEOPLE)
    assert failures(line, renamed) == [
        CHANGED.format(message='column people was missing, is "inhabitants", for cities-20260102.csv')
    ]
    result = decided(line, renamed, "replay", "cities-20260102.csv")  # read anew, it needs no rebuild
    assert (result.exit_code, result.failures) == (0, [])
    line.assert_history("cities", first, cities(2, {"a": ("A", 2)}))


def test_a_definition_of_an_earlier_version_is_completed_without_a_rebuild(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.ran_well("cities")
    ((full,),) = line.query("select definition from metadata.source_definition")
    line.execute(
        "update metadata.source_definition set definition = definition - '{reading,names,on_duplicate_key}'::text[]"
    )
    line.ran_well("cities")
    assert line.query("select definition from metadata.source_definition") == [(full,)]
    line.assert_history("cities", first)
