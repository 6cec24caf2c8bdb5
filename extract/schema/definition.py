"""The definition of a source, with which its tables are made; it is recorded, and another one needs other tables."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from typing import Any

from headwater.extract.schema.own_code import transform_code
from headwater.extract.schema.raw_table import mapped_columns
from headwater.metadata.static.model import Attribute, Source
from headwater.metadata.static.source_types import find_type, reading_options

CODE_OF_TRANSFORMS = "code of transforms"


def definition(source: Source) -> dict[str, Any]:
    """Return the definition of a source as the metadata says it: what its models are made with, and nothing else.

    `headwater generate` writes it into the YAML of the staging model, from where the macros have it.
    """
    return {
        "load_new": source.load_new,
        "load_changed": source.load_changed,
        "load_removed": source.load_removed,
        "on_duplicate_key": source.on_duplicate_key,
        "trim_whitespace": source.options.get("trim_whitespace") == "true",
        "delete_column": delete_column(source),
        "delete_values": list(source.tokens("delete_values")),
        "reading": _reading(source),
        "names": _names(source),
        # only if it differs from the default: otherwise the definition of every existing table would differ
        **({"value_syntax": syntax} if (syntax := value_syntax(source)) else {}),
        **({"partition_by": list(source.partition_by)} if source.partition_by else {}),
        **{
            f"attribute {attribute.target_name}": _of_attribute(position, attribute)
            for position, attribute in enumerate(source.attributes, start=1)
        },
    }


def recorded_definition(source: Source) -> dict[str, Any]:
    """Return what Python knows of the definition that is recorded with the tables: dbt adds the code of the models."""
    return {**definition(source), CODE_OF_TRANSFORMS: transform_code(source)}


def value_syntax(source: Source) -> str | None:
    """Return in whose syntax the values of a source are written, where its type knows: `postgres`, else None."""
    declared = None if source.extract_function else find_type(source.data_source.data_source_type)
    return declared.value_syntax(source) if declared and declared.value_syntax else None


def _of_attribute(position: int, attribute: Attribute) -> dict[str, Any]:
    return {
        "position": position,
        "data_type": attribute.target_datatype,
        "raw_column": attribute.raw_column,
        "format": attribute.format,
        "null_tokens": list(attribute.null_tokens),
        "is_key": attribute.is_key,
        "is_tracked": attribute.is_tracked,
        # only if it differs from the default, as above
        **(
            {"untracked_policy": attribute.untracked_policy}
            if attribute.untracked_policy != "keep_first"
            else {}
        ),
    }


def delete_column(source: Source) -> str | None:
    """The raw column that holds the publisher's delete mark."""
    mark = source.options.get("delete_column")
    return mapped_columns(source)[mark][0] if mark else None


def _reading(source: Source) -> dict[str, Sequence[Mapping[str, str | None]]]:
    """Return how files are read, where it is not as by default: option → its values in time; None is the default."""
    usual = reading_options(source.data_source.data_source_type)
    in_time = {option: _in_time(source, option, default) for option, default in usual.items()}
    if source.wrangle_function:
        in_time["wrangle_function"] = [{"valid_from": None, "value": source.wrangle_function}]
    return {option: values for option, values in in_time.items() if values}


def _in_time(source: Source, option: str, usual: str | None) -> list[Mapping[str, str | None]]:
    message = [(None, source.options[option])] if option in source.options else []
    dated = [(d.valid_from.isoformat(), d.value) for d in source.dated_options if d.name == option]
    values: list[Mapping[str, str | None]] = []
    before = None
    for valid_from, value in (*message, *dated):
        meant = None if _plain(option, value) == usual else _plain(option, value)
        if meant != before:
            values.append({"valid_from": valid_from, "value": meant})
        before = meant
    return values


def _plain(option: str, value: str) -> str:
    """A value in one spelling: `latin1` is `iso8859-1`."""
    return codecs.lookup(value).name if option == "encoding" else value


def _names(source: Source) -> dict[str, list[str]]:
    """Raw column → the names under which files may have it, in order, where these are not just its own."""
    names = {raw: [name, *source.later_names(name)] for name, (raw, _) in mapped_columns(source).items()}
    return {raw: known for raw, known in names.items() if known != [raw]}
