"""Ranges of a table's key that hold about as many rows each: by Postgres' histogram of it, or by its values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from headwater.extract.sources.sql.queries import Keys, regclass_of, table_of
from headwater.extract.sources.sql.reader import PostgresReader
from headwater.metadata.static.model import Source

CHUNKS = 4

_HISTOGRAM = (
    "select histogram_bounds::text::text[] from pg_stats where attname = :name and not inherited"
    " and to_regclass(format('%I.%I', schemaname, tablename)) = to_regclass(:place)"
)


def key_ranges(reader: PostgresReader, source: Source) -> list[Keys]:
    """Ranges of the first key attribute that follow one another, from no bound to no bound."""
    column = source.keys[0].source_name
    wanted = int(source.options.get("chunks", CHUNKS))
    values = _histogram(reader, source, column) or _quantiles(reader, source, column, wanted)
    bounds = [None, *_spread(values, wanted), None]
    return [Keys(column, low, high) for low, high in pairwise(bounds)]


def _spread(values: Sequence[str], wanted: int) -> list[str]:
    """Of values in their order those that cut them into `wanted` parts, each once."""
    cuts = [values[len(values) * number // wanted] for number in range(1, wanted)] if values else []
    return list(dict.fromkeys(cuts))


def _histogram(reader: PostgresReader, source: Source, column: str) -> list[str]:
    asked = sa.text(_HISTOGRAM).bindparams(name=column, place=regclass_of(source))
    return reader.connection.execute(asked).scalar() or []


def _quantiles(reader: PostgresReader, source: Source, column: str, wanted: int) -> list[str]:
    """Without statistics all keys are put in order: true for a table that nobody has analyzed yet, and for views."""
    shares = sa.cast([number / wanted for number in range(wanted)], ARRAY(sa.Double))
    cuts = sa.func.percentile_disc(shares).within_group(sa.column(column))
    asked = sa.select(sa.cast(cuts, ARRAY(sa.Text))).select_from(table_of(source, reader.dialect))
    return [value for value in reader.connection.execute(asked).scalar() or [] if value is not None]
