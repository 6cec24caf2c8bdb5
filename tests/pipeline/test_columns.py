"""When a publisher changes the columns: what happens to a delivery, what is said, and how it goes on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.dbt_project.generate import generated_files, write_files
from headwater.metadata.static.read import read_catalog
from headwater.pipeline import decide
from headwater.pipeline.rebuild import rebuild
from headwater.pipeline.results import RunResult
from headwater.pipeline.runners.sources import run
from headwater.project import Project
from headwater.queries import status
from tests.macros.history_bench import Shape, assert_equals_oracle, snapshot
from tests.pipeline.line import Line, cities, of_source
from tests.pipeline.project import SHAPES, make_project

OPTIONAL_PEOPLE = ("cities,people,people,integer,,,,,,", "cities,people,people,integer,,,,,true,")
REPLAY = "Once that is mended, `headwater replay {sqn}` loads it"
ACCEPT = "; `headwater accept {sqn}` takes it as it is, what is missing as null, what is unknown in _rest."


def publish(line: Line, day: int, header: str, *rows: str) -> str:
    """Have the publisher publish a file of cities as it stands, with its name for `@`; returns that."""
    name = f"cities-202601{day:02}.csv"
    (line.publisher / "cities" / name).write_text(
        "\n".join([header, *rows]).replace("@", name) + "\n", encoding="utf-8"
    )
    return name


def other_project(line: Line, folder: Path, **tables: tuple[str, str]) -> Project:
    """The project, with a text of its seeds replaced by another: table → (old, new)."""
    project = Project(make_project(folder), line.project.home)
    for table, (old, new) in tables.items():
        seed = project.seeds / f"{table}.csv"
        text = seed.read_text(encoding="utf-8")
        assert text.count(old) == 1
        seed.write_text(text.replace(old, new), encoding="utf-8")
    write_files(generated_files(read_catalog(project.seeds).sources.values(), project.models))
    return project


def decided(line: Line, project: Project, decision: str, name: str) -> RunResult:
    return decide.decide(project, decision, line.sqn(name), "a test", line.messages.append)


def checks(line: Line, name: str, check: str = "columns") -> list[tuple[Any, ...]]:
    return line.query(
        "select severity, passed, observed from metadata.data_quality_checks"
        " where delivery_sqn = :sqn and check_name = :check",
        sqn=line.sqn(name), check=check,
    )  # fmt: skip


def test_another_order_changes_nothing_and_a_new_column_is_kept_and_said_once(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 2)}))
    second = publish(line, 2, "people,seen,City Code,name", "1,@,a,A", "2,@,b,B")
    third = publish(line, 3, "City Code,name,mayor,people,seen", "a,A,Ann,3,@")
    fourth = publish(line, 4, "City Code,name,mayor,people,seen", "a,A,Bob,4,@")
    message = "'mayor' (column 3) is new: kept in _rest"
    result = line.ran_well("cities")
    assert of_source(result, "cities").warnings == [
        f"{second}: nothing_new: no key is new, changed or removed: the same 2 as are current",
        f"{third}: columns: {message}",
    ]
    line.assert_history(
        "cities",
        first,
        cities(2, {"a": ("A", 1), "b": ("B", 2)}),
        cities(3, {"a": ("A", 3)}),
        cities(4, {"a": ("A", 4)}),
    )
    assert [checks(line, name) for name in (first.name, second, third, fourth)] == [
        [("warning", True, "every column has an attribute")],
        [("warning", True, "every column has an attribute")],
        [("warning", False, message)],
        [("warning", True, "as before; without an attribute, kept in _rest: 'mayor' (column 3)")],
    ]
    assert line.query("select people, _rest from raw.cities order by delivery_sqn, line_number") == [
        ("1", None),
        ("2", None),
        ("1", None),
        ("2", None),
        ("3", {"mayor": "Ann"}),
        ("4", {"mayor": "Bob"}),
    ]


def test_a_missing_column_halts_is_kept_on_s3_and_goes_on_once_it_may_be_missing(
    line: Line, tmp_path: Path
) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    second = publish(line, 2, "City Code,name,seen", "a,A,@", "b,B,@")
    result = line.run("cities")
    sqn = line.sqn(second)
    why = (
        f"{second}:1: 'people' is missing: where it may be, set its is_optional to true in seeds/attribute.csv."
        f" {REPLAY}{ACCEPT}"
    ).format(sqn=sqn)
    (halt,) = result.halts
    assert (result.exit_code, halt.checks, halt.why) == (3, ("columns",), why)
    (row,) = [row for row in status.deliveries(line.database, "cities") if row["status"] == "halted"]
    assert (row["delivery_sqn"], row["checks"], row["why"]) == (sqn, ["columns"], why)
    (page,) = (line.project.home / "data_docs" / "cities").glob("*cities-20260102*.html")
    assert "&#39;people&#39; is missing" in page.read_text()
    assert page.name in (page.parent / "index.html").read_text()
    line.assert_history("cities", first)
    shutil.rmtree(line.publisher / "cities")

    optional = other_project(line, tmp_path / "optional", attribute=OPTIONAL_PEOPLE)
    result = decided(line, optional, "replay", second)
    assert result.exit_code == 0
    line.assert_history("cities", first, cities(2, {"a": ("A", None), "b": ("B", None)}))
    message = "'people' is gone, and null from here on"
    assert of_source(result, "cities").warnings == [f"{second}: columns: {message}"]
    (warning,) = status.sources(line.database, read_catalog(optional.seeds))[0]["warnings"]
    assert (warning["delivery_sqn"], warning["check_name"], warning["observed"]) == (sqn, "columns", message)


def test_accepted_without_a_column_it_is_null_and_the_other_checks_still_check_it(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    second = publish(line, 2, "City Code,name,seen,mayor", "a,A,@,Ann", "b,B,@,Bob")
    third = publish(line, 3, "City Code,name,seen", "a,A,@", "a,A,@")
    assert [halt.checks for halt in line.run("cities").halts] == [("columns",), ("columns",)]

    assert decided(line, line.project, "accept", second).exit_code == 0
    accepted = cities(2, {"a": ("A", None), "b": ("B", None)})
    line.assert_history("cities", first, accepted)
    assert line.query("select _rest from raw.cities where delivery_sqn = :sqn", sqn=line.sqn(second)) == [
        ({"mayor": "Ann"},),
        ({"mayor": "Bob"},),
    ]
    result = decided(line, line.project, "accept", third)
    assert [(halt.publisher_name, halt.checks) for halt in result.halts] == [(third, ("duplicate_keys",))]
    line.assert_history("cities", first, accepted)

    before = line.essence()["historical.cities"]
    assert rebuild(line.project, ["cities"], line.messages.append).exit_code == 0  # a decision is kept
    assert line.essence()["historical.cities"] == before
    assert [halt.checks for halt in decided(line, line.project, "replay", second).halts] == [("columns",)]
    with pytest.raises(decide.NotDecidable, match="what it does is known only then"):
        decide.dry_run(line.project, "accept", line.sqn(second), line.messages.append)


def test_without_its_key_a_delivery_cannot_be_accepted(line: Line) -> None:
    name = publish(line, 1, "name,people,seen", "A,1,@")
    (halt,) = line.run("cities").halts
    assert halt.checks == ("key_columns",)
    assert halt.why == (
        f"{name}:1: 'City Code' is missing, of the key: without it rows cannot be distinguished."
        f" {REPLAY.format(sqn=line.sqn(name))}."
    )
    with pytest.raises(
        decide.NotDecidable, match="it lacks a column without which rows cannot be distinguished"
    ):
        decided(line, line.project, "accept", name)


def test_a_renamed_column_is_asked_about_and_read_on_under_both_names(line: Line, tmp_path: Path) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    second = publish(line, 2, "City Code,name_en,people,seen", "a,A,2,@")
    (halt,) = line.run("cities").halts
    assert halt.why == (
        f"{second}:1: 'name' is missing, and 'name_en' (column 2) has no attribute: was it renamed? Then add"
        f" cities,renamed_columns,name=name_en, to seeds/source_attribute.csv. {REPLAY}{ACCEPT}"
    ).format(sqn=line.sqn(second))

    renamed = other_project(
        line, tmp_path / "renamed",
        source_attribute=("cities,conn_str,", "cities,renamed_columns,name=name_en,\ncities,conn_str,"),
    )  # fmt: skip
    assert decided(line, renamed, "replay", second).exit_code == 0
    third = line.deliver("cities", cities(3, {"a": ("A", 3)}))  # and back again
    assert run(renamed, ["cities"], line.messages.append).exit_code == 0
    both = (first, cities(2, {"a": ("A", 2)}), third)
    line.assert_history("cities", *both)
    assert rebuild(renamed, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities", *both)


def test_a_column_whose_type_has_changed_is_named_with_its_values(line: Line) -> None:
    first = line.deliver("cities", cities(1, {f"c{n}": ("C", n) for n in range(12)}))
    rows = [f"c{n},C,{n}.5 k,@" for n in range(11)]
    second = publish(line, 2, "City Code,name,people,seen", *rows, "c11,C,11,@")
    (halt,) = line.run("cities").halts
    assert halt.checks == ("type_changed",)
    assert halt.why.startswith(
        "type_changed: people ('people'): 11 of 12 values are no integer, such as '0.5 k', '1.5 k', '2.5 k':"
        " its type or format has changed (column=people, value=0.5 k, line 2;"
    )
    line.assert_history("cities", first)

    assert decided(line, line.project, "accept", second).exit_code == 0  # what fell out stays out
    fell = [f"c{n}" for n in range(11)]
    line.assert_history("cities", first, cities(2, {"c11": ("C", 11)}, unreadable=fell))


def test_columns_that_changed_places_without_a_header_to_say_so_fall_out_for_their_type(line: Line) -> None:
    """A column without a name can only be told by its values: the header stayed, the values did not."""
    first = line.deliver("cities", cities(1, {f"c{n}": (f"C{n}", n) for n in range(12)}))
    publish(line, 2, "City Code,name,people,seen", *(f"c{n},{n},C{n},@" for n in range(12)))
    (halt,) = line.run("cities").halts
    assert halt.checks == ("type_changed", "empty")
    assert "people ('people'): 12 of 12 values are no integer, such as 'C0', 'C1', 'C2'" in halt.why
    line.assert_history("cities", first)


# ---------- the metadata changes

MAYOR = ("cities,seen,", "cities,mayor,mayor,text,,,,,true,Who governs it\ncities,seen,")
NO_PEOPLE = ("cities,people,people,integer,,,,,,How many live there\n", "")
CHANGES: Mapping[str, tuple[dict[str, tuple[str, str]], Shape, tuple[str, ...], str]] = {
    "added": (
        {"attribute": MAYOR},
        replace(SHAPES["cities"], tracked={"name": "text", "people": "integer", "mayor": "text"}),
        ("name", "people", "mayor"),
        "attribute mayor is new",
    ),
    "added under an earlier name": (
        {
            "attribute": (MAYOR[0], MAYOR[1].replace("cities,mayor,", "cities,governor,")),
            "source_attribute": (
                "cities,conn_str,",
                "cities,renamed_columns,governor=mayor,\ncities,conn_str,",
            ),
        },
        replace(SHAPES["cities"], tracked={"name": "text", "people": "integer", "mayor": "text"}),
        ("name", "people", "mayor"),
        "attribute mayor is new",
    ),
    "removed": (
        {"attribute": NO_PEOPLE},
        replace(SHAPES["cities"], tracked={"name": "text"}),
        ("name",),
        "attribute people is gone",
    ),
    "type": (
        {"attribute": ("cities,people,people,integer", "cities,people,people,text")},
        replace(SHAPES["cities"], tracked={"name": "text", "people": "text"}),
        ("name", "people as text"),
        'attribute people: data_type was "integer", is "text"',
    ),
    "untracked": (
        {"attribute": ("cities,name,name,text,,,,,,", "cities,name,name,text,,,,false,,")},
        Shape({"city": "text"}, {"people": "integer"}, {}),
        ("people",),
        "attribute name: is_tracked was true, is false",
    ),
}


@pytest.mark.parametrize(
    "change", [name if name == "added" else pytest.param(name, marks=pytest.mark.long) for name in CHANGES]
)
def test_after_a_change_of_the_metadata_one_command_makes_history_as_if_it_had_always_been_so(
    line: Line, tmp_path: Path, change: str
) -> None:
    replacements, shape, columns, message = CHANGES[change]
    days: list[dict[str, dict[str, Any]]] = [
        {"a": {"name": "A", "people": 1, "mayor": None}, "b": {"name": "B", "people": 1, "mayor": None}},
        {"a": {"name": "A", "people": 1, "mayor": "Ann"}, "b": {"name": "Bee", "people": 1, "mayor": "Bob"}},
        {"a": {"name": "A", "people": 2, "mayor": "Ann"}, "c": {"name": "C", "people": 3, "mayor": "Cid"}},
    ]
    deliveries = []
    for day, held in enumerate(days, start=1):
        name, mayor = f"cities-202601{day:02}.csv", ["mayor"] if day > 1 else []
        lines = [
            [city, of["name"], of["people"], name, *(of[column] for column in mayor)]
            for city, of in held.items()
        ]
        header = ["City Code", "name", "people", "seen", *mayor]
        publish(line, day, ",".join(header), *(",".join(map(str, values)) for values in lines))
        rows = {(city,): tuple(_value(of, column) for column in columns) for city, of in held.items()}
        deliveries.append(snapshot(name, day, rows))
    assert line.run("cities").exit_code == 0

    changed = other_project(line, tmp_path / "changed", **replacements)
    before = line.essence()["historical.cities"]
    result = run(changed, ["cities"], line.messages.append)
    assert of_source(result, "cities").failures == [
        f"cities: Definition changed: source cities: {message}. Its tables were made with what was;"
        " `headwater rebuild cities` makes them again from S3, and asks no publisher."
    ]
    assert line.essence()["historical.cities"] == before

    shutil.rmtree(line.publisher / "cities")
    assert of_source(rebuild(changed, ["cities"], line.messages.append), "cities").failures == []
    assert_equals_oracle(line.database, "cities", shape, deliveries)


def _value(of: Mapping[str, Any], column: str) -> Any:
    return str(of[column.removesuffix(" as text")]) if column.endswith(" as text") else of[column]


def test_raw_is_not_loaded_under_another_definition_than_staging(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery in raw, a run that died before staging, an attribute added: its values must not be lost."""
    publish(line, 1, "City Code,name,people,seen,mayor", "a,A,1,@,Ann")

    def died(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("headwater.pipeline.runners.sources.stage", died)
        with pytest.raises(KeyboardInterrupt):
            line.run("cities")
    replacements, _, _, message = CHANGES["added"]
    changed = other_project(line, tmp_path / "changed", **replacements)
    (failure,) = run(changed, ["cities"], line.messages.append).failures
    assert message in failure
    assert line.query("select _rest from raw.cities") == [({"mayor": "Ann"},)]
