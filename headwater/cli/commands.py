"""The `headwater` command with all subcommands, in the order of `--help`."""

from headwater.cli import init, load, record, verify, decisions, sources, files, servers  # noqa: I001, F401
from headwater.cli.app import app

__all__ = ["app"]
