"""Rules of which options a source may have by the type of its data source, and the rules that a type brings."""

from __future__ import annotations

from headwater.metadata.errors import FAILURES
from headwater.metadata.static import extensions
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.options import FILE_OPTIONS
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.source_parts import SourceParts
from headwater.metadata.static.source_types import all_options, find_type, options_of, usable_types
from headwater.metadata.visible import shortened

_OF_ARCHIVES = ("zip_member", "zip_members")


def check_types(source: SourceParts, seeds: Seeds, problems: Problems) -> None:
    """No option of another type, and whatever else the type of a source asks for."""
    declared = find_type(source.data_source_type)
    if "source_attribute" in seeds.unreadable or declared is None:
        return
    foreign = all_options().keys() - options_of(declared.name).keys()
    for name in foreign & source.options.keys():
        message = f"{name} stands for a source of type {declared.name}"
        source.blame_option(problems, name, "name", message, _owners_of(name))
    if declared.check_source is None:
        return
    try:
        declared.check_source(source, seeds, problems)
    except FAILURES as error:  # of another package it may fail in any way
        problems.add("source", source.row, "data_source", *rule_failure(declared.name, error))


def _owners_of(option: str) -> str:
    owners = [declared.name for declared in usable_types() if option in declared.options]
    return "a source of files" if option in FILE_OPTIONS else f"one of {' or '.join(owners)}"


def refuse_archives(source: SourceParts, problems: Problems) -> None:
    """No option of ZIP files: what the type lands is of its own making."""
    for name in _OF_ARCHIVES:
        if name in source.options:
            message = f"{name} stands for a source of type {source.data_source_type}"
            source.blame_option(problems, name, "name", message, "a source of files")


def rule_failure(type_name: str, error: BaseException) -> tuple[str, str]:
    """Return what is told of a rule that fails itself."""
    extension = extensions.find(extensions.SOURCES, type_name)
    what = f"{type(error).__name__}: {shortened(str(error), 200)}"
    return f"a rule of the {extension} fails: {what}", "a version of the package whose rules work"
