"""The words of the code are those of the field: names that readers would have to learn first do not come back.

`docs/glossary.md` has the few words that are our own, beside those of the field.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import PROJECT

# as a whole name, because within a longer one they are plain English
WHOLE = {"said", "told", "own", "among", "anew", "neighbours", "steady", "heard", "movement"}
# as any part of a name, between underscores
PARTS = {
    "fate", "fates", "restless", "dossier", "surroundings", "deed", "deeds", "rehearse", "rehearsed", "rehearsal",
    "rehearsals", "suppose", "supposed", "excerpt", "excerpts", "wrangle", "wrangler", "wranglers", "echoes", "forgery",
    "circle", "circles", "sound", "doing",
}  # fmt: skip
NAMES = {
    "words_heard", "heard_keys", "said_anew", "told_apart", "known_text", "fits_type", "judged_rows", "let_in",
    "record_fates", "forget_history", "forget_staging", "last_words", "Found", "Told", "Written", "Doing",
}  # fmt: skip
EXEMPT = {
    "wrangle_function": "a column of seeds/source.csv, which projects have filled in",
    "circle": "an element of SVG",
    "fate": "earlier versions reserved it as a name of columns",
}
MODULES = {
    "found", "told", "written", "standing", "dossier", "listing", "show", "surroundings", "sound", "kinds", "layout",
    "circles", "excerpt", "looking", "deciding", "answers", "forgery", "words", "picture", "backend", "echoes",
    "wrangle",
}  # fmt: skip
OF_OTHERS = {"benchmarks/picture.py", "headwater/demo/layout.py"}  # one draws, one lays out pages


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout.split()
    found = [PROJECT / name for name in listed]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def names_in(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every name that a Python module binds or uses."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Name(id=name)
                | ast.Attribute(attr=name)
                | ast.FunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield node.lineno, name


def is_banned(name: str) -> bool:
    if name in EXEMPT or name.startswith("test_"):  # a test states a fact in a sentence
        return False
    return name in WHOLE | NAMES or not PARTS.isdisjoint(name.lower().split("_"))


def test_no_name_of_python_is_one_of_our_old_words():
    files = tracked("*.py")
    assert len(files) > 500
    found = [
        f"{path.relative_to(PROJECT)}:{line}: {name}"
        for path in files
        for line, name in names_in(path.read_text(encoding="utf-8"))
        if is_banned(name)
    ]
    assert found == []


def test_no_name_in_macros_and_models_is_one_of_our_old_words():
    files = tracked("macros", "models")
    assert len(files) > 100
    found = []
    for path in files:
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            code = re.sub(r"--.*|\{#.*", "", text) if path.suffix == ".sql" else ""
            words = re.findall(r"[A-Za-z_]\w*", code)
            found += [f"{path.relative_to(PROJECT)}:{line}: {word}" for word in words if is_banned(word)]
    assert found == []


def test_no_module_has_one_of_our_old_names():
    found = {
        path.relative_to(PROJECT).as_posix()
        for path in tracked("extract", "headwater", "metadata", "dags", "benchmarks")
        if path.suffix == ".py" and path.stem in MODULES
    }
    assert found == OF_OTHERS


def test_an_old_word_is_found():
    source = "def rehearse(told):\n    fate = told.said\n    return sound(fate, own=1)"
    found = [name for _, name in names_in(source) if is_banned(name)]
    assert sorted(found) == ["own", "rehearse", "said", "sound", "told", "told"]
    assert not is_banned("test_what_is_told_is_sound")
    assert not is_banned("soundness")
