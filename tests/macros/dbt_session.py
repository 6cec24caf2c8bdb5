"""dbt's own rendering and connection, held open: a macro runs as in a model, without dbt's start-up each time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbt.adapters.factory import FACTORY, get_adapter, register_adapter, reset_adapters
from dbt.adapters.sql import connections
from dbt.cli.flags import Flags
from dbt.cli.types import Command
from dbt.config.runtime import RuntimeConfig
from dbt.context.providers import generate_runtime_macro_context
from dbt.flags import set_flags
from dbt.mp_context import get_mp_context
from dbt.parser.manifest import ManifestLoader
from dbt.tracking import disable_tracking
from dbt_common.context import set_invocation_context

from headwater.dbt_project.package import link_package


class DbtSession:
    """The macros of a project on the database that libpq's variables name at this moment."""

    def __init__(self, project: Path, target: Path, password: str) -> None:
        """The password is told, since dbt connects later, when the variables may be others."""
        set_invocation_context(dict(os.environ))
        link_package(project)
        flags = Flags.from_dict(
            Command.PARSE,
            {
                "project_dir": str(project),
                "profiles_dir": str(project / "profiles"),
                "target_path": str(target),
                "partial_parse": False,
                "quiet": True,
            },
        )
        set_flags(flags)  # type: ignore[no-untyped-call]  # of dbt
        disable_tracking()  # type: ignore[no-untyped-call]  # of dbt
        connections.fire_event = _say_nothing  # type: ignore[attr-defined]  # of each query it says several things, which nobody hears
        config = RuntimeConfig.from_args(flags)
        config.credentials.password = password  # type: ignore[attr-defined]  # of Postgres' credentials
        reset_adapters()  # type: ignore[no-untyped-call]  # registering keeps the adapter, and the database, of an earlier dbt in this process
        register_adapter(config, get_mp_context())
        self._adapter: Any = get_adapter(config)
        self._adapter.set_macro_context_generator(generate_runtime_macro_context)
        self._manifest = ManifestLoader.get_full_manifest(config)
        reset_adapters()  # type: ignore[no-untyped-call]  # the next dbt of this process has one of its own

    def transaction(self, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
        """Execute macros, each (name, arguments), in one transaction; what they return."""
        with self._connected() as adapter:
            results = [
                adapter.execute_macro(name, macro_resolver=self._manifest, kwargs=arguments)
                for name, arguments in calls
            ]
            adapter.commit_if_has_connection()
            return results

    def rendered(self, name: str, **arguments: Any) -> Any:
        """Return what a macro returns that asks the database nothing."""
        with self._connected() as adapter:
            return adapter.execute_macro(name, macro_resolver=self._manifest, kwargs=arguments)

    def render(self, name: str, **arguments: Any) -> str:
        """The SQL that a macro writes."""
        with self._connected() as adapter:
            return str(adapter.execute_macro(name, macro_resolver=self._manifest, kwargs=arguments))

    def relation(self, schema: str, name: str) -> Any:
        """A relation as dbt passes it to macros."""
        return self._adapter.Relation.create(schema=schema, identifier=name, type="table")

    def close(self) -> None:
        """Close its connections."""
        self._adapter.cleanup_connections()

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """Our adapter, connected. Macros ask dbt for the adapter: it must be ours, and another's afterwards."""
        others = dict(FACTORY.adapters)
        FACTORY.adapters[self._adapter.type()] = self._adapter
        try:
            with self._adapter.connection_named("test"):
                yield self._adapter
        finally:
            FACTORY.adapters.clear()
            FACTORY.adapters.update(others)


def _say_nothing(*_: Any, **__: Any) -> None:
    """In place of what dbt says."""
