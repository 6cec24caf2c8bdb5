"""Rules of a source that is read from a database: its table or its script, and its windows."""

from __future__ import annotations

from headwater.metadata.static.load import Seeds
from headwater.metadata.static.naming import one_of
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.rules.types import WINDOW_OPTIONS
from headwater.metadata.static.script_text import parameters_of
from headwater.metadata.static.source_parts import SourceParts

_PARAMETERS = ("watermark_from", "watermark_to")


def check_database(source: SourceParts, seeds: Seeds, problems: Problems) -> None:
    """Everything that a source of a database needs."""
    if "source_attribute" in seeds.unreadable or source.data_source_type != "rdbms":
        return
    if source.option("format") not in (None, "copy_text"):
        source.blame_option(problems, "format", "value", "a database has no files to read", "no format")
    if not {"tbl", "sql_script"} & source.options.keys():
        message = f'"{source.name}" has no tbl and no sql_script'
        source.blame(problems, "source", message, "one of the two options, to say what is read")
    table, script = _named(source, "tbl", seeds, problems), _named(source, "sql_script", seeds, problems)
    if table is not None and table["data_source"] != source.row["data_source"]:
        message = f'tbl "{table["tbl"]}" belongs to "{table["data_source"]}"'
        source.blame_option(problems, "tbl", "value", message, f'a table of "{source.row["data_source"]}"')
    is_large = table is not None and table["data_size"] == "large" and "sql_script" not in source.options
    if "chunks" in source.options and not is_large:
        message = "chunks stands where all is read at once"
        source.blame_option(
            problems, "chunks", "name", message, "a tbl of data_size large, and no sql_script"
        )
    _check_windows(source, table, script, problems)


def _named(source: SourceParts, option: str, seeds: Seeds, problems: Problems) -> Row | None:
    """The row that an option names."""
    name = source.option(option)
    if name is not None and not seeds.knows(option, name):
        expected = one_of(seeds.by_name[option], name) if seeds.by_name[option] else f"a row in {option}.csv"
        source.blame_option(problems, option, "value", f'{option} "{name}" is not known', expected)
    return seeds.find(option, name)


def _check_windows(source: SourceParts, table: Row | None, script: Row | None, problems: Problems) -> None:
    is_delta = source.row["delivery_type"] == "delta"
    has_windows = is_delta and table is not None and table["incr_column"] is not None
    if not has_windows:
        for name in WINDOW_OPTIONS:
            if name in source.options:
                expected = "delivery_type delta, and a tbl that has an incr_column"
                source.blame_option(
                    problems, name, "name", f"{name} stands where all is read each time", expected
                )
    if script is None:
        return
    if script.is_true("is_stored_proc"):
        message = f'sql_script "{script["sql_script"]}" is a procedure'
        source.blame_option(problems, "sql_script", "value", message, "a query")
    asked = set(parameters_of(script.text("sql_text")))
    for name in sorted(asked - set(_PARAMETERS)):
        message = f'sql_script "{script["sql_script"]}" asks for :{name}'
        source.blame_option(
            problems, "sql_script", "value", message, "no parameters but :watermark_from and :watermark_to"
        )
    if asked & set(_PARAMETERS) and not has_windows:
        message = f'sql_script "{script["sql_script"]}" asks for a watermark'
        expected = "delivery_type delta, and beside it the option tbl, of a table that has an incr_column"
        source.blame_option(problems, "sql_script", "value", message, expected)
    if has_windows and "watermark_from" not in asked:
        message = f'sql_script "{script["sql_script"]}" reads all each time'
        expected = "a condition with :watermark_from, or a source without an incr_column"
        source.blame_option(problems, "sql_script", "value", message, expected)
    if has_windows and "watermark_from" in asked and "first_watermark" not in source.options:
        message = f'sql_script "{script["sql_script"]}" has no :watermark_from the first time'
        source.blame_option(problems, "sql_script", "value", message, "the option first_watermark")
