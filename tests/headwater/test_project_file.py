"""headwater.yml: what it says, what is wrong with it, and which versions of Headwater run a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.metadata.errors import HeadwaterError, ProjectRefused
from headwater.project import find_project, locate_project
from headwater.project_file import read_project_file
from tests.support.command import ran


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a dbt_project.yml, which is the current one."""
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "dbt_project.yml").write_text("name: town\n")
    monkeypatch.chdir(tmp_path / "town")
    monkeypatch.setattr("headwater.__version__", "0.2.0")
    return tmp_path / "town"


def write(root: Path, requires: str, name: str = "town") -> None:
    (root / "headwater.yml").write_text(f"name: {name}\nrequires_headwater: {requires!r}\n")


def test_a_project_is_found_from_a_folder_in_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, ">=0.2,<0.3")
    (root / "models").mkdir()
    monkeypatch.chdir(root / "models")
    found = find_project()
    assert (found.root, found.name) == (root, "town")
    assert found.file is not None
    assert str(found.file.requires_headwater) == "<0.3,>=0.2"


@pytest.mark.parametrize("requires", [">=0.2,<0.3", "==0.2.*", "~=0.2", ">=0.2.0.dev1", ""])
def test_versions_in_the_range_run_it(root: Path, requires: str) -> None:
    write(root, requires)
    assert find_project().root == root


@pytest.mark.parametrize("requires", [">=0.3,<0.4", ">0.2.0", "==0.3.*", "~=0.2.1", "==1.0"])
def test_an_older_headwater_refuses_it_and_names_the_version_to_install(root: Path, requires: str) -> None:
    write(root, requires)
    with pytest.raises(
        ProjectRefused, match=r"town/headwater.yml asks for Headwater .*, and this is 0.2.0. Inst"
    ):
        find_project()
    assert locate_project().root == root


@pytest.mark.parametrize("requires", ["<0.2", ">=0.1,<0.2", "==0.1.*", "==0.1.0"])
def test_a_newer_headwater_refuses_it_and_names_the_upgrade(root: Path, requires: str) -> None:
    write(root, requires)
    with pytest.raises(
        ProjectRefused, match=r"Run `headwater upgrade` to bring it to 0.2.0, or install another"
    ):
        find_project()


def test_a_project_of_another_name_than_dbt_has_is_refused(root: Path) -> None:
    write(root, ">=0.2", name="village")
    with pytest.raises(
        ProjectRefused, match=r"has the name village, .*dbt_project.yml has town. Expected the same"
    ):
        find_project()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the settings name and requires_headwater"),
        ("town", "expected the settings name and requires_headwater"),
        ("name: town", "requires_headwater: is missing, expected it in the file"),
        ("name: town\nrequires_headwater: newest", 'requires_headwater: expected version specifiers such as ">=0.2'),
        ("name: town\nrequires_headwater: 0.2", 'requires_headwater: expected version specifiers such as ">=0.2'),
        ("name: Town\nrequires_headwater: '>=0.2'", "name is 'Town', expected lower-case letters, digits and _"),
        ("name: 7\nrequires_headwater: '>=0.2'", "name: expected text"),
        ("name: town\nrequires_headwater: '>=0.2'\ntitle: x", "unknown setting title, expected name, requires"),
        ("name: town\nrequires_headwater: '>=0.2'\nshares_airflow: maybe", "shares_airflow: expected true or false"),
        ("name: [", "headwater.yml cannot be read: while parsing a flow"),
        ("name: !!python/object/apply:os.getcwd []", "cannot be read: could not determine a constructor"),
    ],
)  # fmt: skip
def test_a_broken_file_gets_a_sentence(root: Path, text: str, message: str) -> None:
    (root / "headwater.yml").write_text(text)
    with pytest.raises(ProjectRefused) as refused:
        find_project()
    assert str(refused.value).startswith(str(root / "headwater.yml"))
    assert message in str(refused.value)


def test_a_project_without_the_file_is_run_by_any_version(root: Path) -> None:
    (root / "seeds").mkdir()
    (root / "seeds" / "source.csv").touch()
    assert read_project_file(root) is None
    assert find_project().name == "town"


def test_where_there_is_none_the_message_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_PROJECT", str(tmp_path))
    with pytest.raises(
        HeadwaterError, match=r"holds no dbt_project.yml.* `headwater init NAME` makes a new one"
    ):
        find_project()


@pytest.mark.parametrize(
    ("text", "message"),
    [("name: [", "dbt_project.yml cannot be read"), ("version: 1", "has no name"), ("", "has no name")],
)
def test_a_project_of_dbt_that_has_no_name_is_refused(root: Path, text: str, message: str) -> None:
    write(root, ">=0.2")
    (root / "dbt_project.yml").write_text(text)
    with pytest.raises(ProjectRefused, match=message):
        find_project()


def test_the_servers_of_a_project_that_is_refused_can_be_stopped(root: Path) -> None:
    (root / "headwater.yml").write_text("name: [")
    assert "nothing was running" in ran(0, "down").stdout
    assert "cannot be read" in ran(1, "check").stderr
