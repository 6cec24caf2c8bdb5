"""Processes that Airflow forks share what it imported at its start, but for code of ours that has changed since."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headwater.services.airflow_settings import CONFIG

SCRIPT = """
import os, runpy, sys
from pathlib import Path
from headwater import words
assert words.SAID == "before"
runpy.run_path(sys.argv.pop())
changed = Path(words.__file__)
if sys.argv.pop() == "changed":
    changed.write_text('SAID = "after that"')
if (child := os.fork()) == 0:
    from headwater import words as again
    print(again.SAID, again is words, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.parametrize(("what", "found"), [("changed", "after that False"), ("unchanged", "before True")])
def test_a_fork_imports_again_what_has_changed_and_shares_the_rest(
    tmp_path: Path, what: str, found: str
) -> None:
    (tmp_path / "headwater").mkdir()
    (tmp_path / "headwater" / "__init__.py").touch()
    (tmp_path / "headwater" / "words.py").write_text('SAID = "before"')
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, what, str(CONFIG / "airflow_local_settings.py")],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (found, "")
