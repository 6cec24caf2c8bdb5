"""The types of data sources that there are, built in or of installed packages, and the options of their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from headwater.metadata.errors import ExtensionUnusable
from headwater.metadata.static import extensions
from headwater.metadata.static.extensions import SOURCES, Extension
from headwater.metadata.static.naming import PYTHON_SPEC, SAFE_NAME, one_of
from headwater.metadata.static.options import GENERAL, KINDS, Option
from headwater.metadata.static.schema import TABLES
from headwater.metadata.static.secrecy import names_a_secret
from headwater.metadata.static.source_type import Reference, SourceType, Wrong

_REFERENCES = ("discover", "fetch_by_address", "dataset_name")


def require_type(name: str) -> SourceType:
    """The type of that name. Raises `ExtensionUnusable` when there is none that can be used."""
    found = _outcome(name)
    if isinstance(found, ExtensionUnusable):
        raise found
    return found


def find_type(name: str | None) -> SourceType | None:
    """The type of that name, None when there is none that can be used."""
    found = _outcome(name) if name else None
    return found if isinstance(found, SourceType) else None


def type_problem(name: str) -> Wrong | None:
    """Return why a type cannot be used, and what was expected; None where all is well."""
    found = _outcome(name)
    return (found.wrong, found.expected) if isinstance(found, ExtensionUnusable) else None


def usable_types() -> Iterator[SourceType]:
    """The types that can be used, the built-in ones first."""
    for name in extensions.names(SOURCES):
        if declared := find_type(name):
            yield declared


@cache
def options_of(type_name: str | None) -> Mapping[str, Option]:
    """The options that a source of a type may have; of one that is not known, those that every source may have."""
    declared = find_type(type_name)
    return {**GENERAL, **declared.options} if declared else GENERAL


@cache
def all_options() -> Mapping[str, Option]:
    """The options of all types; of a name that two types have, that of the first."""
    found = dict(GENERAL)
    for declared in usable_types():
        for name, option in declared.options.items():
            found.setdefault(name, option)
    return found


def find_option(name: str, type_name: str | None) -> Option | None:
    """An option as a source of a type has it; one that the type has not is as other types have it."""
    return options_of(type_name).get(name) or all_options().get(name)


def look_again() -> None:
    """Forget what was found, for a process in which packages come and go."""
    for remembered in (_outcome, options_of, all_options):
        remembered.cache_clear()
    extensions.look_again()


def reading_options(type_name: str | None) -> Mapping[str, str | None]:
    """The options that say how files are read, and what each one is without being said."""
    return {name: option.usual for name, option in options_of(type_name).items() if option.is_of_reading}


def usual_options(type_name: str | None) -> Mapping[str, str]:
    """Return what a source of a type need not say."""
    declared = find_type(type_name)
    return declared.usual_options if declared else {}


def connection_table(type_name: str) -> str:
    """Return which table says how a data source of that type is reached."""
    declared = find_type(type_name)
    return declared.connection_table if declared else "conn_str"


@cache
def _outcome(name: str) -> SourceType | ExtensionUnusable:
    """The type of that name, or why it cannot be used: a package that cannot be imported is not tried twice."""
    try:
        extension = extensions.find(SOURCES, name)
        if extension is None:
            return ExtensionUnusable(f'"{name}" is no source type', one_of(extensions.names(SOURCES), name))
        declared = extension.load()
    except ExtensionUnusable as unusable:
        return unusable
    if not isinstance(declared, SourceType):
        what = f"the {extension} is {extension.value}, of the type {type(declared).__name__}"
        return ExtensionUnusable(what, "a headwater.extract.SourceType")
    wrong = _flaw(extension, declared)
    return ExtensionUnusable(f"the {extension} {wrong[0]}", wrong[1]) if wrong else declared


def _flaw(extension: Extension, declared: SourceType) -> Wrong | None:
    """Return what a declaration says that cannot be."""
    if declared.name != extension.name or not SAFE_NAME.fullmatch(declared.name):
        return f'calls itself "{declared.name}"', "one name in a to z, 0 to 9 and _, as in its entry point"
    columns = TABLES[declared.connection_table].column_names
    for column in declared.connection_needs:
        if column not in columns:
            return f'needs the column "{column}" of {declared.connection_table}', one_of(columns, column)
    for name, option in declared.options.items():
        if wrong := _option_flaw(name, option):
            return f'brings the option "{name}", {wrong[0]}', wrong[1]
    references: dict[str, Reference | None] = {field: getattr(declared, field) for field in _REFERENCES}
    references["sampling.sample"] = declared.sampling.sample if declared.sampling else None
    for field, reference in references.items():
        if isinstance(reference, str) and not PYTHON_SPEC.fullmatch(reference):
            return f'has the {field} "{reference}"', "a function, or package.module:function"
    return None


def _option_flaw(name: str, option: Option) -> Wrong | None:
    if name in GENERAL:
        return "which every source may have", "another name"
    if not SAFE_NAME.fullmatch(name) or names_a_secret(name):
        return "which is no name of an option", "a to z, 0 to 9 and _, and nothing that stands for a secret"
    if option.kind not in KINDS:
        return f'of the kind "{option.kind}"', one_of(KINDS, option.kind)
    if (option.kind == "choice") != bool(option.choices):
        return (
            f"a {option.kind} with {len(option.choices)} choices",
            "choices of a choice, and of nothing else",
        )
    return None
