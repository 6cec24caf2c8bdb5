"""Accepting another code as the definition of a source: tables stay, since nothing in them would be another row."""

from __future__ import annotations

from headwater.dbt_project.dbt import Dbt
from headwater.extract.schema.definition import recorded_definition
from headwater.metadata.errors import LoadFailed
from headwater.metadata.process.definitions import accept_definition as accept
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.events import whoami
from headwater.pipeline.decide import require_reason
from headwater.pipeline.preparation import Say, chosen, prepare
from headwater.project import Project


def accept_definition(project: Project, name: str, why: str, say: Say) -> None:
    """Record the present code of a source's models and transform as its definition, with the reason. Load nothing.

    Raises `NotDecidable` without a reason, and `LoadFailed` if more than code differs: then only a rebuild makes the
    tables what the definition says.
    """
    why, who = require_reason(why), whoami()
    catalog, engine = prepare(project, lambda catalog: chosen(catalog, [name]))
    (source,) = chosen(catalog, [name])
    with engine.begin() as connection:
        lock_source(connection, name)
        message = accept(connection, name, recorded_definition(source), why, who)
        if message is not None:
            raise LoadFailed(message)
    dbt = Dbt(project.root, project.home, f"accept {name}", job=source.job, sources=[name])
    for model in dbt.accept(name, why, who):
        if model.error is not None:
            raise model.error
    say(f"{name}: the present code is its definition now; no row was touched")
