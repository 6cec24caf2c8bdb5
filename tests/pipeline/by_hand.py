"""Commands of a person: those of dbt itself, and the examples of CONTRIBUTING.md as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator
from typing import Any

from headwater.project import Project
from tests.conftest import PROJECT
from tests.support.command import ran

_HEADWATER, _DBT = ".venv/bin/headwater ", '(eval "$(.venv/bin/headwater env)" && .venv/bin/dbt '
_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def dbt(project: Project, *command: str) -> dict[str, str]:
    """Node → status, by dbt itself."""
    from dbt.cli.main import dbtRunner

    root = str(project.root)
    places = ["--project-dir", root, "--profiles-dir", f"{root}/profiles", "--log-path", str(project.home)]
    done: Any = dbtRunner().invoke([*command, *places, "--log-level", "none", "--no-write-json"])
    assert done.result is not None, done.exception
    return {result.node.name: str(result.status) for result in done.result.results}


def fragments_of(section: str) -> Iterator[str]:
    """Yield what a section of CONTRIBUTING.md types into a shell: a command of ours, or lines of others between two."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    body = re.split(r"\n##+ ", text.partition(f"\n## {section}\n")[2], maxsplit=1)[0]
    for block in _BLOCK.findall(body):
        others: list[str] = []
        for line in textwrap.dedent(block).splitlines():
            if line.startswith((_HEADWATER, _DBT)):
                yield from filter(None, ["\n".join(others)])
                others = []
                yield line
            else:
                others.append(line)
        yield from filter(None, ["\n".join(others)])


def typed(fragment: str, project: Project) -> str:
    """Do in the project's folder what a fragment says, in this process if it is a command of ours; what it printed.

    A command fails where the documentation has `|| echo "exit code $?"` behind it.
    """
    if fragment.startswith(_HEADWATER):
        command, fails, _ = fragment.partition(" || ")
        result = ran(1 if fails else 0, *shlex.split(command, comments=True)[1:])
        return result.stdout + result.stderr
    if fragment.startswith(_DBT):
        statuses = dbt(project, *shlex.split(fragment.removeprefix(_DBT).rstrip(")")))
        assert statuses, fragment
        assert set(statuses.values()) <= {"pass", "success"}, statuses
        return " ".join(statuses)
    done = subprocess.run(
        ["bash", "-e", "-c", fragment], cwd=project.root, check=True, capture_output=True, text=True
    )
    return done.stdout
