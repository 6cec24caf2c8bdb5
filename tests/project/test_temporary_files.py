"""A temporary file is one process's own: it has no name, or one that no other gets."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.project.test_layering import ROOMS, modules

OF_ONES_OWN = {"TemporaryFile", "SpooledTemporaryFile", "TemporaryDirectory", "mkstemp", "mkdtemp"}
SHARED_FOLDERS = ("/tmp", "/var/tmp")


def shared(module: Path) -> list[str]:
    """Return where a module uses what another process might use as well."""
    found = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "tempfile"
        ):
            if node.attr not in OF_ONES_OWN:
                found.append(f"{module}:{node.lineno}: tempfile.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module == "tempfile":
            found += [
                f"{module}:{node.lineno}: {one.name}" for one in node.names if one.name not in OF_ONES_OWN
            ]
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.startswith(SHARED_FOLDERS)
        ):
            found.append(f"{module}:{node.lineno}: {node.value}")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_two_runs_share_a_temporary_file(room: str) -> None:
    assert [found for module in modules(room) for found in shared(module)] == []


def test_a_shared_one_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import tempfile\nfrom tempfile import TemporaryFile, gettempdir\n\n"
        "tempfile.mkstemp()\ntempfile.mktemp()\nopen('/tmp/rows.csv')\n"
    )
    assert [found.partition(".py")[2] for found in shared(module)] == [
        ":2: gettempdir", ":5: tempfile.mktemp", ":6: /tmp/rows.csv",
    ]  # fmt: skip
