"""The command `headwater` within this process, and its examples in the documentation."""

from __future__ import annotations

import re
import shlex

from typer.testing import CliRunner, Result

from headwater.cli.commands import app
from tests.conftest import PROJECT


def headwater(*arguments: str) -> Result:
    """Run the command and return what it printed and how it ended."""
    return CliRunner().invoke(app, list(arguments))


def ran(exit_code: int, *arguments: str) -> Result:
    """Run the command and hold it to its exit code."""
    result = headwater(*arguments)
    assert result.exit_code == exit_code, (result.stdout, result.stderr, result.exception)
    return result


def commands_of(section: str) -> list[list[str]]:
    """The `headwater` commands of a section of CONTRIBUTING.md, of cities in place of libraries."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    body = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = "".join(re.findall(r"```sh\n(.*?)```", body, re.DOTALL)).splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [
        [word.replace("libraries", "cities").replace("seats", "people") for word in line[1:]]
        for line in words
        if line[0] == ".venv/bin/headwater"
    ]
