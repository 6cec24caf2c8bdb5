"""The words of the code are those of the field: names that readers would have to learn first do not come back.

`docs/concepts/glossary.md` has the few words that are our own, beside those of the field.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

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
# a docstring or heading that begins so names neither an actor nor a thing
VAGUE = re.compile(r"(?:What|Whether|Who|Whoever|Whose|Where|Which|Why|That)\b")
QUESTION = re.compile(r"(?:What|Whether|Who|Whoever)\b")
# phrases that readers of the docs had to read twice, with what to write instead
PHRASES = {
    r"\b(?:is|are|was|were|be) told of\b": "gets a message about, knows",
    r"\bheard of\b": "contains, knows",
    r"\bjudged? anew\b": "checks again",
    r"\bgoes? on saying\b": "is stale, stays",
    r"\blast words? (?:about|on)\b": "latest row of",
    r"\bWhoever\b": "the user, the process that",
    r"\blets? (?:everybody|nobody) in\b": "is open to every account, closed",
    r"\bof (?:one's|our) own\b": "another, separate",
}
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


def test_no_name_of_python_is_one_of_our_old_words() -> None:
    files = tracked("*.py")
    assert len(files) > 500
    found = [
        f"{path.relative_to(PROJECT)}:{line}: {name}"
        for path in files
        for line, name in names_in(path.read_text(encoding="utf-8"))
        if is_banned(name)
    ]
    assert found == []


def test_no_name_in_macros_and_models_is_one_of_our_old_words() -> None:
    files = tracked("macros", "models")
    assert len(files) > 100
    found = []
    for path in files:
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            code = re.sub(r"--.*|\{#.*", "", text) if path.suffix == ".sql" else ""
            words = re.findall(r"[A-Za-z_]\w*", code)
            found += [f"{path.relative_to(PROJECT)}:{line}: {word}" for word in words if is_banned(word)]
    assert found == []


def test_no_module_has_one_of_our_old_names() -> None:
    found = {
        path.relative_to(PROJECT).as_posix()
        for path in tracked("extract", "headwater", "metadata", "dags", "benchmarks")
        if path.suffix == ".py" and path.stem in MODULES
    }
    assert found == OF_OTHERS


def test_an_old_word_is_found() -> None:
    source = "def rehearse(told):\n    fate = told.said\n    return sound(fate, own=1)"
    found = [name for _, name in names_in(source) if is_banned(name)]
    assert sorted(found) == ["own", "rehearse", "said", "sound", "told", "told"]
    assert not is_banned("test_what_is_told_is_sound")
    assert not is_banned("soundness")


def docstrings_in(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every docstring of a Python module, on one line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, " ".join(text.split())


def headings_in(page: str) -> Iterator[tuple[int, str]]:
    """Line and text of every heading of a page in Markdown, without those in its code."""
    is_code = False
    for line, text in enumerate(page.splitlines(), start=1):
        is_code ^= text.lstrip().startswith("```")
        if text.startswith("#") and not is_code:
            yield line, text.lstrip("# ")


@pytest.mark.parametrize(
    ("folders", "least", "wrong"),
    [(("extract", "headwater", "metadata", "dags"), 250, VAGUE), (("*.py",), 700, QUESTION)],
    ids=["product", "everything"],
)
def test_a_docstring_begins_with_a_verb_or_a_noun(
    folders: tuple[str, ...], least: int, wrong: re.Pattern[str]
) -> None:
    files = [path for path in tracked(*folders) if path.suffix == ".py"]
    assert len(files) > least
    found = [
        f"{path.relative_to(PROJECT)}:{line}: {text[:60]}"
        for path in files
        for line, text in docstrings_in(path.read_text(encoding="utf-8"))
        if wrong.match(text)
    ]
    assert found == []


def test_a_heading_of_the_docs_names_its_subject() -> None:
    files = tracked("*.md")
    assert len(files) > 10
    found = [
        f"{path.relative_to(PROJECT)}:{line}: {text}"
        for path in files
        for line, text in headings_in(path.read_text(encoding="utf-8"))
        if VAGUE.match(text)
    ]
    assert found == []


def test_no_phrase_of_the_docs_has_to_be_read_twice() -> None:
    files = tracked("*.md", "seeds/*.yml")
    assert len(files) > 10
    texts = {path: " ".join(path.read_text(encoding="utf-8").split()) for path in files}
    found = [
        f"{path.relative_to(PROJECT)}: {text[max(0, at.start() - 40) : at.end() + 20]}; write: {instead}"
        for path, text in texts.items()
        for phrase, instead in PHRASES.items()
        for at in re.finditer(phrase, text)
    ]
    assert found == []


def test_a_vague_beginning_is_found() -> None:
    source = '"""What it is."""\ndef f():\n    """Return it."""\nclass C:\n    """Whoever\n    comes."""'
    assert [text for _, text in docstrings_in(source) if VAGUE.match(text)] == [
        "What it is.",
        "Whoever comes.",
    ]
    page = "# Whether so\n```sh\n# What a shell says\n```\n## Whatever\n"
    assert [text for _, text in headings_in(page) if VAGUE.match(text)] == ["Whether so"]
