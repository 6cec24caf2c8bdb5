"""Recorded definitions of sources' tables, and whether another one may replace them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from psycopg2.errors import DependentObjectsStillExist
from sqlalchemy import Connection

from headwater.metadata.errors import LoadFailed


def record_definition(connection: Connection, source: str, definition: Mapping[str, Any]) -> bool:
    """Record the definition of a source's tables; False if they were made with another one.

    A definition that differs only for deliveries that were never read replaces the recorded one. The caller's
    transaction holds the source's lock. Raises `LoadFailed` if empty tables must be recreated and cannot be.
    """
    ask = "select metadata.record_definition(:source, cast(:definition as jsonb))"
    try:
        return bool(connection.execute(sa.text(ask), _parameters(source, definition)).scalar_one())
    except sa.exc.InternalError as error:
        if not isinstance(error.orig, DependentObjectsStillExist):
            raise
        raise LoadFailed(
            f"{source}: {depending_on(error.orig)}. Drop what depends on the tables of the source, then run it again:"
            " they are empty, and the run creates them again."
        ) from None


def is_redefined(connection: Connection, source: str, definition: Mapping[str, Any]) -> bool:
    """Return whether the tables of a source were made with another definition."""
    ask = "select exists (select from metadata.definition_differences(:source, cast(:definition as jsonb)))"
    return bool(connection.execute(sa.text(ask), _parameters(source, definition)).scalar_one())


def stored_types(connection: Connection, source: str) -> dict[str, tuple[str, str]]:
    """Return the recorded spatial attributes: name → the datatype, and the type of the columns."""
    ask = """
    select
        substr(name, length('attribute ') + 1) as name,
        value ->> 'data_type' as data_type,
        value ->> 'stored_as' as stored_as
    from metadata.source_definition cross join lateral jsonb_each(definition) as part (name, value)
    where source = :source and value ? 'stored_as'
    order by cast(value ->> 'position' as integer)
    """
    rows = connection.execute(sa.text(ask), {"source": source})
    return {row.name: (row.data_type, row.stored_as) for row in rows}


def changed(connection: Connection, source: str, definition: Mapping[str, Any]) -> str | None:
    """Return how a definition differs from that of the tables of a source, with the ways on; None if it does not."""
    ask = "select metadata.definition_changed(:source, cast(:definition as jsonb))"
    message: str | None = connection.execute(sa.text(ask), _parameters(source, definition)).scalar_one()
    return message


def accept_definition(
    connection: Connection, source: str, definition: Mapping[str, Any], why: str, who: str
) -> str | None:
    """Record a definition that a person accepts, and the reason; the message if it cannot be accepted, else None.

    The caller's transaction holds the source's lock.
    """
    ask = "select metadata.accept_definition(:source, cast(:definition as jsonb), :why, :who)"
    values = {**_parameters(source, definition), "why": why, "who": who}
    message: str | None = connection.execute(sa.text(ask), values).scalar_one()
    return message


def depending_on(error: DependentObjectsStillExist) -> str:
    """Return why tables cannot be dropped, as a sentence."""
    return " and ".join(str(error.diag.message_detail).splitlines())


def _parameters(source: str, definition: Mapping[str, Any]) -> dict[str, str]:
    return {"source": source, "definition": json.dumps(definition)}
