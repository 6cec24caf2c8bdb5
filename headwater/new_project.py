"""`headwater init`: a new project, made as a whole or not at all."""

from __future__ import annotations

import csv
import io
import keyword
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

from packaging.version import Version

import headwater
from headwater.dbt_project.generate import generated_files, write_files
from headwater.metadata.errors import ProjectNotMade
from headwater.metadata.static.naming import SAFE_NAME
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.schema import TABLES

TEMPLATES = Path(__file__).with_name("templates")
TAKEN = ("headwater", "dbt", "dbt_postgres")  # packages that dbt reads beside the project
EMPTY_FOLDERS = (
    "macros", "models/staging", "models/historical", "models/intermediate", "models/marts", "seeds/lookups",
    "tests/dbt",
)  # fmt: skip

# file of a project → its template
FILES: Mapping[str, str] = {
    "headwater.yml": "headwater.yml.in",
    "dbt_project.yml": "dbt_project.yml.in",
    "pyproject.toml": "pyproject.toml.in",
    "README.md": "README.md.in",
    ".gitignore": "gitignore.in",
    ".gitlab-ci.yml": "gitlab-ci.yml.in",
    "profiles/profiles.yml": "profiles.yml",
    "seeds/_seeds.yml": "_seeds.yml",
    "models/metadata/process_metadata.yml": "process_metadata.yml",
    "@name@_functions/__init__.py": "functions.py.in",
    "@name@_functions/transforms.py": "transforms.py.in",
    "@name@_functions/extractors.py": "extractors.py.in",
    "tests/test_project.py": "test_project.py.in",
}

# module of `dags/` → its docstring, and what it does with `headwater.airflow.dags`
DAG_FILES: Mapping[str, tuple[str, str]] = {
    "broken_metadata": (
        "Errors of the metadata, where people look for them: among the import errors of Airflow's pages.",
        "dags.broken_metadata()",
    ),
    "docs": ("The DAG that writes the pages to read.", "globals().update(dags.docs())"),
    "jobs": ("The DAGs of all active jobs.", "globals().update(dags.jobs())"),
    "left_open": (
        "The DAG that closes the job instances of runs whose last task never came.",
        "globals().update(dags.left_open())",
    ),
    "marts": ("The DAG of the marts.", "globals().update(dags.marts())"),
}

# the example: a town's lists of its public libraries; rows of the seeds by table
DELIVERIES = "example_deliveries"
EXAMPLE_ROWS: Mapping[str, list[dict[str, str]]] = {
    "data_source": [
        {"data_source": "town_hall", "data_source_type": "local_files",
         "description": "Files that the town hall leaves in a folder; made up"},
    ],
    "conn_str": [
        {"conn_str": "town_hall_folder", "data_source": "town_hall",
         "file_path": f"${{HEADWATER_PROJECT}}/{DELIVERIES}"},
    ],
    "source": [
        {"source": "libraries", "data_source": "town_hall", "connection": "town_hall_folder", "owner": "culture",
         "schedule": "monthly", "geographic_granularity": "district", "delivery_type": "snapshot",
         "max_removed_pct": "50", "max_fallen_out_pct": "10", "description": "One row per public library"},
    ],
    "source_attribute": [
        {"source": "libraries", "name": "file_pattern", "value": r"libraries-(?P<date>\d{4}-\d{2}-\d{2})\.csv$"},
    ],
    "attribute": [
        {"source": "libraries", "source_name": "code", "target_name": "library", "target_datatype": "varchar(3)",
         "is_key": "true", "description": "Code of the library"},
        {"source": "libraries", "source_name": "name", "target_name": "name", "target_datatype": "text",
         "description": "Its name"},
        {"source": "libraries", "source_name": "district", "target_name": "district", "target_datatype": "text",
         "description": "District of the town that it lies in"},
        {"source": "libraries", "source_name": "opened", "target_name": "opened_date", "target_datatype": "date",
         "format": "YYYY-MM-DD", "description": "Day on which it was opened"},
        {"source": "libraries", "source_name": "seats", "target_name": "seats", "target_datatype": "integer",
         "null_tokens": "<empty>|n/a", "description": "Seats for readers, where they were counted"},
    ],
}  # fmt: skip
EXAMPLE_DELIVERIES: Mapping[str, str] = {
    "libraries-2026-01-05.csv": """\
code,name,district,opened,seats
L01,Central Library,Old Town,1954-05-01,420
L02,Northgate,Northgate,1988-09-12,60
L03,Harbour,Northgate,2001-03-03,n/a
""",
    "libraries-2026-02-02.csv": """\
code,name,district,opened,seats
L01,Central Library,Old Town,1954-05-01,400
L02,Northgate,Northgate,1988-09-12,60
L04,Southbank,Old Town,2026-01-31,80
""",
}


def make_project(parent: Path, name: str, *, with_example: bool = False) -> Path:
    """Write the project `name` into a new folder of that name in `parent`, and return the folder.

    Raises `ProjectNotMade`, and then leaves nothing behind.
    """
    _require_name(name)
    root = parent / name
    if os.path.lexists(root):
        raise ProjectNotMade(f"{root} is there already. Nothing was written; expected another name.")
    unfinished = parent / f".{name}-{uuid4()}"
    try:
        unfinished.mkdir()
        _write(unfinished, name, with_example=with_example)
        unfinished.rename(root)
    except OSError as error:
        raise ProjectNotMade(f"{root} cannot be made: {error.strerror}. Nothing was left behind.") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return root


def dag_file(module: str) -> str:
    """Return the text of one of the files in `dags/`."""
    docstring, call = DAG_FILES[module]
    return "\n".join(('"""' + docstring + '"""', "", "from headwater.airflow import dags", "", call, ""))


def seed_file(table: str, rows: list[dict[str, str]]) -> str:
    """Return the text of a CSV of `seeds/`: the header of its table, and rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, TABLES[table].current_names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _require_name(name: str) -> None:
    wrong = ""
    if "/" in name or os.sep in name or name in (".", ".."):
        wrong = "is a path, expected a name alone: the project gets a folder of that name in the current one"
    elif not SAFE_NAME.fullmatch(name):
        wrong = "cannot be a project's name, expected lower-case letters, digits and _, a letter first, at most 50"
    elif keyword.iskeyword(name) or name in TAKEN:
        whose = "Python" if keyword.iskeyword(name) else "Headwater and dbt"
        wrong = f"is a word of {whose}, expected another name"
    if wrong:
        raise ProjectNotMade(f"{name!r} {wrong}. Nothing was written.")


def _write(root: Path, name: str, *, with_example: bool) -> None:
    for place, text in _texts(name, EXAMPLE_ROWS if with_example else {}):
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for folder in EMPTY_FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / ".gitkeep").touch()
    if with_example:
        (root / DELIVERIES).mkdir()
        for file, text in EXAMPLE_DELIVERIES.items():
            (root / DELIVERIES / file).write_text(text, encoding="utf-8")
        write_files(generated_files(read_catalog(root / "seeds").sources.values(), root / "models"))


def _texts(name: str, rows: Mapping[str, list[dict[str, str]]]) -> Iterator[tuple[str, str]]:
    """Yield every file of a project, but empty folders and the models: its place and its text."""
    values = {"name": name, "version": headwater.__version__, "next": _next_version()}
    for place, template in FILES.items():
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        is_filled = template.endswith(".in")
        yield _filled(place, values), _filled(text, values) if is_filled else text
    for module in DAG_FILES:
        yield f"dags/{module}.py", dag_file(module)
    for table in TABLES:
        yield f"seeds/{table}.csv", seed_file(table, rows.get(table, []))


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _next_version() -> str:
    """Return the first version that the project has to be upgraded for: the next minor one."""
    version = Version(headwater.__version__)
    return f"{version.major}.{version.minor + 1}"
