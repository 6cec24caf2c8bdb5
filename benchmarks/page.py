"""The page of the results, from the JSON of the benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.report import Report, Table

_HEAD = """# Benchmarks

`python -m benchmarks.all` writes this page from the output of each benchmark: measure again instead of editing it.
`benchmarks/README.md` explains how they work.

All compared ways ran alternately, in one run, on one Postgres with the same settings. The times exclude start-up,
imports and the parsing of projects, except where these are what is measured; they include Headwater's checks where the
table says so. All numbers are medians, but those of very many small sources, which run once. A ratio of
times below 1 means faster than the way it is compared with.

![{alt}](benchmarks.svg)
"""


def read_reports(folder: Path, names: Iterable[str]) -> list[Report]:
    """Return the reports in `folder`, in the order of `names`, without benchmarks that did not run."""
    paths = (folder / f"{name}.json" for name in names)
    return [Report.from_json(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def page(reports: Sequence[Report]) -> str:
    """The page in Markdown."""
    alt = "Bars of the seconds that each way took; the tables below hold the same numbers."
    parts = [_HEAD.format(alt=alt), _aims(reports)]
    for report in reports:
        parts += [
            f"## {report.title}",
            report.about,
            f"```sh\n.venv/bin/{report.command}\n```",
            report.markdown(),
        ]
    parts += ["## Settings", _settings(reports)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _aims(reports: Sequence[Report]) -> str:
    rows = [
        (f"{report.title}: {aim.what}", aim.found, "yes" if aim.is_met else "**no**")
        for report in reports
        for aim in report.aims
    ]
    return Table("", ("aim", "found", "met"), rows).markdown()


def _settings(reports: Sequence[Report]) -> str:
    """Return the settings as a table; a setting that differs, by benchmark."""
    messages = [{**report.machine, **report.server} for report in reports]
    rows = []
    for name in dict.fromkeys(name for one in messages for name in one):
        values = [one.get(name, "") for one in messages]
        if len(set(values)) == 1:
            rows.append((name, values[0]))
        else:
            rows.append(
                (name, "; ".join(f"{r.name}: {value}" for r, value in zip(reports, values, strict=True)))
            )
    return Table("", ("what", "value"), rows).markdown()
