"""A subset of the dbt project: the models of some sources, or the marts, and the shared files.

dbt parses a whole project before it runs one model, which takes longer with more sources. A run of few
sources needs only their models and the shared files, so Headwater makes a folder with links to these. If a
model needs more (it may read another source's), dbt fails on the subset, and the caller uses the whole
project.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from headwater.home import locked
from headwater.metadata.static.naming import PREFIXES

MARTS = "_marts"  # what stands for the marts among names of sources, which begin with a letter
SHARED = (
    "dbt_project.yml", "dependencies.yml", "packages.yml", "package-lock.yml", "dbt_packages", "macros", "profiles",
    "seeds",
)  # fmt: skip
LONGEST_NAME = 100  # of a folder


def project_subset(root: Path, home: Path, sources: Collection[str]) -> Path:
    """Return the folder of the subset of the project in `root` with the present models of `sources`.

    `MARTS` among them means the marts, with the sources whose histories they read. The folder is in the
    working folder `home`, with dbt's cache.
    """
    folder = home / "dbt" / _name(sources)
    wanted = {folder / path.relative_to(root): path for path in _files(root, sources)}
    (folder / "models").mkdir(parents=True, exist_ok=True)
    with locked(home, "dbt-excerpt.lock"):
        for link in _links(folder):
            if link not in wanted or link.readlink() != wanted[link]:
                link.unlink()
        for link, path in wanted.items():
            if not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
    return folder


def _name(sources: Collection[str]) -> str:
    joined = "+".join(sorted(sources)) or "_seeds"
    return joined if len(joined) <= LONGEST_NAME else hashlib.sha256(joined.encode()).hexdigest()[:32]


def _files(root: Path, sources: Collection[str]) -> Iterator[Path]:
    yield from (path for name in SHARED if (path := root / name).exists())
    names = {*sources, *(_read_by_marts(root) if MARTS in sources else ())}
    for folder in (root / "models").iterdir():
        if folder.name in PREFIXES:
            stems = {f"{PREFIXES[folder.name]}{name}" for name in names}
            yield from (path for path in folder.rglob("*.*") if path.stem in stems)
        elif folder.name != "marts" or MARTS in sources:
            yield from (
                path for path in folder.rglob("*.*") if path.is_file()
            )  # dbt follows no links to folders


def _read_by_marts(root: Path) -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in (root / "models" / "marts").rglob("*.sql"))
    return {name for text in texts for name in re.findall(r"\bhist_(\w+)", text)}


def _links(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        yield from (path for name in (*folders, *files) if (path := Path(where, name)).is_symlink())
