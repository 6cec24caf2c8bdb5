"""The `headwater` command, with all of its commands, in the order in which `--help` lists them."""

from headwater.cli import load, record, decisions, sources, files, servers  # noqa: I001, F401
from headwater.cli.app import app

__all__ = ["app"]
