"""The code of a transform as a part of a definition: what it uses of its package counts, comments do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headwater.extract.schema.own_code import transform_code
from headwater.metadata.static.model import Source
from headwater.new_source.look import stand_in

FILES = {
    "town_functions/__init__.py": "",
    "town_functions/cleaning.py": '''"""Cleaning."""
import json
from town_functions.letters import spelled, unused as other
from town_functions import signs

LIMIT = 3

def clean(source, header, records, file):
    """Clean."""
    return header, (spelled(record, LIMIT, signs.DASH) for record in records)

def apart():
    return json.dumps(1)
''',
    "town_functions/letters.py": "def spelled(text, limit, dash):\n    return helper(text)\n\n"
    "def helper(text):\n    return text  # as it is\n\ndef unused():\n    return 1\n",
    "town_functions/signs.py": "DASH = '-'\nDOT = '.'\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "town_functions"


def source(function: str | None = "town_functions.cleaning:clean") -> Source:
    return replace(stand_in(name="cities"), wrangle_function=function)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.usefixtures("package")
def test_a_transform_is_read_with_all_that_it_uses_of_its_package() -> None:
    code = transform_code(source())
    assert set(code) == {
        "town_functions.cleaning:clean", "town_functions.cleaning:LIMIT", "town_functions.cleaning:spelled",
        "town_functions.cleaning:signs", "town_functions.letters:spelled", "town_functions.letters:helper",
        "town_functions.signs:DASH",
    }  # fmt: skip
    assert code["town_functions.cleaning:spelled"] == "town_functions.letters.spelled"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("letters.py", "return text", "return text.upper()"),
        ("cleaning.py", "LIMIT = 3", "LIMIT = 4"),
        ("signs.py", "DASH = '-'", "DASH = '~'"),
        ("cleaning.py", "import spelled", "import helper as spelled"),
    ],
)
def test_an_edit_of_what_it_uses_is_another_code(package: Path, file: str, old: str, new: str) -> None:
    before = transform_code(source())
    edit(package / file, old, new)
    assert transform_code(source()) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("letters.py", "  # as it is", "    # as it came\n"),
        ("cleaning.py", '    """Clean."""', '    """Clean the records."""'),
        ("letters.py", "return 1", "return 2"),
        ("signs.py", "DOT = '.'", "DOT = ','"),
        ("cleaning.py", "json.dumps(1)", "json.dumps(2)"),
    ],
)
def test_comments_docstrings_and_what_it_does_not_use_are_no_edit(
    package: Path, file: str, old: str, new: str
) -> None:
    before = transform_code(source())
    edit(package / file, old, new)
    assert transform_code(source()) == before


def test_what_is_built_in_or_cannot_be_read_has_no_code(package: Path) -> None:
    (package / "broken.py").write_text("def clean(:\n")
    for function in (None, "unpivot", "town_functions.broken:clean", "no_such_package:clean"):
        assert transform_code(source(function)) == {}
