"""Removals and renamings of sources, rendered for people and for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from headwater.cli.tables import second
from headwater.cli.terminal import escape
from headwater.pipeline.preparation import counted

if TYPE_CHECKING:
    from headwater.metadata.process.source_changes import SourceChange
    from headwater.new_source.remove import Removal
    from headwater.new_source.remove_data import DataRemoval
    from headwater.new_source.rename import Renaming


def removal(out: Console, removed: Removal, root: Path, *, is_data_staying: bool = True) -> None:
    """Print what the removal of a source removes and keeps."""
    for table, rows in removed.rows.items():
        out.print(f"  seeds/{table}.csv: {', '.join(rows)}", markup=False)
    for path in removed.files:
        is_edited = path in removed.edited
        note = " [red]edited: it is not as it was generated[/]" if is_edited else ""
        out.print(f"  {escape(str(path.relative_to(root)))}{note}")
    for row in removed.unused:
        out.print(f"stays: {row}, which nobody uses then", markup=False)
    if not is_data_staying:
        return
    out.print(
        f"stays: all that is loaded of it, in {', '.join(removed.tables)} and on S3 below */{removed.name}/",
        markup=False,
    )


def removal_as_dict(removed: Removal, root: Path) -> dict[str, Any]:
    """Return a removal for JSON."""
    return {
        "source": removed.name,
        "rows": removed.rows,
        "files": [path.relative_to(root) for path in removed.files],
        "edited": [path.relative_to(root) for path in removed.edited],
        "unused": removed.unused,
        "tables_that_stay": removed.tables,
    }


def data_removal(out: Console, planned: DataRemoval) -> None:
    """Print what is loaded of a source, or that nothing is left of it."""
    if planned.unfinished:
        change = planned.unfinished
        out.print(
            f"unfinished: {change.who} began on {second(change.began_at)} UTC ({change.why})", markup=False
        )
    if planned.is_empty and planned.finished:
        change = planned.finished
        out.print(
            f"nothing is left of {planned.name}: {change.who} removed it on {second(change.began_at)} UTC"
            f" ({change.why}), with {data_counts(change.counts)}",
            markup=False,
        )
        return
    out.print(f"  loaded: {data_counts(planned.counts)}", markup=False)


def data_counts(counts: Mapping[str, int]) -> str:
    """Return what there is of a source as words: deliveries, bytes, rows, objects."""
    rows = ", ".join(
        f"{counts.get(f'{layer}_rows', 0):,} rows of {name}"
        for layer, name in (("raw", "raw"), ("staging", "staging"), ("historical", "history"))
    )
    objects = f", {counts['objects']:,} objects on S3" if "objects" in counts else ""
    return f"{counted(counts.get('deliveries', 0))} of {counts.get('bytes', 0):,} bytes, {rows}{objects}"


def renaming(out: Console, planned: Renaming, root: Path, resumed: SourceChange | None) -> None:
    """Print the files that a renaming changes, and the lines for a person to look at."""
    if resumed:
        out.print(
            f"unfinished: {resumed.who} began on {second(resumed.began_at)} UTC; this goes on", markup=False
        )
    for change in planned.changes:
        verb = "delete" if change.after is None else "write" if change.before is None else "change"
        note = " (an author's)" if change.path in planned.authored else ""
        out.print(f"  {verb} {change.path.relative_to(root)}{note}", markup=False)
    for place in planned.named:
        out.print(f"look at {place}: it has the word {planned.old}, and stays as it is", markup=False)


def renaming_as_dict(planned: Renaming, root: Path, old: str, new: str) -> dict[str, Any]:
    """Return a renaming for JSON."""
    return {
        "old": old,
        "new": new,
        "files": [change.path.relative_to(root) for change in planned.changes],
        "authored": [path.relative_to(root) for path in planned.authored],
        "look_at": list(planned.named),
    }
