"""A source is removed with its data, or gets another name: whole, whatever fails between, and on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headwater.extract.landing import source_archive
from headwater.extract.landing.register import register_archive
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import HeadwaterError, NewSourceRefused
from headwater.metadata.static.check import check
from headwater.new_source import remove_data, rename_data
from headwater.new_source.remove import plan_left_removal, plan_removal, still_there
from headwater.new_source.remove_data import plan_data_removal, remove_with_data
from headwater.new_source.rename_data import plan_or_resume, rename_with_data
from headwater.pipeline import decide
from headwater.pipeline.runners.sources import run
from headwater.project import Project
from tests.pipeline.engineer import Engineer
from tests.pipeline.line import Line, cities, of_source
from tests.pipeline.verify.verified import Verified

TESTED = "select * from {{ ref('stg_cities') }} where people < 0\n"


class KilledError(Exception):
    """Stands for a process that ends at this point."""


def dies_after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, calls: int) -> None:
    """Let a function raise after it was called so often."""
    real, left = getattr(owner, name), iter(range(calls))

    def dying(*arguments: Any, **named: Any) -> Any:
        if next(left, None) is None:
            raise KilledError(name)
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, dying)


def killed(command: Callable[[], None], after: tuple[Any, str, int]) -> None:
    """Run a command that ends when a function (its owner and name) was called so often."""
    with pytest.MonkeyPatch.context() as patch:
        dies_after(patch, *after)
        with pytest.raises(KilledError):
            command()


@pytest.fixture
def lived(engineer: Engineer) -> Engineer:
    """A project in which `cities` has lived: an edited model, a halted delivery, a decision, a test of its own."""
    line = engineer.line
    engineer.derive("people * 2", "twice")
    engineer.write("tests/no_debts.sql", TESTED)
    engineer.write(
        "models/marts/notes.yml", "models:\n  - name: town\n    description: counts the cities of today\n"
    )
    line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1), "c": ("C", 3)}))
    line.deliver("cities", cities(2, {"a": ("A", 2), "b": ("B", 1), "c": ("C", 3)}))
    line.deliver("cities", cities(3, {"a": ("A", 3), "b": ("B", 1), "c": ("C", 3)}))
    line.deliver("cities", cities(4, {"a": ("A", 3)}), "a,twice,1,x")
    run(engineer.project, ["cities"], line.messages.append)
    decide.decide(
        engineer.project, "withdraw", line.sqn("cities-20260102.csv"), "a mistake", line.messages.append
    )
    return engineer


def history(line: Line, source: str) -> list[tuple[Any, ...]]:
    return line.query(
        f"select count(*), md5(string_agg(h::text, ' ' order by h::text)) from historical.{source} as h"
    )


def states(line: Line, source: str) -> list[tuple[Any, ...]]:
    return line.query(
        "select delivery_sqn, publisher_name, status, process_date from metadata.delivery_state"
        " where source = :source order by 1",
        source=source,
    )


def keys(store: ObjectStore, source: str) -> list[str]:
    return [key for key in store.list("") if f"/{source}/" in key]


def renamed(project: Project, line: Line) -> None:
    renaming, _ = plan_or_resume(project, line.database, "cities", "towns")
    rename_with_data(project, line.database, line.store, renaming, "cities", "towns", "as people say")


def test_a_renamed_source_is_the_same_and_a_renaming_that_was_killed_goes_on(lived: Engineer) -> None:
    line, project = lived.line, lived.project
    before, known, landed = history(line, "cities"), states(line, "cities"), keys(line.store, "cities")
    assert {"halted", "withdrawn"} <= {str(status) for _, _, status, _ in known}
    for owner, name, calls in [
        (rename_data, "rename", 0),
        (source_archive, "_put", 3),
        (rename_data, "rename_source", 0),
        (rename_data, "delete_facts", 0),
        (source_archive, "_renamed_key", 20),
        (rename_data, "end_change", 0),
    ]:
        killed(lambda: renamed(project, line), after=(owner, name, calls))
    with pytest.raises(
        HeadwaterError, match=r"towns: cities is being renamed to towns, .* finish it: headwater rename"
    ):
        register_archive(line.database, line.store, "towns", 1)
    renamed(project, line)

    assert history(line, "towns") == before
    assert states(line, "towns") == known
    assert line.query("select source, new_name, why, ended_at is null from metadata.source_change") == [
        ("cities", "towns", "as people say", False)
    ]
    assert keys(line.store, "cities") == [key for key in landed if key.startswith("landed/")]
    assert check(project.seeds) == []
    assert not list(project.models.rglob("*cities*"))
    assert "'stg_towns'" in (project.root / "tests" / "no_debts.sql").read_text()
    assert (
        line.query(
            "select indexrelid::regclass::text from pg_index where indexrelid::regclass::text ~ 'cities'"
        )
        == []
    )

    result = run(project, ["towns"], line.messages.append)
    assert result.exit_code == 0, result.failures
    assert of_source(result, "towns").landed == 0
    assert history(line, "towns") == before
    assert Verified(line, {}).findings("towns", reads_objects=True) == []


def test_a_source_goes_with_its_data_and_a_removal_that_was_killed_goes_on(lived: Engineer) -> None:
    line, project = lived.line, lived.project
    (project.root / "tests" / "no_debts.sql").unlink()
    (project.models / "marts" / "notes.yml").unlink()
    with pytest.raises(
        NewSourceRefused, match=r"cities is needed: models/marts/town\.sql:5 names hist_cities"
    ):
        plan_removal(project, "cities")
    line.execute("create view marts.of_a_person as select * from historical.cities")
    kept = keys(line.store, "cities")
    assert kept
    planned = plan_data_removal(line.database, line.store, "cities")
    assert (planned.counts["deliveries"], planned.counts["raw_rows"], planned.counts["objects"]) == (
        4,
        11,
        len(kept),
    )

    def removed() -> None:
        going = plan_left_removal(project, "cities", still_there(project, ["town"]), is_needed=False)
        now = plan_data_removal(line.database, line.store, "cities")
        remove_with_data(project, line.database, line.store, going, now, "nobody reads it", ["town"])

    with pytest.raises(HeadwaterError, match=r"view marts\.of_a_person depends on table historical\.cities"):
        removed()
    assert keys(line.store, "cities") == kept
    line.execute("drop view marts.of_a_person")
    for owner, name, calls in [
        (remove_data, "remove", 0),
        (ObjectStore, "delete", 7),
        (remove_data, "drop_source", 0),
        (remove_data, "end_change", 0),
    ]:
        killed(removed, after=(owner, name, calls))
    removed()
    assert keys(line.store, "cities") == []
    assert line.query("select count(*) from metadata.delivery") == [(0,)]
    assert line.query("select to_regclass('historical.cities'), to_regclass('raw.cities')") == [(None, None)]
    assert line.query(
        "select why, counts -> 'deliveries', ended_at > began_at from metadata.source_change"
    ) == [("nobody reads it", 4, True)]
    assert check(project.seeds) == []
    again = plan_data_removal(line.database, line.store, "cities")
    assert again.is_empty
    assert again.finished is not None
    assert plan_left_removal(project, "cities", [], is_needed=False) is None
