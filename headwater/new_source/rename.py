"""Renaming of a source in the files of a project: seeds, models, and the author's files that name it."""

from __future__ import annotations

import codecs
import csv
import io
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.dbt_project.generate import generated_files
from headwater.metadata.errors import MetadataInvalid, NewSourceRefused
from headwater.metadata.static.cell_types import cell_problem
from headwater.metadata.static.check import load_and_check
from headwater.metadata.static.naming import warehouse_tables
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.schema import TABLES
from headwater.new_source.remove import AUTHORED
from headwater.new_source.write import Change, apply, clear_temporary
from headwater.project import Project

_TABLE_CELLS = {"tbl": ("tbl",), "job_task": ("src_tbl", "tgt_tbl")}


@dataclass(frozen=True)
class Renaming:
    """The files that change or move, those of them that have an author, and the lines that a person has to look at."""

    old: str
    new: str
    changes: tuple[Change, ...]
    authored: tuple[Path, ...]
    named: tuple[str, ...]


def plan_renaming(project: Project, old: str, new: str, *, is_resumed: bool = False) -> Renaming:
    """Return the changes that files need. One that `is_resumed` was killed: what it has done is left out.

    Raises `NewSourceRefused` if there is no such source or the new name is taken, `MetadataInvalid` if seeds are not
    valid.
    """
    if not is_resumed:
        _require_names(project, old, new)
    changes = [
        change
        for table in TABLES
        if (change := _seed_change(project.seeds / f"{table}.csv", table, old, new))
    ]
    renamed = {
        path: text
        for path in _authors_files(project)
        if (text := renamed_text(_read(path), old, new)) != _read(path)
    }
    moved = {path: path.with_name(_new_name(path.name, old, new)) for path in _files_named(project, old)}
    for path in sorted(renamed.keys() | moved.keys()):
        content = renamed.get(path, _read(path)).encode()
        changes += (
            _moved(path, moved[path], content)
            if path in moved
            else [Change(path, path.read_bytes(), content)]
        )
    changes = _with_generated(project, changes, new)
    touched = {change.path for change in changes} | set(moved)
    return Renaming(
        old, new, tuple(changes), tuple(path for path in renamed if path not in moved),
        tuple(_left_named(project, old, touched, renamed)),
    )  # fmt: skip


def rename(project: Project, renaming: Renaming) -> None:
    """Write all files or none. Raises `NewSourceRefused` if one has changed since it was read."""
    clear_temporary(project)
    apply(renaming.changes)
    for change in renaming.changes:
        folder = change.path.parent
        if change.after is None and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def renamed_text(text: str, old: str, new: str) -> str:
    """Return SQL, YAML or Jinja with the name of a source replaced where nothing else can be meant.

    That is in names of its models, tables and doc blocks, in `source()`, and as the argument of our macros.
    """
    text = re.sub(rf"(?<!\w)(stg_|hist_){old}(?!\w)", rf"\g<1>{new}", text)
    text = re.sub(rf"(?<![\w.])(raw|historical)(\.\"?){old}(?!\w)", rf"\g<1>\g<2>{new}", text)
    text = re.sub(rf"(source\(\s*['\"]raw['\"]\s*,\s*['\"]){old}(?=['\"])", rf"\g<1>{new}", text)
    text = re.sub(rf"(headwater\.\w+\(\s*['\"]){old}(?=['\"])", rf"\g<1>{new}", text)
    return re.sub(rf"(?<!\w)(_?){old}(?=__\w)", rf"\g<1>{new}", text)


def _require_names(project: Project, old: str, new: str) -> None:
    column = next(column for column in TABLES["source"].columns if column.name == "source")
    if wrong := cell_problem(column, new):
        raise NewSourceRefused(f"{wrong[0]}, expected {wrong[1]}")
    if old == new:
        raise NewSourceRefused(f"{new} is its name already, expected another one")
    seeds, problems = load_and_check(project.seeds)
    if problems:
        raise MetadataInvalid(problems)
    sources = seeds.by_name["source"]
    if old not in sources:
        raise NewSourceRefused(
            f"no source {old}, expected one of {', '.join(sorted(sources)) or 'none that is there'}. Nothing was"
            " renamed"
        )
    written = {
        table: {key for key, row in rows.items() if not row.origin} for table, rows in seeds.by_name.items()
    }
    taken = [f"{table} in seeds/{table}.csv" for table in ("source", "job") if new in written[table]]
    taken += [
        f"table in seeds/tbl.csv ({table})" for table in warehouse_tables(new) if table in written["tbl"]
    ]
    taken += [f"file, {path.relative_to(project.root)}" for path in sorted(project.models.rglob(f"{new}.*"))]
    if taken:
        raise NewSourceRefused(f"{new} is there already: a {'; a '.join(taken)}. Expected another name")


def _seed_change(path: Path, table: str, old: str, new: str) -> Change | None:
    """Return the change of a CSV of metadata: only cells that mean the source or its own job, in their records."""
    if not path.exists():
        return None
    before = path.read_bytes()
    lines = list(io.StringIO(before.decode("utf-8-sig"), newline=""))
    reader = csv.reader(lines, strict=True)
    header = next(reader, [])
    kept, begin = lines[: reader.line_num], reader.line_num
    for record in reader:
        cells = [_cell(table, name, cell, old, new) for name, cell in zip(header, record, strict=False)]
        cells += record[len(header) :]
        as_written = lines[begin : reader.line_num]
        begin = reader.line_num
        kept += as_written if cells == record else [_record(cells, as_written[-1])]
    after = (codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b"") + "".join(kept).encode()
    return None if after == before else Change(path, before, after)


def _cell(table: str, column: str, cell: str, old: str, new: str) -> str:
    if column in ("source", "job") and cell.strip() == old:
        return new
    if column == "after_job":
        return "|".join(new if name.strip() == old else name for name in cell.split("|"))
    if column in _TABLE_CELLS.get(table, ()):
        return dict(zip(warehouse_tables(old), warehouse_tables(new), strict=True)).get(cell.strip(), cell)
    return renamed_text(cell, old, new) if (table, column) == ("sql_script", "sql_text") else cell


def _record(cells: list[str], last_line: str) -> str:
    ending = last_line[len(last_line.rstrip("\r\n")) :]
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerow(cells)  # which it quotes within a cell
    return written.getvalue().removesuffix("\r\n") + ending


def _authors_files(project: Project) -> Iterator[Path]:
    """Yield the files that may name models of the source, metadata and what `generate` writes apart."""
    seeds = {project.seeds / f"{table}.csv" for table in TABLES}
    for folder, endings in AUTHORED.items():
        for path in sorted((project.root / folder).rglob("*")):
            is_ours = path.name.endswith(("__source.yml", "__docs.md"))
            if path.is_file() and path.suffix in endings and path not in seeds and not is_ours:
                yield path


def _files_named(project: Project, old: str) -> list[Path]:
    names = [*(f"{prefix}_{old}.{ending}" for prefix in ("stg", "hist") for ending in ("sql", "yml", "py"))]
    ours = [f"_{old}__source.yml", f"_{old}__docs.md"]
    return sorted(path for name in (*names, *ours) for path in project.models.rglob(name))


def _new_name(name: str, old: str, new: str) -> str:
    return re.sub(rf"^(stg_|hist_|_){old}(?=\.|__)", rf"\g<1>{new}", name)


def _moved(path: Path, place: Path, text: bytes) -> list[Change]:
    gone = Change(path, path.read_bytes(), None)
    if place.exists():  # a killed renaming was between the two
        return [gone]
    return [Change(place, None, text), gone]


def _with_generated(project: Project, changes: list[Change], new: str) -> list[Change]:
    """Return the changes with the files that `generate` writes, as the renamed seeds say. Raises `MetadataInvalid`."""
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        seeds = Path(folder) / project.seeds.name
        shutil.copytree(project.seeds, seeds)
        for change in changes:
            if change.path.parent == project.seeds:
                (seeds / change.path.name).write_bytes(change.after or b"")
        if problems := load_and_check(seeds)[1]:
            raise MetadataInvalid(problems)
        source = read_catalog(seeds).sources[new]
        texts = {file.path: file.text.encode() for file in generated_files([source], project.models)}
    ours = {path: text for path, text in texts.items() if path.name.endswith(("__source.yml", "__docs.md"))}
    rest = [change for change in changes if change.path not in ours]
    made = [Change(path, path.read_bytes() if path.exists() else None, text) for path, text in ours.items()]
    return [*rest, *(change for change in made if change.before != change.after)]


def _left_named(project: Project, old: str, touched: set[Path], renamed: Mapping[Path, str]) -> Iterator[str]:
    """Yield the lines that still have the name as a word: whether they mean the source, a person knows."""
    word = re.compile(rf"(?<!\w){old}(?!\w)")
    for path in _authors_files(project):
        if path in touched and path not in renamed:
            continue
        for number, line in enumerate(renamed.get(path, _read(path)).splitlines(), 1):
            if word.search(line):
                yield f"{path.relative_to(project.root)}:{number}"


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()
