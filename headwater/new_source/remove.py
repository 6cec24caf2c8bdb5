"""Removal of a source: its rows in the seeds and its generated models.

Rows that another source uses stay, and so does all data. The rows are found by their content, so that a
removal also cleans up after a killed process.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.dbt_project.generate import columns_generated, generated_files
from headwater.dbt_project.scaffold import is_unedited, scaffolds
from headwater.metadata.errors import HeadwaterError, NewSourceRefused
from headwater.metadata.static.check import load_and_check
from headwater.metadata.static.load import load_seeds
from headwater.metadata.static.naming import SAFE_NAME, names_in, warehouse_tables
from headwater.metadata.static.problem import Problem, Problems
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.rows import Row
from headwater.metadata.static.schema import TABLES
from headwater.new_source.rows import own_connection
from headwater.new_source.write import Change, apply, clear_temporary, noted, unfinished
from headwater.project import Project

# folders whose files may name a model or a table of a source
AUTHORED = {
    "models": (".sql", ".yml", ".yaml", ".py"),
    **dict.fromkeys(("macros", "snapshots", "analyses", "tests"), (".sql", ".yml", ".yaml")),
    "seeds": (".yml", ".yaml", ".csv"),
    "dags": (".py",),
}


@dataclass(frozen=True)
class Removal:
    """The parts of a removal: rows by table, files, the files that a person edited; and the parts that stay."""

    name: str
    rows: Mapping[str, tuple[str, ...]]
    files: tuple[Path, ...]
    edited: tuple[Path, ...]
    also: tuple[str, ...]  # models of the author that go with it
    unused: tuple[str, ...]  # rows that nothing uses afterwards, but that were not made for the source
    changes: tuple[Change, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the tables of the warehouse, whose rows stay."""
        return warehouse_tables(self.name)


def plan_removal(project: Project, name: str, also: Sequence[str] = ()) -> Removal:
    """Return the parts that a removal would remove, with the models `also` that read the source.

    Raises `NewSourceRefused` if there is no such source or model, or something depends on one that goes.
    """
    if not SAFE_NAME.fullmatch(name):
        raise NewSourceRefused(f"{name} is no name of a source, expected one of seeds/source.csv")
    problems = Problems(project.seeds.name)
    rows = load_seeds(project.seeds, problems).rows
    going = _going(rows, name)
    files = [*_model_files(project, name), *_files_of_models(project, name, also)]
    if not going and not files and not _is_noted(project, name):
        raise NewSourceRefused(
            f"no source {name}: no row of seeds/ and no model is of it, expected one of"
            f" {', '.join(row.text('source') for row in rows['source']) or 'none that is there'}"
        )
    _require_nobody_depends(project, name, rows, going, files, also)
    changes = [
        Change(path, before, without_lines(before, [row.line for row in gone]))
        for table, gone in going.items()
        for path in [project.seeds / f"{table}.csv"]
        for before in [path.read_bytes()]
    ]
    _require_no_new_problem(project, name, changes)
    changes += [Change(path, path.read_bytes(), None) for path in files]
    return Removal(
        name=name,
        rows={table: tuple(_shown(table, row) for row in gone) for table, gone in going.items()},
        files=tuple(files),
        edited=tuple(_edited(project, name, files)),
        also=tuple(also),
        unused=tuple(_unused(rows, going)),
        changes=tuple(changes),
    )


def plan_left_removal(project: Project, name: str, also: Sequence[str], *, is_needed: bool) -> Removal | None:
    """Return what `plan_removal` does, None where files have nothing of the source any more and need not.

    Raises as `plan_removal` does.
    """
    rows = load_seeds(project.seeds, Problems(project.seeds.name)).rows
    if is_needed or _going(rows, name) or _model_files(project, name) or also or _is_noted(project, name):
        return plan_removal(project, name, also)
    return None


def still_there(project: Project, models: Sequence[str]) -> list[str]:
    """Return those of these models that have files yet: a removal that was killed may have taken some away."""
    return [model for model in models if not SAFE_NAME.fullmatch(model) or _files_of_model(project, model)]


def remove(project: Project, removal: Removal) -> None:
    """Remove all parts or none. Raises `NewSourceRefused` if a file has changed since it was read."""
    with noted(project, removal.name):
        clear_temporary(project)
        apply(removal.changes)
        for folder in {path.parent for path in removal.files}:
            for empty in (folder, folder.parent):
                if (
                    empty not in (project.models, project.root)
                    and empty.is_dir()
                    and not any(empty.iterdir())
                ):
                    empty.rmdir()


def without_lines(before: bytes, begins: Collection[int]) -> bytes:
    """Return a CSV without the rows that begin on these lines, otherwise unchanged."""
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    lines = list(io.StringIO(before.decode("utf-8-sig"), newline=""))
    reader = csv.reader(lines, strict=True)
    kept, begin, last = [], 0, 0
    for _ in reader:
        if begin + 1 not in begins:
            kept += lines[begin : reader.line_num]
        begin = last = reader.line_num
    kept += lines[last:]
    text = "".join(kept)
    if not before.endswith((b"\n", b"\r")) and len(kept) < len(lines):
        text = text.removesuffix("\n").removesuffix("\r")
    return mark + text.encode()


def _going(rows: Mapping[str, list[Row]], name: str) -> dict[str, list[Row]]:
    """Return the rows to remove, by table: those of the source, then those that nothing else uses."""
    of_source: Callable[[Row], bool] = lambda row: row["source"] == name  # noqa: E731
    going = {
        table: [row for row in rows[table] if of_source(row)]
        for table in ("source", "attribute", "source_attribute", "quality_check", "job_task")
    }
    jobs = {row.text("job") or name for row in going["source"]} or {name}
    staying = {table: [row for row in rows[table] if row not in going.get(table, [])] for table in rows}
    used = {row.text("job") for table in ("source", "job_task") for row in staying[table]}
    used |= {row.text("source") for row in staying["source"] if row["job"] is None}
    going["job"] = [row for row in rows["job"] if row.text("job") in jobs - used]
    tables = {
        *warehouse_tables(name),
        *(row.text(end) for row in going["job_task"] for end in ("src_tbl", "tgt_tbl")),
    }
    options = {row.text("name"): row.text("value") for row in going["source_attribute"]}
    tables |= {options["tbl"]} if "tbl" in options else set()
    used = {row.text(end) for row in staying["job_task"] for end in ("src_tbl", "tgt_tbl")}
    used |= {row.text("value") for row in staying["source_attribute"] if row["name"] == "tbl"}
    going["tbl"] = [row for row in rows["tbl"] if row.text("tbl") in tables - used]
    _add_connection(rows, staying, going, name)
    return {table: gone for table in TABLES if (gone := going.get(table))}


def _add_connection(
    rows: Mapping[str, list[Row]],
    staying: Mapping[str, list[Row]],
    going: dict[str, list[Row]],
    name: str,
) -> None:
    """Add the connection that was made for the source, and its data source if nothing else uses it."""
    connections = {own_connection(name, kind) for kind in ("rdbms", "local_files")}
    used = _connections_named(staying["source"], staying["source_attribute"])
    used |= {row.text("conn_str") for row in staying["job_task"]}
    sources = {row.text("data_source") for row in staying["source"]}
    going["conn_str"] = [
        row
        for row in rows["conn_str"]
        if row.text("conn_str") in connections - used
        and not (row.text("data_source") in sources and _is_only(rows["conn_str"], row))
    ]
    left = {row.text("data_source") for row in rows["conn_str"] if row not in going["conn_str"]}
    left |= {row.text("data_source") for row in rows["conn_api"]} | sources
    left |= {row.text("data_source") for row in rows["tbl"] if row not in going["tbl"]}
    led_to = {row.text("data_source") for row in going["conn_str"]}
    going["data_source"] = [row for row in rows["data_source"] if row.text("data_source") in led_to - left]


def _connections_named(sources: Iterable[Row], options: Iterable[Row]) -> set[str]:
    """Return the connections that sources name, in their row or by an option."""
    named = {row.text("connection") for row in sources if row["connection"]}
    return named | {row.text("value") for row in options if row["name"] == "conn_str"}


def _is_only(connections: Iterable[Row], row: Row) -> bool:
    return sum(other["data_source"] == row["data_source"] for other in connections) == 1


def _unused(rows: Mapping[str, list[Row]], going: Mapping[str, list[Row]]) -> Iterator[str]:
    """Return connections that only the source used; they existed before it."""
    before = _connections_named(going.get("source", []), going.get("source_attribute", []))
    staying = {
        table: [row for row in rows[table] if row not in going.get(table, [])]
        for table in ("source", "source_attribute")
    }
    used = _connections_named(staying["source"], staying["source_attribute"])
    for table in ("conn_str", "conn_api"):
        for row in rows[table]:
            if row.text(table) in before - used and row not in going.get(table, []):
                yield f"{row.text(table)} in seeds/{table}.csv"


def _model_files(project: Project, name: str) -> list[Path]:
    """Return the models of the source and their properties."""
    names = tuple(f"{prefix}_{name}.{ending}" for prefix in ("stg", "hist") for ending in ("sql", "yml"))
    ours = (f"_{name}__source.yml", f"_{name}__docs.md")
    return sorted(
        path
        for layer in ("staging", "historical")
        for file in (*names, *ours)
        for path in (project.models / layer).glob(f"*/{file}")
    )


def _files_of_models(project: Project, name: str, models: Sequence[str]) -> Iterator[Path]:
    """Yield the files of models of the author, their SQL and the YAML of their name."""
    for model in models:
        found = _files_of_model(project, model) if SAFE_NAME.fullmatch(model) else []
        if model in (f"stg_{name}", f"hist_{name}") or not found:
            raise NewSourceRefused(
                f"--also {model}: no model below models/, expected the name of one that reads {name}"
            )
        yield from found


def _files_of_model(project: Project, model: str) -> list[Path]:
    found = sorted(project.models.rglob(f"{model}.*"))
    return [path for path in found if path.suffix in (".sql", ".yml", ".py")]


def _edited(project: Project, name: str, files: Collection[Path]) -> Iterator[Path]:
    """Return the files that differ from the generated ones."""
    authors = scaffolds(name)
    metadata = next((path for path in files if path.name == f"_{name}__source.yml"), None)
    before = columns_generated(metadata, name) if metadata else None
    try:
        sources = read_catalog(project.seeds).sources
        generated = generated_files([sources[name]] if name in sources else [], project.models)
    except (HeadwaterError, KeyError):
        generated = []  # an incomplete source: its properties are unedited
    texts = {file.path: file.text for file in generated}
    for path in files:
        text = path.read_text(encoding="utf-8")
        if path.name in authors:
            is_edited = not is_unedited(text, authors[path.name], before, name)
        else:
            is_edited = texts.get(path, text) != text
        if is_edited:
            yield path


def _is_noted(project: Project, name: str) -> bool:
    """Return whether a command that wrote or removed the source was killed."""
    return name in (unfinished(project) or "").split()


def _require_nobody_depends(
    project: Project,
    name: str,
    rows: Mapping[str, list[Row]],
    going: Mapping[str, list[Row]],
    files: Collection[Path],
    also: Sequence[str],
) -> None:
    jobs = {row.text("job") for row in going.get("job", [])}
    if not any(row["job"] == name for row in rows["job"]):  # a job of its own that needs no row
        jobs |= {row.text("source") for row in going.get("source", []) if row["job"] in (None, name)}
    messages = [
        f"job {row.text('job')} runs after it (seeds/job.csv:{row.line}, after_job)"
        for row in rows["job"]
        if jobs.intersection(names_in(row["after_job"])) and row not in going.get("job", [])
    ]
    messages += [
        f"{path.relative_to(project.root)}:{line} names {word}"
        for path, line, word in _mentions(project, name, files, also)
    ]
    if messages:
        more = f"; and {len(messages) - 8} more" if len(messages) > 8 else ""
        raise NewSourceRefused(
            f"{name} is needed: {'; '.join(messages[:8])}{more}. Nothing was removed; expected that nothing names"
            " it any more, or --also MODEL for each model that goes with it"
        )


def _mentions(
    project: Project, name: str, files: Collection[Path], also: Sequence[str]
) -> Iterator[tuple[Path, int, str]]:
    """Yield where files that stay name a model or table of the source, or refer to a model that goes with it."""
    models = "".join(rf"|(?:ref\(\s*|model:\s*)['\"]?{model}(?!\w)" for model in also)
    word = re.compile(
        rf"(?<!\w)(?:(?:stg|hist)_{name}|(?:raw|historical|staging)\.(?:stg_)?{name})(?!\w)"
        rf"|source\(\s*['\"]raw['\"]\s*,\s*['\"]{name}['\"]\s*\){models}"
    )
    seeds = {project.seeds / f"{table}.csv" for table in TABLES if table != "sql_script"}
    for folder, endings in AUTHORED.items():
        for path in sorted((project.root / folder).rglob("*")):
            if path.suffix not in endings or path in files or path in seeds or not path.is_file():
                continue
            for number, text in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
                if found := word.search(text):
                    yield path, number, found.group()


def _require_no_new_problem(project: Project, name: str, changes: Iterable[Change]) -> None:
    """Raise `NewSourceRefused` if the remaining seeds break a rule without these rows."""
    before = Counter(map(_rule, load_and_check(project.seeds)[1]))
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        seeds = Path(folder) / project.seeds.name
        shutil.copytree(project.seeds, seeds)
        for change in changes:
            (seeds / change.path.name).write_bytes(change.after or b"")
        after = load_and_check(seeds)[1]
    if new := [problem for problem in after if not before[_rule(problem)]]:
        message = "; ".join(map(str, new[:8]))
        raise NewSourceRefused(
            f"{name} cannot be taken away by itself: without it {message}. Nothing was removed"
        )


def _rule(problem: Problem) -> tuple[str, ...]:
    """Return a problem without its line."""
    return tuple(re.sub(r":\d+", "", part) for part in str(problem).split("\n"))


def _shown(table: str, row: Row) -> str:
    return " ".join(row.text(column) for column in TABLES[table].keys[0] if row[column])
