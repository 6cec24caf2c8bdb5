"""Writes the rows and models of a new source: all of them or none, without overwriting any.

While it writes, a note in the working folder names the source. If the process is killed, the note stays, and
the next command that meets the incomplete source says how to remove it.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from headwater.dbt_project.generate import generated_files, stale_files
from headwater.metadata.errors import MetadataInvalid, NewSourceRefused
from headwater.metadata.static.cell_types import cell_problem
from headwater.metadata.static.check import load_and_check
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.naming import warehouse_tables
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.schema import TABLES
from headwater.new_source.proposal import Proposal
from headwater.new_source.rows import Rows, connection_of, rows_of
from headwater.project import Project

NOTE = "unfinished_source"  # in the working folder
TEMPORARY = ".headwater-"  # prefix of the names of temporary files


@dataclass(frozen=True)
class Change:
    """A file with its new text and its previous text: None if it does not exist."""

    path: Path
    before: bytes | None
    after: bytes | None


def require_free(project: Project, name: str) -> Seeds:
    """Return the seeds if they are valid and the name is free. Raises `MetadataInvalid`, `NewSourceRefused`."""
    column = next(column for column in TABLES["source"].columns if column.name == "source")
    if wrong := cell_problem(column, name):
        raise NewSourceRefused(f"{wrong[0]}, expected {wrong[1]}")
    half = unfinished(project)
    seeds, problems = load_and_check(project.seeds)
    if problems:
        raise NewSourceRefused(half) if half else MetadataInvalid(problems)
    stale = stale_files(generated_files(read_catalog(project.seeds).sources.values(), project.models))
    if half and (stale or _has_models_alone(project, seeds)):
        raise NewSourceRefused(half)
    if half:  # it had done all or nothing
        clear_temporary(project)
        (project.home / NOTE).unlink(missing_ok=True)
    if stale:
        names = ", ".join(str(file.path.relative_to(project.root)) for file in stale)
        raise NewSourceRefused(f"{names}: not what seeds/ says. Run `headwater generate` first.")
    written = {
        table: {key for key, row in rows.items() if not row.origin} for table, rows in seeds.by_name.items()
    }
    taken = [f"{table} in seeds/{table}.csv" for table in ("source", "job") if name in written[table]]
    taken += [
        f"table in seeds/tbl.csv ({table})" for table in warehouse_tables(name) if table in written["tbl"]
    ]
    models = (
        path for path in project.models.rglob("*") if path.stem in (name, f"stg_{name}", f"hist_{name}")
    )
    taken += [f"file, {path.relative_to(project.root)}" for path in sorted(models)]
    if taken:
        raise NewSourceRefused(
            f"{name} is there already: a {'; a '.join(taken)}. Nothing was written; expected another name, or that it"
            f" is taken away first: headwater remove-source {name}"
        )
    return seeds


def require_job(seeds: Seeds, name: str) -> None:
    """Raise `NewSourceRefused` if a job of that name exists and extracts nothing."""
    row = seeds.by_name["job"].get(name)
    if row is not None and "E" not in row.text("etl_steps"):
        steps = row.text("etl_steps") or "none"
        raise NewSourceRefused(
            f"--job {name}: its etl_steps are {steps} (seeds/job.csv:{row.line}), expected one that extracts (E), or a"
            " new name"
        )


def require_data_source(seeds: Seeds, proposal: Proposal, *, is_chosen: bool) -> None:
    """Raise `NewSourceRefused` if the data source differs, or no person chose it."""
    row = seeds.by_name["data_source"].get(proposal.data_source)
    if row is None:
        return
    kind = proposal.sample.data_source_type
    if row.text("data_source_type") != kind:
        raise NewSourceRefused(
            f"{proposal.data_source} is there already, a data source of type {row.text('data_source_type')}: expected"
            f" one of type {kind}, or a new name (--data-source)"
        )
    if not is_chosen:
        raise NewSourceRefused(
            f"{proposal.data_source} is there already in seeds/data_source.csv: say --data-source"
            f" {proposal.data_source} if the files are its own, or another name"
        )


def write(project: Project, proposal: Proposal) -> list[Path]:
    """Write the source and return the changed and new files. Raises `NewSourceRefused`, `MetadataInvalid`.

    First checks the seeds with the new rows in a temporary folder and generates the models there.
    """
    seeds = require_free(project, proposal.name)
    conn_str = connection_of(proposal, seeds)
    row = seeds.by_name["conn_str"].get(conn_str)
    if row is not None and row.text("data_source") != proposal.data_source:
        raise NewSourceRefused(
            f"{conn_str} is there already in seeds/conn_str.csv, for {row.text('data_source')}: expected --data-source"
            f" {row.text('data_source')}, or another name for the source"
        )
    changes = [*_seed_changes(project, rows_of(proposal, seeds))]
    changes += _model_changes(project, changes)
    clear_temporary(project)
    with noted(project, proposal.name):
        apply(changes)
    return [change.path for change in changes]


def unfinished(project: Project) -> str | None:
    """Return a sentence about a source that was being written or removed when the process was killed."""
    note = project.home / NOTE
    if not note.is_file():
        return None
    name = note.read_text(encoding="utf-8").strip()
    return (
        f"{name} is being written or taken away, or was when its command was killed: then rows and models of it may be"
        f" left, and headwater remove-source {name} takes them away"
    )


def _has_models_alone(project: Project, seeds: Seeds) -> bool:
    """Return whether the source of the note has models but no rows."""
    name = (project.home / NOTE).read_text(encoding="utf-8").strip()
    models = (path for path in project.models.rglob("*") if path.stem in (f"stg_{name}", f"hist_{name}"))
    return name not in seeds.by_name["source"] and any(models)


@contextmanager
def noted(project: Project, name: str) -> Iterator[None]:
    """Keep a note about an incomplete source until it is written or restored."""
    project.home.mkdir(parents=True, exist_ok=True)
    note = project.home / NOTE
    note.write_text(name, encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def apply(changes: Iterable[Change]) -> None:
    """Write every file, or restore all. Raises `NewSourceRefused` if one has changed since it was read."""
    done: list[Change] = []
    made: list[Path] = []
    try:
        for change in changes:
            _require_unchanged(change)
            made += _missing_folders(change.path.parent)
            change.path.parent.mkdir(parents=True, exist_ok=True)
            done.append(change)
            if change.after is None:
                change.path.unlink()
            else:
                _replace(change.path, change.after, is_new=change.before is None)
    except BaseException:
        for change in reversed(done):
            with suppress(FileNotFoundError):
                if change.before is not None:
                    _replace(change.path, change.before, is_new=not change.path.exists())
                elif change.path.read_bytes() == change.after:
                    change.path.unlink()
        for folder in sorted(made, key=lambda path: -len(path.parts)):
            with suppress(OSError):
                folder.rmdir()
        raise


def _require_unchanged(change: Change) -> None:
    now = change.path.read_bytes() if change.path.exists() else None
    if now != change.before:
        raise NewSourceRefused(
            f"{change.path}: changed while the files were written. Nothing was written; run it again"
        )


def _missing_folders(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _replace(path: Path, content: bytes, *, is_new: bool) -> None:
    """Replace a file atomically, with its permissions; never overwrites a file that changed meanwhile."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if is_new:
            Path(temporary).chmod(0o666 & ~_umask())
            _move_to_new(Path(temporary), path)
        else:
            shutil.copymode(path, temporary)
            Path(temporary).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()


def _move_to_new(temporary: Path, path: Path) -> None:
    """Create a file atomically; never overwrites a file that appeared meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with path.open("xb") as file:
            file.write(temporary.read_bytes())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def clear_temporary(project: Project) -> None:
    """Remove the temporary files of a killed process."""
    for folder in (project.seeds, project.models):
        for path in folder.rglob(f"{TEMPORARY}*"):
            path.unlink(missing_ok=True)


def _seed_changes(project: Project, rows: Rows) -> list[Change]:
    """Return the changes in an order in which an incomplete set still shows what belongs to the source."""
    changes = []
    for table in reversed(TABLES):
        if table not in rows:
            continue
        added = rows[table]
        path = project.seeds / f"{table}.csv"
        before = path.read_bytes()
        changes.append(Change(path, before, with_rows(with_columns(before, added), added)))
    return changes


def with_columns(before: bytes, rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return a CSV whose header has the columns that rows fill; its own rows get blank cells at their ends."""
    lines = list(io.StringIO(before.decode("utf-8-sig"), newline=""))
    reader = csv.reader(lines)
    header = next(reader)
    filled = dict.fromkeys(column for row in rows for column, cell in row.items() if cell)
    lacking = [column for column in filled if column not in header]
    if not lacking:
        return before
    ends = {reader.line_num: "," + ",".join(lacking)}
    for fields in reader:
        if fields:
            ends[reader.line_num] = "," * len(lacking)
    grown = []
    for number, line in enumerate(lines, start=1):
        content = line.rstrip("\r\n")
        grown.append(content + ends.get(number, "") + line[len(content) :])
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    return mark + "".join(grown).encode()


def with_rows(before: bytes, rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return a CSV with rows added, by its own header and line ends, with a final line end only if it had one."""
    text = before.decode("utf-8-sig")
    line_end = "\r\n" if "\r\n" in text else "\n"
    header = next(csv.reader(io.StringIO(text, newline="")))
    added = io.StringIO(newline="")
    writer = csv.writer(added, lineterminator=line_end)
    for row in rows:
        writer.writerow([row.get(column, "") for column in header])
    if before.endswith((b"\n", b"\r")):
        return before + added.getvalue().encode()
    return before + (line_end + added.getvalue().removesuffix(line_end)).encode()


def _model_changes(project: Project, changes: Iterable[Change]) -> list[Change]:
    """Return the models for the changed seeds, after the seeds have passed every check."""
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        seeds = Path(folder) / project.seeds.name
        shutil.copytree(project.seeds, seeds)
        for change in changes:
            (seeds / change.path.name).write_bytes(change.after or b"")
        files = stale_files(generated_files(read_catalog(seeds).sources.values(), project.models))
    for file in files:
        if file.path.exists():
            raise NewSourceRefused(
                f"{file.path.relative_to(project.root)} is there already. Nothing was written; expected another name"
            )
    return [Change(file.path, None, file.text.encode()) for file in files]
