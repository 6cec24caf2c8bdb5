"""A parsed project is remembered for as long as nothing changed that dbt would read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest

from headwater.dbt_project.dbt import Dbt
from headwater.dbt_project.parsed_projects import LARGEST, Parsed, ParsedProjects
from tests.pipeline.project import make_project


@dataclass
class Manifest:
    """The part of a manifest that a cache uses."""

    nodes: dict[str, str] = field(default_factory=dict)
    env_vars: dict[str, str] = field(default_factory=dict)
    macros: dict[str, str] = field(default_factory=dict)


class Reader:
    """Counts how often a project is read, and gives a manifest of that number."""

    def __init__(self, **env_vars: str) -> None:
        self.times, self.env_vars = 0, env_vars

    def __call__(self) -> Parsed:
        self.times += 1
        manifest = Manifest({"read": str(self.times)}, dict(self.env_vars))
        return Parsed(cast(Any, manifest), is_whole=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of one model, and a package that is a link."""
    root, package = tmp_path / "project", tmp_path / "package"
    for folder in (root / "models", root / "profiles", root / "dbt_packages", package):
        folder.mkdir(parents=True)
    (root / "models" / "cities.sql").write_text("select 1")
    (root / "profiles" / "profiles.yml").write_text("host: \"{{ env_var('SOME_HOST', 'here') }}\"")
    (package / "macro.sql").write_text("x")
    (root / "dbt_packages" / "package").symlink_to(package)
    return root


def model(root: Path) -> None:
    (root / "models" / "cities.sql").write_text("select 2")


def another_model(root: Path) -> None:
    (root / "models" / "towns.sql").write_text("select 1")


def macro_of_a_package(root: Path) -> None:
    (root / "dbt_packages" / "package" / "macro.sql").write_text("y")


def gone(root: Path) -> None:
    (root / "models" / "cities.sql").unlink()


def test_a_project_that_did_not_change_is_read_once(root: Path) -> None:
    projects, read = ParsedProjects(), Reader()
    found = [projects.get(root, ["a", "b"], read), projects.get(root, ("b", "a"), read)]
    assert read.times == 1
    assert [parsed.is_whole for parsed in found] == [True, True]


@pytest.mark.parametrize("change", [model, another_model, macro_of_a_package, gone])
def test_a_project_is_read_again_when_a_file_changed(root: Path, change: Callable[[Path], None]) -> None:
    projects, read = ParsedProjects(), Reader()
    projects.get(root, None, read)
    change(root)
    assert cast(Any, projects.get(root, None, read).manifest).nodes == {"read": "2"}
    projects.get(root, None, read)
    assert read.times == 2


def test_what_dbt_writes_changes_nothing(root: Path) -> None:
    projects, read = ParsedProjects(), Reader()
    projects.get(root, None, read)
    for folder in ("target", "logs", ".git"):
        (root / folder).mkdir()
        (root / folder / "new").touch()
    projects.get(root, None, read)
    assert read.times == 1


@pytest.mark.parametrize("name", ["SOME_HOST", "OF_A_MODEL"])
def test_a_project_is_read_again_when_a_variable_changed_that_it_names(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    projects, read = ParsedProjects(), Reader(OF_A_MODEL="x")
    projects.get(root, None, read)
    monkeypatch.setenv("OF_NOBODY", "changed")
    projects.get(root, None, read)
    assert read.times == 1
    monkeypatch.setenv(name, "changed")
    projects.get(root, None, read)
    assert read.times == 2


def test_each_subset_is_remembered_by_itself(root: Path) -> None:
    projects, read = ParsedProjects(), Reader()
    for sources in (None, ["a"], ["a", "b"], [], None, ["a"], ["a", "b"], []):
        projects.get(root, sources, read)
    assert read.times == 4


def test_who_changes_a_manifest_changes_no_others(root: Path) -> None:
    projects, read = ParsedProjects(), Reader()
    for _ in range(3):
        nodes = cast(Any, projects.get(root, None, read).manifest).nodes
        assert nodes == {"read": "1"}
        nodes.clear()


def test_what_was_not_asked_for_longest_is_forgotten(root: Path) -> None:
    projects, read = ParsedProjects(most=2), Reader()
    for sources in (["a"], ["b"], ["a"], ["c"], ["a"]):
        projects.get(root, sources, read)
    assert read.times == 3
    projects.get(root, ["b"], read)
    assert read.times == 4


def test_threads_share_what_is_known(root: Path) -> None:
    projects, read = ParsedProjects(), Reader()
    projects.get(root, None, read)
    found: list[Any] = []
    threads = [Thread(target=lambda: found.append(projects.get(root, None, read).manifest)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read.times == 1
    assert len({id(manifest) for manifest in found}) == 8


def test_dbt_reads_a_project_once_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_project(tmp_path / "town")
    home = Path(os.environ["HEADWATER_HOME"])
    home.mkdir()
    of_cities, whole = (
        Dbt(root, home, "first", sources=["cities"]).manifest(),
        Dbt(root, home, "first").manifest(),
    )
    monkeypatch.setattr(Dbt, "_parse", None)  # nobody may read it
    again = Dbt(root, home, "second", sources=["cities"])
    assert again.manifest().nodes.keys() == of_cities.nodes.keys() < whole.nodes.keys()
    assert again._place == home / "dbt" / "cities"
    assert Dbt(root, home, "third").manifest().nodes.keys() == whole.nodes.keys()


def test_a_subset_that_does_not_suffice_is_remembered_as_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_project(tmp_path / "town")
    home = Path(os.environ["HEADWATER_HOME"])
    home.mkdir()
    path = next((root / "models").rglob("stg_cities.sql"))
    path.write_text(path.read_text() + "\n-- {{ ref('stg_' ~ 'prices') }}\n")
    whole = Dbt(root, home, "first", sources=["cities"])
    nodes = whole.manifest().nodes.keys()
    monkeypatch.setattr(Dbt, "_parse", None)
    again = Dbt(root, home, "second", sources=["cities"])
    assert again.manifest().nodes.keys() == nodes
    assert again._place == whole._place == root


def test_a_large_project_is_read_each_time_for_a_copy_would_cost_memory(root: Path) -> None:
    projects, times = ParsedProjects(), 0

    def read() -> Parsed:
        nonlocal times
        times += 1
        return Parsed(cast(Any, Manifest({str(number): "" for number in range(LARGEST + 1)})), is_whole=True)

    projects.get(root, None, read)
    projects.get(root, None, read)
    assert times == 2
