"""A subset of the dbt project: the models of some sources, or the marts, and the shared files.

dbt parses a whole project before it runs one model, which takes longer with more sources. A run of few
sources needs only their models, what these are made of, and the shared files, so Headwater makes a folder with links
to these. A YAML file that speaks of other models as well is copied without them. If a model needs more than its text
tells, dbt fails on the subset, and the caller uses the whole project.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import yaml

from headwater.dbt_project.model_files import LOADER, ModelFiles, models_of, sources_of
from headwater.home import locked

MARTS = "_marts"  # what stands for the marts among names of sources, which begin with a letter
SHARED = (
    "dbt_project.yml", "dependencies.yml", "packages.yml", "package-lock.yml", "dbt_packages", "profiles",
)  # fmt: skip
SHARED_PATHS = {
    "macro-paths": ["macros"],
    "seed-paths": ["seeds"],
}  # settings of dbt_project.yml and their defaults
LONGEST_NAME = 100  # of a folder


def project_subset(root: Path, home: Path, sources: Collection[str]) -> Path:
    """Return the folder of the subset of the project in `root` with the present models of `sources`.

    `MARTS` among them means all models that are no source's, with the sources whose histories they read. The folder
    is in the working folder `home`, with dbt's cache.
    """
    folder = home / "dbt" / _name(sources)
    linked, written = _wanted(root, sources)
    (folder / "models").mkdir(parents=True, exist_ok=True)
    with locked(home, "dbt-excerpt.lock"):
        for path in _present(folder):
            place = path.relative_to(folder)
            is_wanted = place in written
            if path.is_symlink():
                is_wanted = linked.get(place) == path.readlink()
            if not is_wanted:
                path.unlink()
        for place, path in linked.items():
            if not (folder / place).is_symlink():
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                (folder / place).symlink_to(path)
        for place, text in written.items():
            _write_if_other(folder / place, text)
    return folder


def _name(sources: Collection[str]) -> str:
    joined = "+".join(sorted(sources)) or "_seeds"
    return joined if len(joined) <= LONGEST_NAME else hashlib.sha256(joined.encode()).hexdigest()[:32]


def _wanted(root: Path, sources: Collection[str]) -> tuple[Mapping[Path, Path], Mapping[Path, str]]:
    """Return the files of a subset by their place in it: those that are links, and the texts of the others."""
    files = ModelFiles(root / "models")
    names = [name for source in sources if source != MARTS for name in models_of(source)]
    models = files.closure([*names, *(files.behind_history if MARTS in sources else ())])
    of_sources = sources_of(models)
    properties = files.properties(models, of_sources)
    paths = [path for name in SHARED if (path := root / name).exists()]
    paths += [path for setting in SHARED_PATHS for path in configured_paths(root, setting)]
    paths += [files.paths[name] for name in models] + files.documents(of_sources)
    paths += [one.path for one in properties if one.text is None]
    return (
        {path.relative_to(root): path for path in paths},
        {one.path.relative_to(root): one.text for one in properties if one.text is not None},
    )


def configured_paths(root: Path, setting: str) -> list[Path]:
    """Return the present folders that `dbt_project.yml` names for one of the settings in `SHARED_PATHS`."""
    try:
        message = yaml.load((root / "dbt_project.yml").read_text(encoding="utf-8"), LOADER)
    except (OSError, yaml.YAMLError):  # dbt says so
        message = None
    names = message.get(setting) if isinstance(message, dict) else None
    return [
        path
        for name in (SHARED_PATHS[setting] if names is None else names)
        if (path := root / str(name)).is_dir()
    ]


def _write_if_other(path: Path, text: str) -> None:
    """Write a file, unless it is what it would be: dbt parses again what has another time."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _present(folder: Path) -> Iterator[Path]:
    """Yield the links in a subset and the files among its models; dbt's own are left alone."""
    for where, folders, files in os.walk(folder):
        paths = [Path(where, name) for name in (*folders, *files)]
        yield from (path for path in paths if path.is_symlink())
        if Path(where).is_relative_to(folder / "models"):
            yield from (path for path in paths if path.is_file() and not path.is_symlink())
