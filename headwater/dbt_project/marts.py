"""The models behind history: what each is made of. A run builds those whose histories or texts have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.dbt_project.model_files import ModelFiles, models_of, sources_of
from headwater.project import Project

LOCK = "marts"  # of whoever builds them
TASK = "marts"  # on record with what they were made of

Nodes = Mapping[
    str, tuple[bool, Sequence[str]]
]  # model → whether it is ephemeral, and the models that it reads


def models(project: Project) -> list[str]:
    """Return the names of all models behind history, marts and what they are made of, in the order of their paths."""
    return ModelFiles(project.models).behind_history


def unbuilt(engine: Engine, sources: Iterable[str]) -> list[str]:
    """Return the sources without a history, whose marts cannot be built."""
    asked = sa.text(
        "select name from unnest(cast(:names as text[])) with ordinality as sources (name, place)"
        " where to_regclass(format('historical.%I', name)) is null order by place"
    )
    with engine.connect() as connection:
        return list(connection.execute(asked, {"names": list(sources)}).scalars())


def waiting(project: Project, unbuilt: Sequence[str]) -> dict[str, list[str]]:
    """Return the marts that cannot be built yet → those of the sources without a history that they read."""
    files = ModelFiles(project.models)
    missing = {mart: sources_of(files.closure([mart])) & set(unbuilt) for mart in files.behind_history}
    return {mart: sorted(sources) for mart, sources in missing.items() if sources}


def made_of(project: Project, engine: Engine, waiting: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return a digest of what each mart would be made of now: loads of history, texts of models and rows of seeds.

    Of those that are `waiting` for the histories of some sources, their names.
    """
    files = ModelFiles(project.models)
    loads = _loads(engine)
    seeds = {path.stem: path for path in project.seeds.rglob("*.csv")}
    found = {}
    for mart in files.behind_history:
        if mart in waiting:
            found[mart] = f"without {', '.join(waiting[mart])}"
            continue
        closure = files.closure([mart])
        sources = sources_of(closure)
        layers = {name for source in sources for name in models_of(source)}
        read = {name for model in closure - layers for name in files.reads(model)}
        paths = [files.paths[name] for name in sorted(closure - layers)]
        paths += [seeds[name] for name in sorted(read & seeds.keys())]
        # a mart may read what no history tells of, such as process metadata, which any load changes
        asked = sources if sources and not files.reads_sources(closure - layers) else loads.keys()
        texts = [path.read_bytes() for path in paths]
        texts += [f"{source} {loads.get(source, 'empty')}".encode() for source in sorted(asked)]
        found[mart] = hashlib.md5(b"\0".join(texts), usedforsecurity=False).hexdigest()
    return found


def _loads(engine: Engine) -> dict[str, str]:
    """Return a digest of the loads of each source's history."""
    of_delivery = "delivery_sqn || ' ' || delivery_status.status || ' ' || status_at"
    ask = sa.text(
        f"select source, md5(string_agg({of_delivery}, ',' order by delivery_sqn)) as digest"
        " from metadata.delivery_status inner join metadata.delivery using (delivery_sqn)"
        " where layer = 'historical' group by source"
    )
    with engine.connect() as connection:
        return {row.source: row.digest for row in connection.execute(ask)}


def last_made_of(engine: Engine) -> dict[str, str]:
    """Return the digests of what the marts were made of in the last successful build."""
    with engine.connect() as connection:
        last: Any = connection.execute(
            sa.text(
                "select parameters -> 'made_of' from metadata.job_inst_task"
                " where task = :task and status = 'succeeded' order by job_inst_task_id desc limit 1"
            ),
            {"task": TASK},
        ).scalar()
    return last if isinstance(last, dict) else {}  # it was one digest of all once


def due(now: Mapping[str, str], last: Mapping[str, str]) -> list[str]:
    """Return the marts that would be made of something else now than they were."""
    return [mart for mart, digest in now.items() if last.get(mart) != digest]


def built_after(nodes: Nodes) -> dict[str, list[str]]:
    """Return the models that dbt builds → the models that they are made of, through the ephemeral ones between."""

    def parents(name: str) -> list[str]:
        found: list[str] = []
        for parent in nodes[name][1]:
            is_ephemeral = parent in nodes and nodes[parent][0]
            found += [one for one in (parents(parent) if is_ephemeral else [parent]) if one not in found]
        return found

    return {name: parents(name) for name, (is_ephemeral, _) in nodes.items() if not is_ephemeral}
