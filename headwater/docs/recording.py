"""Records `headwater new-source` on a real file as docs/new-source.svg: `python -m headwater.docs.recording`.

The picture shows the real output of the command in a terminal, in a copy of the project with separate
servers; only the folder of the file has another name.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from headwater.demo.packages import PACKAGES, fetch
from headwater.home import home
from headwater.project import find_project

PACKAGE, MEMBER = "csvkit", "examples/realdata/acs2012_5yr_population.csv"
COMMAND = ("new-source", "populations", "--from", "census/acs2012_5yr_population.csv", "--key", "fips",
           "--owner", "planning", "--data-source", "census_bureau", "--schedule", "yearly", "--type", "snapshot",
           "--option", r"file_pattern=^acs(?P<date>\d{4})_5yr_population\.csv$", "--yes")  # fmt: skip
COPIED = ("dbt_project.yml", "packages.yml", "macros", "models", "profiles", "seeds")
WIDTH = 118  # characters
PICTURE = "docs/new-source.svg"


def record(project: Path, working_folder: Path) -> str:
    """Run the command on the file, and return the picture of its terminal."""
    packages = working_folder / "demo" / "packages"
    [package] = [one for one in PACKAGES if one.name == PACKAGE]
    fetch(packages, lambda _: None, (package,))
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        root = Path(folder)
        for name in COPIED:
            copy = shutil.copytree if (project / name).is_dir() else shutil.copy
            copy(project / name, root / name)
        (root / "census").mkdir()
        with tarfile.open(packages / package.file) as archive:
            member = archive.getmember(f"{package.file.removesuffix('.tar.gz')}/{MEMBER}")
            file = archive.extractfile(member)
            assert file is not None
            path = root / "census" / Path(MEMBER).name
            path.write_bytes(file.read())
            os.utime(path, (member.mtime, member.mtime))
        environment = _environment(root)
        try:
            _in_terminal(["up"], root, environment)
            message = _in_terminal(COMMAND, root, environment)
        finally:
            _in_terminal(["down"], root, environment)
    return picture(COMMAND, message.replace(folder, "~"))


def picture(command: Sequence[str], message: str) -> str:
    """Return a terminal with a command and its output, including ANSI colours, as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(f"[bold green]$[/] headwater {shlex.join(command)}", highlight=False)
    console.print(Text.from_ansi(message))
    svg = console.export_svg(title="headwater", unique_id="terminal")
    return re.sub(
        r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL
    )  # the browser would load them from another host


def _environment(root: Path) -> dict[str, str]:
    """Return the environment without the user's servers: the copy starts its own."""
    foreign = ("PG", "AWS_", "HEADWATER_", "AIRFLOW_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    code = str(Path(__file__).resolve().parents[2])
    return {**inherited, "HEADWATER_PROJECT": str(root), "HEADWATER_HOME": str(root / "home"), "PYTHONPATH": code,
            "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}  # fmt: skip


def _in_terminal(arguments: Sequence[str], root: Path, environment: Mapping[str, str]) -> str:
    """Return the output of a command in a pseudo-terminal. Exits with the output if the command fails."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "headwater.cli", *arguments]
    process = subprocess.Popen(
        command, cwd=root, env=dict(environment), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    message = b""
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # the other end of the terminal is closed
            break
        if not piece:
            break
        message += piece
    os.close(ours)
    text = message.decode("utf-8", "replace").replace("\r\n", "\n")
    if status := process.wait():
        raise SystemExit(f"headwater {shlex.join(arguments)} ended with {status}:\n{text}")
    return text


if __name__ == "__main__":
    found = find_project().root
    (found / PICTURE).write_text(record(found, home(found)), encoding="utf-8")
    sys.stdout.write(f"wrote {PICTURE}\n")
