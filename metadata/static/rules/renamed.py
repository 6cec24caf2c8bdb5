"""Rules of renamed_columns: does every new name belong to one column that the source has?"""

from __future__ import annotations

from headwater.metadata.static.problem import Problems
from headwater.metadata.static.source_parts import SourceParts
from headwater.metadata.static.spelling import unspell, unspell_list


def check_renamed(source: SourceParts, problems: Problems) -> None:
    """All later names of the columns of one source."""
    if "renamed_columns" not in source.options:
        return
    columns = [unspell(attribute.text("source_name")) for attribute in source.attributes]
    columns += [unspell(source.option("delete_column") or "")] if "delete_column" in source.options else []
    taken: dict[str, str] = {}
    for token in unspell_list(source.option("renamed_columns") or ""):
        old = next((name for name in columns if token.startswith(f"{name}=")), None)
        new = token.removeprefix(f"{old}=")
        if old is None:
            _blame(
                source,
                problems,
                f'"{token}" begins with no column of the source',
                "source_name=its later name",
            )
        elif not new:
            _blame(source, problems, f'"{token}" has no later name', "source_name=its later name")
        elif new in columns:
            _blame(source, problems, f'"{new}" is the source_name of an attribute', "a name that none has")
        elif taken.setdefault(new, old) != old:
            _blame(
                source, problems, f'"{new}" stands for {taken[new]} and for {old}', "one column for each name"
            )


def _blame(source: SourceParts, problems: Problems, message: str, expected: str) -> None:
    source.blame_option(problems, "renamed_columns", "value", f"renamed_columns: {message}", expected)
