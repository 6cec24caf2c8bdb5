"""The command `headwater` within this process."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from headwater.cli.commands import app


def headwater(*arguments: str) -> Result:
    """Run the command and return what it printed and how it ended."""
    return CliRunner().invoke(app, list(arguments))


def ran(exit_code: int, *arguments: str) -> Result:
    """Run the command and hold it to its exit code."""
    result = headwater(*arguments)
    assert result.exit_code == exit_code, (result.stdout, result.stderr, result.exception)
    return result
