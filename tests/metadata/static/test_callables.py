"""Functions that the metadata names: what is missing of them is found without running anything of theirs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from headwater.metadata.static.callables import lacks

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"__init__": "", "reading": "def found(): ..."}, None),
        ({"__init__": "", "reading": "raise SystemExit\ndef found(): ..."}, None),
        ({"__init__": "", "reading": ""}, "town_code.reading has no found"),
        ({"__init__": ""}, "there is no module town_code.reading"),
        ({"__init__": "", "reading": "\ndef found(:"},
         f"town_code.reading is not Python {VERSION}: line 2, invalid syntax"),
        ({"__init__": "x = = 2", "reading": "def found(): ..."},
         f"town_code is not Python {VERSION}: line 1, invalid syntax"),
        ({"__init__": "", "reading": "def found(): ...\0"},
         f"town_code.reading is not Python {VERSION}: source code string cannot contain null bytes"),
        ({"__init__": "", "reading": "# coding: utf-99\ndef found(): ..."},
         f"town_code.reading is not Python {VERSION}: unknown encoding: utf-99"),
    ],
)  # fmt: skip
def test_what_is_missing_of_a_function(tmp_path: Path, files: dict[str, str], missing: str | None) -> None:
    package = tmp_path / "town_code"
    package.mkdir()
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    assert lacks("town_code.reading:found", tmp_path) == missing
    assert "town_code" not in sys.modules


def test_a_module_that_was_mended_is_read_again(tmp_path: Path) -> None:
    module = tmp_path / "mended_code.py"
    module.write_text("def found(:")
    assert lacks("mended_code:found", tmp_path)
    module.write_text("def found(): ...")
    assert lacks("mended_code:found", tmp_path) is None
