"""Shards of the dbt manifest for Airflow: a DAG reads the shard of its source, without dbt and other sources.

Made at set-up, at deploy and after a source was added, since parsing the project takes seconds and a whole
manifest grows with all sources.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.dbt_project.dbt import Dbt
from headwater.dbt_project.generate import generated_files, write_files
from headwater.dbt_project.marts import built_after
from headwater.dbt_project.model_files import ModelFiles
from headwater.dbt_project.project_subset import MARTS
from headwater.home import make_home
from headwater.metadata.static.naming import PREFIXES
from headwater.metadata.static.problem import Problem
from headwater.metadata.static.valid_subset import read_valid_catalog
from headwater.project import Project

_NEEDED = (
    "unique_id", "name", "resource_type", "package_name", "path", "original_file_path", "fqn", "alias", "schema",
    "database", "relation_name", "tags", "config", "depends_on", "description",
)  # fmt: skip


def folder_of(project: Project) -> Path:
    """Return the folder of the shards."""
    return project.root / "target" / "airflow"


def shard(project: Project, name: str) -> Path:
    """The manifest of one source, or of `MARTS`."""
    return folder_of(project) / f"{name}.json"


@dataclass(frozen=True)
class ForAirflow:
    """The files that were made for Airflow.

    `written` are the files beside the models that were missing or stale, `pieces` the names of those of the manifest,
    `problems` what is wrong with the rows of which nothing was made.
    """

    written: Sequence[Path]
    pieces: Sequence[str]
    problems: Sequence[Problem]


def make_ready(project: Project) -> ForAirflow:
    """Write everything that Airflow needs to show the valid jobs of the metadata: models and shards.

    Raises `HeadwaterError` if dbt cannot parse the project.
    """
    catalog, problems = read_valid_catalog(project.seeds)
    written = write_files(generated_files(catalog.sources.values(), project.models))
    return ForAirflow(written, write_shards(project), problems)


def write_shards(project: Project) -> list[str]:
    """Parse the dbt project and write a shard for each source with models, and one for the marts; return
    their names.
    """
    make_home(project.root)
    manifest = (
        Dbt(project.root, project.home, "manifest").manifest().writable_manifest().to_dict(omit_none=False)
    )
    pieces: dict[str, dict[str, Any]] = {MARTS: {}}
    nodes = {
        unique_id: node for unique_id, node in manifest["nodes"].items() if node["resource_type"] == "model"
    }
    behind_history = set(ModelFiles(project.models).behind_history)
    for unique_id, node in nodes.items():
        if node["name"].startswith(tuple(PREFIXES.values())):
            source = node["name"].partition("_")[2]
            pieces.setdefault(source, {})[unique_id] = {field: node.get(field) for field in _NEEDED}
    # dbt puts an ephemeral model into those that read it: Airflow shows what is built, each after what it is made of
    parents = built_after(
        {
            unique_id: (node["config"]["materialized"] == "ephemeral", node["depends_on"]["nodes"])
            for unique_id, node in nodes.items()
            if node["name"] in behind_history
        }
    )
    for unique_id, before in parents.items():
        node = {field: nodes[unique_id].get(field) for field in _NEEDED}
        pieces[MARTS][unique_id] = {**node, "depends_on": {**nodes[unique_id]["depends_on"], "nodes": before}}
    folder = folder_of(project)
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.stem not in pieces:
            path.unlink()
    metadata = {"project_name": manifest["metadata"]["project_name"]}
    for name, nodes in pieces.items():
        text = json.dumps({"metadata": metadata, "nodes": nodes}, default=str, sort_keys=True)
        path = shard(project, name)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            unfinished = path.with_suffix(".unfinished")
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
    return sorted(pieces)
