"""Writing a new source: rows of the seeds and files of the models, all of them or none, and none over another."""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headwater.generate import generated_files, stale_files
from headwater.new_source.propose import Proposal
from headwater.new_source.rows import Rows, connection_of, rows_of, tables_of
from headwater.project import Project
from metadata.errors import MetadataInvalid, NewSourceRefused
from metadata.static.check import load_and_check
from metadata.static.kinds import cell_problem
from metadata.static.layout import TABLES
from metadata.static.load import Seeds
from metadata.static.read import read_catalog


@dataclass(frozen=True)
class Change:
    """A file with its text, and what it was before: None where there is none."""

    path: Path
    before: bytes | None
    after: bytes


def require_free(project: Project, name: str) -> Seeds:
    """The seeds, when they are sound and nothing has the name yet. Raises `MetadataInvalid`, `NewSourceRefused`."""
    column = next(column for column in TABLES["source"].columns if column.name == "source")
    if wrong := cell_problem(column, name):
        raise NewSourceRefused(f"{wrong[0]}, expected {wrong[1]}")
    seeds, problems = load_and_check(project.seeds)
    if problems:
        raise MetadataInvalid(problems)
    stale = stale_files(generated_files(read_catalog(project.seeds).sources.values(), project.models))
    if stale:
        names = ", ".join(str(file.path.relative_to(project.root)) for file in stale)
        raise NewSourceRefused(f"{names}: not what seeds/ says. Run `headwater generate` first.")
    taken = [f"{table} in seeds/{table}.csv" for table in ("source", "job") if name in seeds.by_name[table]]
    taken += [
        f"table in seeds/tbl.csv ({table})" for table in tables_of(name) if table in seeds.by_name["tbl"]
    ]
    models = (
        path for path in project.models.rglob("*") if path.stem in (name, f"stg_{name}", f"hist_{name}")
    )
    taken += [f"file, {path.relative_to(project.root)}" for path in sorted(models)]
    if taken:
        raise NewSourceRefused(
            f"{name} is there already: a {'; a '.join(taken)}. Nothing was written; expected another name"
        )
    return seeds


def require_data_source(seeds: Seeds, proposal: Proposal, *, is_chosen: bool) -> None:
    """Raise `NewSourceRefused` where the data source is another one, or was not chosen by a person."""
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
    """Write the source; returns the files that were changed or made. Raises `NewSourceRefused`, `MetadataInvalid`.

    The seeds with the new rows are checked in another place first, and what follows from them is generated there.
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
    apply(changes)
    return [change.path for change in changes]


def apply(changes: Iterable[Change]) -> None:
    """Write every file, or leave each as it was. Raises `NewSourceRefused` where one is not as it was looked at."""
    done: list[Change] = []
    made: list[Path] = []
    try:
        for change in changes:
            _require_unchanged(change)
            made += _missing_folders(change.path.parent)
            change.path.parent.mkdir(parents=True, exist_ok=True)
            done.append(change)
            _replace(change.path, change.after, is_new=change.before is None)
    except BaseException:
        for change in reversed(done):
            with suppress(FileNotFoundError):
                if change.before is not None:
                    _replace(change.path, change.before, is_new=False)
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
            f"{change.path}: changed while the source was written. Nothing was written; run it again"
        )


def _missing_folders(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _replace(path: Path, content: bytes, *, is_new: bool) -> None:
    """Whole or not at all, and with the rights that it had; never over a file that came meanwhile."""
    if is_new:
        with path.open("xb") as file:
            file.write(content)
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".headwater-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        shutil.copymode(path, temporary)
        Path(temporary).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()


def _seed_changes(project: Project, rows: Rows) -> list[Change]:
    changes = []
    for table, added in rows.items():
        path = project.seeds / f"{table}.csv"
        before = path.read_bytes()
        changes.append(Change(path, before, with_rows(before, added)))
    return changes


def with_rows(before: bytes, rows: Iterable[Mapping[str, str]]) -> bytes:
    """A CSV with rows at its end, by its own header, with its own line ends."""
    text = before.decode("utf-8-sig")
    line_end = "\r\n" if "\r\n" in text else "\n"
    header = next(csv.reader(io.StringIO(text, newline="")))
    added = io.StringIO(newline="")
    writer = csv.writer(added, lineterminator=line_end)
    for row in rows:
        if unknown := row.keys() - set(header):
            raise NewSourceRefused(f"the seeds have no column {', '.join(sorted(unknown))}, expected it")
        writer.writerow([row.get(column, "") for column in header])
    gap = b"" if before.endswith((b"\n", b"\r")) else line_end.encode()
    return before + gap + added.getvalue().encode()


def _model_changes(project: Project, changes: Iterable[Change]) -> list[Change]:
    """The models that follow from the seeds with these changes, once those have passed every check."""
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        seeds = Path(folder) / project.seeds.name
        shutil.copytree(project.seeds, seeds)
        for change in changes:
            (seeds / change.path.name).write_bytes(change.after)
        files = stale_files(generated_files(read_catalog(seeds).sources.values(), project.models))
    for file in files:
        if file.path.exists():
            raise NewSourceRefused(
                f"{file.path.relative_to(project.root)} is there already. Nothing was written; expected another name"
            )
    return [Change(file.path, None, file.text.encode()) for file in files]
