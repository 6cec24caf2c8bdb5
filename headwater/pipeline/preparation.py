"""The preparation of a run: the database, fresh models, and the chosen sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Engine

from headwater.dbt_project.generate import generated_files, stale_files
from headwater.home import make_home
from headwater.metadata.connection import engine as new_engine
from headwater.metadata.connection import require_reachable
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.migrate import upgrade
from headwater.metadata.static.model import Catalog, Source
from headwater.metadata.static.read import read_catalog
from headwater.project import Project

Say = Callable[[str], None]


SHOWN = 30  # names of sources in a line


CONNECTIONS_OF_SOURCE = 3  # at once, at most: a lock, what is done under it, and a line of log


def prepare(
    project: Project,
    of: Callable[[Catalog], Iterable[Source]] = lambda catalog: catalog.sources.values(),
    at_once: int | None = None,
) -> tuple[Catalog, Engine]:
    """Read the metadata and bring the database to its newest version; its connections do for `at_once` sources.

    Raises `MetadataInvalid`, `DatabaseUnavailable`, or `HeadwaterError` when generated files `of` some sources are
    stale.
    """
    catalog = read_catalog(project.seeds)
    require_fresh(project, of(catalog))
    return catalog, open_database(project, at_once)


def require_fresh(project: Project, sources: Iterable[Source]) -> None:
    """Raise `HeadwaterError` when the files that are made of the metadata of some sources are not what it says."""
    stale = stale_files(generated_files(sources, project.models))
    if stale:
        names = ", ".join(str(file.path.relative_to(project.root)) for file in stale)
        raise HeadwaterError(
            f"{names}: not what seeds/ says. Run `headwater generate` and commit what it writes."
        )


def open_database(project: Project, at_once: int | None = None) -> Engine:
    """Bring the database to its newest version; its connections do for `at_once` sources.

    Raises `DatabaseUnavailable`.
    """
    make_home(project.root)
    engine = new_engine(at_once=CONNECTIONS_OF_SOURCE * at_once + 2) if at_once else new_engine()
    require_reachable(engine)
    upgrade(engine)
    return engine


def chosen(catalog: Catalog, names: Sequence[str]) -> list[Source]:
    """The named sources, or all whose job is active. Raises `HeadwaterError` on a name that is none."""
    unknown = [name for name in names if name not in catalog.sources]
    if unknown:
        raise HeadwaterError(
            f"no source {', '.join(unknown)}. Expected one or more of: {', '.join(sorted(catalog.sources))}."
        )
    if names:
        return [catalog.sources[name] for name in dict.fromkeys(names)]
    return [source for source in catalog.sources.values() if catalog.jobs[source.job].is_active]


def listed_names(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:SHOWN])} and {more:,} more"


def counted(count: int) -> str:
    """Return how many deliveries there are, in words."""
    return f"{count} {'delivery' if count == 1 else 'deliveries'}"
