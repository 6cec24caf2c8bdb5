"""The `headwater` command with all subcommands, in the order of `--help`."""

from headwater.cli import (  # noqa: I001, F401
    init, load, record, verify, decisions, sources, source_changes, upgrade, files, servers,
)  # fmt: skip
from headwater.cli.app import app

__all__ = ["app"]
