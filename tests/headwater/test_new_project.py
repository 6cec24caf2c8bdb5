"""`headwater init`: the files of a new project, and the names under which none is made."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import headwater
from headwater.metadata.errors import ProjectNotMade
from headwater.metadata.static.check import check
from headwater.metadata.static.schema import TABLES
from headwater.new_project import DAG_FILES, FILES, TEMPLATES, dag_file, make_project
from headwater.project_file import read_project_file
from tests.conftest import PROJECT


def test_a_new_project_names_itself_and_pins_its_headwater(tmp_path: Path) -> None:
    root = make_project(tmp_path, "town")
    assert (found := read_project_file(root)) is not None
    assert found.name == "town"
    assert found.allows(headwater.__version__)
    assert not found.allows("99.0")
    assert not found.allows("0.1.0")
    package = tomllib.loads((root / "pyproject.toml").read_text())
    assert package["project"]["dependencies"] == [f"headwater=={headwater.__version__}"]
    assert package["tool"]["setuptools"]["packages"] == ["town_functions"]
    assert (root / "town_functions" / "__init__.py").is_file()
    texts = [path.read_text() for path in root.rglob("*") if path.is_file()]
    assert not [text for text in texts if re.search("@(name|version|next)@", text)]


def test_its_seeds_have_all_columns_and_no_row(tmp_path: Path) -> None:
    root = make_project(tmp_path, "town")
    for table in TABLES.values():
        assert (root / "seeds" / f"{table.name}.csv").read_text() == ",".join(table.current_names) + "\n"
    assert check(root / "seeds") == []


def test_the_example_is_a_source_with_two_deliveries(tmp_path: Path) -> None:
    root = make_project(tmp_path, "town", with_example=True)
    assert check(root / "seeds") == []
    assert len(list((root / "example_deliveries").glob("libraries-*.csv"))) == 2
    assert (root / "models" / "staging" / "town_hall" / "stg_libraries.sql").is_file()


def test_dbt_and_airflow_are_told_what_the_demo_tells_them(tmp_path: Path) -> None:
    def settings(root: Path, name: str) -> object:
        found = yaml.safe_load((root / "dbt_project.yml").read_text().replace(f"{name}:", "project:"))
        return {**found, "name": None, "macro-paths": None}

    root = make_project(tmp_path, "town")
    assert settings(root, "town") == settings(PROJECT, "headwater_demo")
    demos = {path.stem: path.read_text() for path in (PROJECT / "dags").glob("[a-z]*.py")}
    assert {module: dag_file(module) for module in DAG_FILES} == demos
    assert {path.name for path in TEMPLATES.iterdir()} == set(FILES.values())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a/town", "'a/town' is a path, expected a name alone"),
        ("../town", "is a path"),
        ("..", "is a path"),
        ("/town", "is a path"),
        ("", "'' cannot be a project's name, expected lower-case letters, digits and _"),
        ("Town", "cannot be a project's name"),
        ("2nd", "cannot be a project's name"),
        ("my-town", "cannot be a project's name"),
        ("town\n", "cannot be a project's name"),
        ("{{ town }}", "cannot be a project's name"),
        ("t" * 51, "cannot be a project's name"),
        ("class", "is a word of Python"),
        ("headwater", "is a word of Headwater and dbt"),
        ("there", "there is there already. Nothing was written"),
        ("dangling", "dangling is there already"),
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_used_gets_a_sentence_and_leaves_nothing(
    name: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(ProjectNotMade) as refused:
        make_project(tmp_path, name)
    assert message in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "there"]
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError(28, "No space left on device"), ProjectNotMade), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_an_init_that_fails_or_is_interrupted_leaves_nothing(
    error: BaseException, raised: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr("headwater.new_project.write_files", fail)
    with pytest.raises(raised):
        make_project(tmp_path, "town", with_example=True)
    assert list(tmp_path.iterdir()) == []
