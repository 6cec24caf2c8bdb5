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
            " nothing is in them, and they are made anew."
        ) from None


def is_redefined(connection: Connection, source: str, definition: Mapping[str, Any]) -> bool:
    """Return whether the tables of a source were made with another definition."""
    ask = "select exists (select from metadata.definition_differences(:source, cast(:definition as jsonb)))"
    return bool(connection.execute(sa.text(ask), _parameters(source, definition)).scalar_one())


def depending_on(error: DependentObjectsStillExist) -> str:
    """Return why tables cannot be dropped, as a sentence."""
    return " and ".join(str(error.diag.message_detail).splitlines())


def _parameters(source: str, definition: Mapping[str, Any]) -> dict[str, str]:
    return {"source": source, "definition": json.dumps(definition)}
