"""Definitions: what the tables of a source were made with, and whether another one may take its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from psycopg2.errors import DependentObjectsStillExist
from sqlalchemy import Connection

from headwater.metadata.errors import LoadFailed


def record_definition(connection: Connection, source: str, definition: Mapping[str, Any]) -> bool:
    """Put on record what the tables of a source are made with; False where they were made with another definition.

    One that differs only in what concerns no delivery that was read takes the place of the recorded one. The caller's
    transaction holds the source's lock. Raises `LoadFailed` when empty tables must be made anew and cannot.
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
    """Why tables cannot be dropped, as a sentence."""
    return " and ".join(str(error.diag.message_detail).splitlines())


def _parameters(source: str, definition: Mapping[str, Any]) -> dict[str, str]:
    return {"source": source, "definition": json.dumps(definition)}
