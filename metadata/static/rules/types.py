"""Rules of which options a source may have by the type of its data source."""

from __future__ import annotations

from headwater.metadata.static.load import Seeds
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.source_parts import SourceParts

WINDOW_OPTIONS = ("first_watermark", "lag_window")  # which a database shares with an API
_OF_FILES = ("page", "file_pattern", "date_from", "date_format", "date_pattern", "zip_member", "zip_members")
_OF_ONE_TYPE = {
    "rest_api": (
        "endpoint", "auth", "auth_name", "token_path", "token_format", "first_page", "total_path", "read_until_same",
        "has_more_path", "empty_page_ends", "max_pages", "watermark_path", "watermark_format", *WINDOW_OPTIONS,
    ),
    "kafka": (
        "topic", "consumer_group", "dead_letter_topic", "max_messages", "on_expired", "value_format", "avro_schema",
    ),
    "rdbms": ("tbl", "sql_script", "chunks"),
}  # fmt: skip
_BORROWED = {"rdbms": WINDOW_OPTIONS}


def check_types(source: SourceParts, seeds: Seeds, problems: Problems) -> None:
    """No option of files where there are none, and none of another type."""
    kind = source.data_source_type
    if "source_attribute" in seeds.unreadable or not kind:
        return
    foreign = {
        name: f"one of {owner}" for owner, names in _OF_ONE_TYPE.items() if owner != kind for name in names
    }
    if kind in _OF_ONE_TYPE:
        foreign |= dict.fromkeys(_OF_FILES, "a source of files")
    for name in foreign.keys() & source.options.keys() - set(_BORROWED.get(kind, ())):
        message = f"{name} stands for a source of type {kind}"
        source.blame_option(problems, name, "name", message, foreign[name])
