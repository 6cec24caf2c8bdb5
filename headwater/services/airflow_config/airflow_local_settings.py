"""Imports that Airflow runs at its start, so that forked processes of tasks and DAG files share them.

Our own code may change while Airflow runs, and forks must see the change: a fork that finds a file of it changed
forgets what is imported of it, and imports it again.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

os.environ["GX_ANALYTICS_ENABLED"] = (
    "false"  # disables the telemetry of Great Expectations, which reads this at import
)

NEEDED = {
    "scheduler": (
        "alembic.command",
        "boto3",
        "cosmos.operators.local",
        "dbt.adapters.postgres",
        "dbt.cli.main",
        "great_expectations",
        "psycopg2",
        "requests",
        "sqlalchemy.dialects.postgresql",
    ),
    "dag-processor": (
        "airflow.providers.standard.decorators.python",
        "cosmos.operators.local",
        "cosmos.plugin.airflow3",  # Airflow loads plugins wherever an operator is made
    ),
}
OURS = {
    "scheduler": ("headwater.airflow.build", "headwater.airflow.dags", "headwater.checks.validation"),
    "dag-processor": ("headwater.airflow.build", "headwater.airflow.dags"),
}


def ours() -> Iterator[tuple[str, str]]:
    """Yield the modules of our own that are imported, by name, and their files."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "headwater" and (file := getattr(module, "__file__", None)):
            yield name, file


def stamp(file: str) -> tuple[int, int] | None:
    """Return what tells whether a file was changed; None where it is gone."""
    try:
        stat = Path(file).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


component = "".join(sys.argv[1:2])
for needed in NEEDED.get(component, ()):
    import_module(needed)
for needed in OURS.get(component, ()):
    with suppress(Exception):  # what is wrong with it, the DAG files say
        import_module(needed)

STAMPS = {file: stamp(file) for _, file in ours()}


def forget_changed() -> None:
    """Forget all modules of our own when a file of one that was imported at the start has changed."""
    if any(stamp(file) != before for file, before in STAMPS.items()):
        for name, _ in ours():
            del sys.modules[name]
        STAMPS.clear()  # what this process imports now is new, and so is what its own forks find


if STAMPS:
    os.register_at_fork(after_in_child=forget_changed)
