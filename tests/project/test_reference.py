"""The reference has an entry for every command, flag, option, column and variable of the code."""

from __future__ import annotations

import re
import subprocess

import pytest

from docs.site import reference
from headwater.metadata.static import options, schema
from tests.conftest import PROJECT
from tests.support.pages import page

PAGES = reference.pages()
ROOMS = ("headwater", "extract", "metadata", "macros", "dags")


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    assert page(f"reference/{name}") == PAGES[name], "expected `make docs-reference` to be run"


def entries(name: str) -> set[str]:
    """Return the names in code in the first column of the tables of a page."""
    first = re.findall(r"^\| (`[^|]+`) \|", PAGES[name], re.MULTILINE)
    return {found for cell in first for found in re.findall(r"`([^`]+)`", cell)}


def test_every_command_and_flag_has_an_entry() -> None:
    for name, command in reference.cli_commands().items():
        section = PAGES["commands"].partition(f"\n## headwater {name}\n")[2].partition("\n## ")[0]
        assert section, name
        for parameter in command.params:
            for spelling in reference.spellings(parameter):
                assert f"`{spelling}`" in section, (name, spelling)


def test_every_option_of_a_source_has_an_entry_and_nothing_else_has() -> None:
    known = set(options.GENERAL).union(*(one.options for one in reference.source_types()))
    assert set(reference.read_yaml("docs/site/options.yml")) == known
    assert entries("options") == known


def test_every_column_of_the_seeds_has_an_entry() -> None:
    columns = {
        column.name for table in schema.TABLES.values() for column in table.columns if not column.former
    }
    assert columns <= entries("seeds")


def test_every_environment_variable_of_the_code_has_an_entry() -> None:
    files = subprocess.run(
        ["git", "grep", "-hoEI", r"\bHEADWATER_[A-Z][A-Z_]*[A-Z]\b", "--", *ROOMS],
        cwd=PROJECT, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert set(files) == set(reference.read_yaml("docs/site/environment.yml")["headwater"])
