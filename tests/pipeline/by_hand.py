"""Commands of a person: those of dbt itself, and the examples of the documentation as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import Any

from headwater.project import Project
from tests.support.command import ran
from tests.support.pages import DBT, HEADWATER


def dbt(project: Project, *command: str) -> dict[str, str]:
    """Node → status, by dbt itself."""
    from dbt.cli.main import dbtRunner

    root = str(project.root)
    places = ["--project-dir", root, "--profiles-dir", f"{root}/profiles", "--log-path", str(project.home)]
    done: Any = dbtRunner().invoke([*command, *places, "--log-level", "none", "--no-write-json"])
    assert done.result is not None, done.exception
    return {result.node.name: str(result.status) for result in done.result.results}


def typed(fragment: str, project: Project) -> str:
    """Do in the project's folder what a fragment says, in this process if it is a command of ours; what it printed.

    A command fails where the documentation has `|| echo "exit code $?"` behind it, or `# exit code 3`.
    """
    if fragment.startswith(HEADWATER):
        command, fails, _ = fragment.partition(" || ")
        named = re.search(r"# exit code (\d)", command)
        exit_code = int(named[1]) if named else 1 if fails else 0
        result = ran(exit_code, *shlex.split(command, comments=True)[1:])
        return result.stdout + result.stderr
    if fragment.startswith(DBT):
        statuses = dbt(project, *shlex.split(fragment.removeprefix(DBT).rstrip(")")))
        assert statuses, fragment
        assert set(statuses.values()) <= {"pass", "success"}, statuses
        return " ".join(statuses)
    done = subprocess.run(
        ["bash", "-e", "-c", fragment], cwd=project.root, check=True, capture_output=True, text=True
    )
    return done.stdout
