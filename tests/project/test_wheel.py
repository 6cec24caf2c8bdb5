"""The result of `pip install`, in an environment of its own and from a project elsewhere.

The environment has the wheel; what Headwater depends on comes from the environment of the tests.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

import headwater
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.extras import EXTRAS
from tests.conftest import PROJECT
from tests.pipeline.project import FOLDER, make_project

PATIENCE_S = 300
NEEDED = (
    "pyproject.toml", "README.md", "LICENSE", "extract", "metadata", "macros", "headwater",
    "seeds", "models", "profiles",  # files of which are templates of a new project
)  # fmt: skip
OWN_ROOMS = ("extract", "metadata", "dags")  # folders of the project's own that bear the names of ours
READ_DAGS = """
import runpy
from pathlib import Path
from airflow.sdk import DAG
for file in sorted(Path("dags").glob("*.py")):
    found = runpy.run_path(str(file))
    print("file", file.stem, *sorted(value.dag_id for value in found.values() if isinstance(value, DAG)))
"""
IMPORT_ALL = f"""
import headwater.extract
print("extract", headwater.extract.__file__)
{READ_DAGS}
from importlib.metadata import entry_points
points = entry_points(group="airflow.plugins", name="headwater_deliveries")
print("plugin", *(point.load().__module__ for point in points))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in NEEDED:  # a copy, so that nothing is built in the checkout
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, source / name, symlinks=True)
        else:
            shutil.copy(PROJECT / name, source)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, source],
        check=True, timeout=PATIENCE_S,
    )  # fmt: skip
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel."""
    return installed(wheel, tmp_path_factory.mktemp("installed"), Path(sysconfig.get_path("purelib")))


@pytest.fixture(scope="module")
def bare_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel and no extra: it has links to all other packages."""
    folder = tmp_path_factory.mktemp("bare")
    others = folder / "others"
    others.mkdir()
    of_extras = {module for extra in EXTRAS.values() for module in extra.modules}
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.name not in of_extras and path.suffix != ".pth":
            (others / path.name).symlink_to(path)
    return installed(wheel, folder, others)


def installed(wheel: Path, folder: Path, others: Path) -> Path:
    """Return the interpreter of a new environment in `folder`, with the wheel, and other packages in `others`."""
    environment = folder / "environment"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=PATIENCE_S
    )
    packages = next(environment.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    compileall.compile_dir(packages, quiet=2)  # as an installer does
    (packages / "others.pth").write_text(f"{others}\n")
    return environment / "bin" / "python"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose own folders bear the names of our rooms; its cities have one delivery."""
    root = make_project(tmp_path / "project")
    for room in OWN_ROOMS:
        (root / room).mkdir()
        (root / room / "__init__.py").write_text("raise ImportError('this is of the project')\n")
    for file in (PROJECT / "dags").iterdir():
        if file.is_file():
            shutil.copy(file, root / "dags")
    (root / "dags" / "__init__.py").unlink()
    for name in ("cities", "prices", "ratings"):
        (tmp_path / "publisher" / name).mkdir(parents=True)
    (tmp_path / "publisher" / "cities" / "cities-20260101.csv").write_text(
        "City Code,name,people,seen\nB,Bonn,3,1\n"
    )
    monkeypatch.setenv(FOLDER, str(tmp_path / "publisher"))
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    return root


def ran(python: Path, project: Path, *arguments: str, exit_code: int = 0) -> str:
    """Return what a command says that is run in the project's folder, which Python looks for modules in first.

    That is what it prints, or its errors if it is to fail.
    """
    done = subprocess.run(
        [python, *arguments], cwd=project, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True,
        check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == exit_code, done.stderr[-3000:] + done.stdout[-3000:]
    return done.stderr if exit_code else done.stdout


def test_it_holds_one_package_and_all_that_is_read_from_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"headwater"}
    for room in ("extract", "metadata", "macros", "headwater"):
        within = "headwater" if room == "headwater" else f"headwater/{room}"
        ours = subprocess.run(
            ["git", "ls-files", room], cwd=PROJECT, check=True, capture_output=True, text=True
        ).stdout.split()  # fmt: skip
        # a link to a folder is a room of its own, one to a file is packed as the file
        files = {f"{within}{path.removeprefix(room)}" for path in ours if (PROJECT / path).is_file()}
        assert len(files) > 50
        assert files - names == set()


def test_commands_and_dags_of_a_project_elsewhere_import_nothing_of_its_folders(
    python: Path, project: Path
) -> None:
    assert "new-source" in ran(python, project, "-m", "headwater.cli", "--help")
    ran(python, project, "-m", "headwater.cli", "check")
    ran(python, project, "-m", "headwater.cli", "generate", "--check")
    ran(python, project, "-m", "headwater.cli", "manifest")
    imported = [line.split() for line in ran(python, project, "-c", IMPORT_ALL).splitlines()]
    ((place,),) = [words for what, *words in imported if what == "extract"]
    assert Path(place).is_relative_to(python.parents[1])
    assert [words for what, *words in imported if what == "file"] == [
        ["broken_metadata"], ["docs", "docs"], ["jobs", "cities", "market"], ["left_open", "left_open"],
        ["marts", "marts"],
    ]  # fmt: skip
    assert ["plugin", "headwater.airflow.deliveries_page.plugin"] in imported


def test_it_brings_a_source_of_a_project_elsewhere_to_history(
    python: Path, project: Path, empty_database: Engine, store: ObjectStore
) -> None:
    ran(python, project, "-m", "headwater.cli", "run", "cities")
    with empty_database.connect() as connection:
        rows = connection.execute(sa.text("select city, name, people from historical.cities")).all()
    assert rows == [("B", "Bonn", 3)]
    assert any("cities" in key for key in store.list(""))


def test_without_extras_a_project_is_made_and_checked_and_what_is_missing_is_named(
    bare_python: Path, tmp_path: Path
) -> None:
    command = ("-m", "headwater.cli")
    assert ran(bare_python, tmp_path, *command, "--version") == f"headwater {headwater.__version__}\n"
    ran(bare_python, tmp_path, *command, "init", "town", "--with-example")
    root = tmp_path / "town"
    assert ran(bare_python, root, *command, "check") == "seeds: all well\n"
    (root / "list.parquet").write_bytes(b"PAR1")
    for arguments, purpose, extra in (
        (("run",), "An embedded server on this machine", "local"),
        (("airflow",), "Airflow", "airflow"),
        (("new-source", "lists", "--from", "list.parquet", "--yes"), "Reading Parquet", "parquet"),
    ):
        message = ran(bare_python, root, *command, *arguments, exit_code=1)
        assert message.startswith(
            f"Error: {purpose} needs the extra {extra}: pip install 'headwater[{extra}]'."
        )
