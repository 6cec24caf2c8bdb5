"""Values as people read them, where Postgres writes what only programs read."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.sql_text import sql_identifier
from headwater.metadata.static.naming import ROW_HASH
from headwater.metadata.static.spatial_types import is_spatial

_SPATIAL_OIDS = "select oid from pg_type where oid in (to_regtype('geometry'), to_regtype('geography'))"


def shown(expression: str, data_type: str) -> str:
    """Return SQL for a value that is shown to people: a geometry as EWKT, not as hexadecimal bytes."""
    return f"st_asewkt({expression})" if is_spatial(data_type) else expression


def shown_columns(connection: Connection, query: str) -> str:
    """Return SQL for the columns of a query but the hash of the row, each as it is shown to people."""
    spatial = set(connection.scalars(sa.text(_SPATIAL_OIDS)))
    unparsed = connection.execution_options(no_parameters=True)  # the query may contain % and :
    described = unparsed.exec_driver_sql(f"select * from ({query}) as found limit 0").cursor.description
    names = {name: type_code in spatial for name, type_code, *_ in described if name != ROW_HASH}
    return ", ".join(
        f"st_asewkt({sql_identifier(name)}) as {sql_identifier(name)}"
        if is_geometry
        else sql_identifier(name)
        for name, is_geometry in names.items()
    )
