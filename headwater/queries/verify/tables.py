"""The existing tables of a source, and their columns by its recorded definition."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.sql_text import for_text, layer_table, sql_identifier, sql_literal

_COLUMNS = """
select
    substr(part_name, length('attribute ') + 1) as name,
    cast(part ->> 'is_key' as boolean) as is_key,
    cast(part ->> 'is_tracked' as boolean) as is_tracked
from metadata.source_definition
cross join lateral jsonb_each(definition) as part (part_name, part)
where source = :source and part_name like 'attribute %'
order by cast(part ->> 'position' as integer)
"""

LAYERS = ("raw", "staging", "historical")


@dataclass(frozen=True)
class SourceTables:
    """The columns of a source, its layers that have a table, and whether it is being rebuilt."""

    source: str
    key_names: tuple[str, ...]
    tracked_names: tuple[str, ...]
    layers: frozenset[str]
    is_being_rebuilt: bool

    @property
    def keys(self) -> str:
        """Return the columns of the key, for SQL."""
        return self.listed(self.key_names)

    def listed(self, names: tuple[str, ...], of: str = "") -> str:
        """Return some columns, for SQL; `of` is an alias with its dot."""
        return ", ".join(of + for_text(sql_identifier(name)) for name in names)

    def key_as_json(self, of: str = "") -> str:
        """Return the key as a JSON object, for SQL."""
        members = ", ".join(
            f"{for_text(sql_literal(name))}, {of}{for_text(sql_identifier(name))}" for name in self.key_names
        )
        return f"jsonb_build_object({members})"

    def table(self, layer: str) -> str:
        """Return the table of a layer, for SQL."""
        return for_text(layer_table(layer, self.source))


def source_tables(connection: Connection, source: str) -> SourceTables:
    """Return the existing tables of a source."""
    rows = connection.execute(sa.text(_COLUMNS), {"source": source}).all()
    ask = sa.text("select to_regclass(:table) is not null")
    return SourceTables(
        source=source,
        key_names=tuple(row.name for row in rows if row.is_key),
        tracked_names=tuple(row.name for row in rows if not row.is_key and row.is_tracked),
        layers=frozenset(
            layer
            for layer in LAYERS
            if connection.execute(ask, {"table": layer_table(layer, source)}).scalar_one()
        ),
        is_being_rebuilt=bool(
            connection.execute(
                sa.text("select metadata.is_being_rebuilt(:source)"), {"source": source}
            ).scalar()
        ),
    )
