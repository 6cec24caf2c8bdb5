"""The code of a source's models: whether it may say something else than when a layer was last built.

dbt alone knows whether another text makes another definition. A digest of all texts tells cheaply that it must be
asked, for a source that has nothing pending.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.dbt_project.model_files import ModelFiles
from headwater.dbt_project.project_subset import configured_paths
from headwater.project import Project


class ModelCode:
    """The texts of the models of a project, as they are when this run asks first."""

    def __init__(self, engine: Engine, project: Project) -> None:
        self._engine, self._files = engine, ModelFiles(project.models)
        self._digests: dict[str, str] = {}
        folders = configured_paths(project.root, "macro-paths")
        beside = [project.root / name for name in ("dbt_project.yml", "packages.yml", "package-lock.yml")]
        self._beside = [
            *(path for folder in folders for path in folder.rglob("*.sql")),
            *project.seeds.rglob("*.csv"),
            *filter(lambda path: path.exists(), beside),
        ]

    def is_other(self, source: str, layer: str) -> bool:
        """Return whether dbt has not yet built a layer with the present texts."""
        ask = "select code_seen ->> :layer from metadata.source_definition where source = :source"
        with self._engine.connect() as connection:
            seen = connection.execute(sa.text(ask), {"source": source, "layer": layer}).scalar()
        return seen != self._digest(source)

    def keep(self, source: str, layer: str) -> None:
        """Put on record that dbt has built a layer with the present texts."""
        change = (
            "update metadata.source_definition set code_seen = code_seen || jsonb_build_object(cast(:layer as text),"
            " cast(:digest as text)) where source = :source"
        )
        with self._engine.begin() as connection:
            connection.execute(
                sa.text(change), {"source": source, "layer": layer, "digest": self._digest(source)}
            )

    def _digest(self, source: str) -> str:
        if source not in self._digests:
            self._digests[source] = self._files.fingerprint(source, self._beside)
        return self._digests[source]
