"""Purging by hand, and bringing back what was purged when a question needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.pipeline import retention
from headwater.pipeline.preparation import Say, chosen, prepare
from headwater.pipeline.question import Question
from headwater.pipeline.retention import Purged
from headwater.pipeline.runners.sources import SourcesRun
from headwater.pipeline.side_by_side import default_at_once
from headwater.project import Project


@dataclass(frozen=True)
class PurgeResult:
    """The rows that were purged, or would be; sources of which all stays by policy are named."""

    purged: tuple[Purged, ...]
    keeping_all: tuple[str, ...]
    failures: tuple[str, ...]
    is_dry_run: bool


def purge(
    project: Project, names: Sequence[str], say: Say, at_once: int | None = None, *, is_dry_run: bool = False
) -> PurgeResult:
    """Purge raw and staging of the named sources, or of all whose job is active, by the policy of each.

    `at_once` sources go side by side.
    """
    at_once = at_once or default_at_once()
    catalog, engine = prepare(project, lambda catalog: chosen(catalog, names), at_once)
    sources = chosen(catalog, names)
    keeping_all = tuple(source.name for source in sources if not retention.policy(source))
    if is_dry_run:
        with engine.connect() as connection:
            found = [
                purged
                for source in sources
                for purged in retention.to_purge(connection, source.name, retention.policy(source))
            ]
        return PurgeResult(tuple(found), keeping_all, (), True)
    close_abandoned(engine)
    run = SourcesRun(project, engine, catalog, sources, say, is_offline=True, at_once=at_once)
    result = run.clean_up_alone()
    done = [purged for source in result.sources for purged in source.purged]
    return PurgeResult(tuple(done), keeping_all, tuple(result.failures), False)


def bring_back_known_at(project: Project, name: str, known_at: datetime, say: Say) -> None:
    """Have staging hold every delivery of a source that counted at a moment: what was known then is made of them.

    The next run purges them again. Raises `HeadwaterError` when one cannot be brought back.
    """
    catalog, engine = prepare(project, lambda catalog: chosen(catalog, [name]))
    sqns = retention.unstaged_at(engine, name, known_at)
    if not sqns:
        return
    close_abandoned(engine)
    source = catalog.sources[name]
    Question(project, engine, catalog, source, say).bring_back(sqns)
