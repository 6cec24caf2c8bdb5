"""dbt's memory of one subset serves the next: dbt reads the same, and misses no file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headwater.dbt_project import parsing_state
from headwater.dbt_project.dbt import Dbt
from headwater.dbt_project.parsing_state import STATE, begin_with_known_state
from tests.pipeline.project import make_project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "town")


def state(home: Path, subset: str, text: str) -> Path:
    path = home / "dbt" / subset / STATE
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def from_scratch(root: Path, home: Path, sources: list[str]) -> Any:
    """Return the manifest that dbt reads without any memory."""
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing_state, "known_state", lambda _home: None)
        return Dbt(root, home, "x", sources=sources)._parse().manifest


# the moment of the parse; of a seed the folder, which dbt looks into only where the place has no such file
DIFFERS = ("created_at", "metadata", "root_path")


def parts(value: Any, place: Path) -> Any:
    """A manifest or a part of it, in one order, without what differs between two parses."""
    if isinstance(value, dict):
        return {key: parts(part, place) for key, part in value.items() if key not in DIFFERS}
    if isinstance(value, list):
        return sorted((parts(part, place) for part in value), key=str)
    return value.replace(str(place), "PLACE") if isinstance(value, str) else value


def test_a_new_place_begins_with_the_smallest_state(tmp_path: Path) -> None:
    state(tmp_path, "a+b", "of both")
    state(tmp_path, "a", "of a")
    place = tmp_path / "dbt" / "b"
    place.mkdir()
    begin_with_known_state(place, tmp_path)
    assert (place / STATE).read_text() == "of a"
    assert [path.name for path in (place / STATE).parent.iterdir()] == [STATE.name]


def test_a_place_keeps_its_own_state(tmp_path: Path) -> None:
    state(tmp_path, "a", "of a")
    state(tmp_path, "a+b", "of both")
    begin_with_known_state(tmp_path / "dbt" / "a+b", tmp_path)
    assert (tmp_path / "dbt" / "a+b" / STATE).read_text() == "of both"


def test_without_any_state_dbt_begins_from_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing_state, "known_state", lambda _home: None)
    begin_with_known_state(tmp_path, tmp_path)
    assert not (tmp_path / STATE).exists()


def test_with_the_state_of_other_sources_dbt_reads_what_it_reads_from_scratch(
    root: Path, tmp_path: Path
) -> None:
    home, other_home = tmp_path / "home", tmp_path / "other_home"
    from_scratch(root, home, ["prices", "ratings"])
    begun = Dbt(root, home, "x", sources=["cities"])._parse().manifest.writable_manifest().to_dict()
    scratch = from_scratch(root, other_home, ["cities"]).writable_manifest().to_dict()
    assert parts(begun, home / "dbt" / "cities") == parts(scratch, other_home / "dbt" / "cities")
    assert any(name.endswith("stg_cities") for name in begun["nodes"])


def test_a_model_of_another_source_that_the_state_knows_does_not_suffice(root: Path, tmp_path: Path) -> None:
    path = next((root / "models").rglob("stg_cities.sql"))
    path.write_text(path.read_text() + "\n-- {{ ref('stg_' ~ 'prices') }}\n")
    home = tmp_path / "home"
    home.mkdir()
    assert not Dbt(root, home, "x", sources=["cities", "prices"])._parse().is_whole
    assert Dbt(root, home, "x", sources=["cities"])._parse().is_whole
