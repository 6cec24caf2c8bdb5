"""Alembic runs its migrations on the connection that `headwater.metadata.process.migrate` hands over."""

from __future__ import annotations

from alembic import context

from headwater.metadata.process.tables import SCHEMA, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="process_metadata_version",
    version_table_schema=SCHEMA,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
