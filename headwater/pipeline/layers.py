"""The state of a source's layers: what is pending, what history holds, which definition the tables were made with."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.schema.definition import definition, recorded_definition
from headwater.metadata.errors import LoadFailed
from headwater.metadata.process.definitions import changed, is_redefined, record_definition, stored_types
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.sql_text import layer_table
from headwater.metadata.static.model import Source


def pending(engine: Engine, name: str, layer: str) -> list[int]:
    """Return the deliveries of a source that a layer has still to take, by delivery_sqn."""
    with engine.connect() as connection:
        found: list[int] = connection.execute(
            sa.text("select metadata.pending_deliveries(:source, :layer)"), {"source": name, "layer": layer}
        ).scalar_one()
    return found


def keep_definition(engine: Engine, source: Source) -> bool:
    """Put on record what the tables are made with; False where they were made with another definition."""
    with engine.begin() as connection:
        lock_source(connection, source.name)
        return record_definition(connection, source.name, recorded_definition(source))


def sentences_of_types(engine: Engine, source: Source) -> list[str]:
    """Return a sentence for each spatial attribute: PostGIS decides whether its columns are geometries or text."""
    with engine.connect() as connection:
        types = stored_types(connection, source.name)
    why = "because no PostGIS is on the search path of this database"
    return [
        f"{name} is {datatype}"
        if stored_as == datatype
        else f"{name} ({datatype}) is kept as text, unchecked, {why}"
        for name, (datatype, stored_as) in types.items()
    ]


def has_other_definition(engine: Engine, source: Source) -> bool:
    """Return whether the tables were made with another definition: the model then says what differs, and fails."""
    with engine.connect() as connection:
        return is_redefined(connection, source.name, recorded_definition(source))


def require_same_transforms(engine: Engine, source: Source) -> None:
    """Raise `LoadFailed` if only the code of the source's transform differs, of which no model knows."""
    with engine.connect() as connection:
        message = changed(connection, source.name, recorded_definition(source))
        if message and changed(connection, source.name, definition(source)) is None:
            raise LoadFailed(message)


def held_by_history(engine: Engine, name: str) -> dict[int, str]:
    """Return the deliveries that history holds: delivery_sqn → loaded or stale."""
    with engine.connect() as connection:
        found = connection.execute(
            sa.text(
                "select delivery_sqn, status from metadata.delivery_status"
                " join metadata.delivery using (delivery_sqn) where layer = 'historical' and source = :source"
            ),
            {"source": name},
        )
        return {row.delivery_sqn: row.status for row in found}


def has_table(engine: Engine, layer: str, name: str) -> bool:
    """Return whether a layer has its table; during a rebuild the historical one is that of before."""
    ask = "select to_regclass(:table) is not null and not (:is_old and metadata.is_being_rebuilt(:source))"
    values = {"table": layer_table(layer, name), "is_old": layer == "historical", "source": name}
    with engine.connect() as connection:
        return bool(connection.execute(sa.text(ask), values).scalar())
