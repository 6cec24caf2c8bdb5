"""A type of data source: all that it brings, in one declaration.

What does the work is named as `package.module:function` where its module takes long to import, since every process
that reads the metadata imports the declaration.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from headwater.metadata.static.options import Option

if TYPE_CHECKING:
    from headwater.metadata.static.load import Seeds
    from headwater.metadata.static.model import Source
    from headwater.metadata.static.problem import Problems
    from headwater.metadata.static.rows import Row
    from headwater.metadata.static.source_parts import SourceParts

Wrong = tuple[str, str]  # what is wrong, and what was expected
Reference = str | Callable[..., Any]  # a function, or package.module:function


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How `headwater new-source` samples the publisher of a type, and what it may conclude from that.

    | what | what it says |
    |---|---|
    | `by` | what the command reads: the newest offer, the page at the url_template, the folder at the file_path, or the catalog and rows of a table |
    | `sample` | `(source, sink) -> Sampled`: a sampler of the type's own, in place of `by`; it writes the bytes of a delivery to the sink |
    | `options` | options of a proposed source beside those that the sample shows |
    | `key` | the column that is the proposed key if no sampled record lacks it |
    | `columns_left_out` | columns, with the paths below them, that describe how a record was delivered: the command proposes no attribute for them |
    | `holds_changes` | a delivery holds what is new, and perhaps several times for a key: the command proposes `delta` and `last_wins` |
    | `tells_delivery_type` | the connection or the options tell a snapshot from a delta, so that the command has no doubt about it |
    | `names_have_folders` | names of files may begin with folders, so that the proposed file_pattern does not begin at the start of a name |
    """  # noqa: E501

    by: Literal["offer", "page", "folder", "table"] = "offer"
    sample: Reference | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    columns_left_out: tuple[str, ...] = ()
    holds_changes: bool = False
    tells_delivery_type: bool = False
    names_have_folders: bool = False


@dataclass(frozen=True, kw_only=True)
class SourceType:
    """A type of data source, by the name that `data_source_type` has in the seeds.

    | what | what it says |
    |---|---|
    | `discover` | lists what the publisher offers: `(source) -> Iterable[Offer]`; one that takes `landed` too gets the source's deliveries so far |
    | `fetch_by_address` | `(source) -> fetch` of an offer of which only the address is known; without it, another process lists again |
    | `reads_while_asking` | discovery reads the deliveries itself, so that the process that asks has to land them |
    | `asks_one_at_a_time` | no more than one source at a time asks a publisher |
    | `connection_table`, `connection_needs` | which table says how a publisher is reached, and which of its columns may not be blank |
    | `options` | options of its sources beside those that every source may have |
    | `usual_options`, `usual_null_tokens` | options that need not be said, and what stands for null |
    | `check_connection`, `check_source` | further rules of a connection and of a source: they tell `problems` what is wrong |
    | `connection_option_problem` | what is wrong with an option of a conn_str, by its name and value |
    | `connection_values_hold_settings` | values of these options may look like further options |
    | `dataset_name` | `(source) -> DatasetName`: where lineage says that the publisher is asked |
    | `value_syntax` | `(source) -> "postgres"` where a Postgres server writes the values, else None |
    | `runs_sql_scripts` | a task may run a sql_script on its conn_str, which leads to a database as one of `rdbms` does |
    | `sampling` | how `headwater new-source` samples it; by default it reads the newest offer. None: the command refuses the type |
    """  # noqa: E501

    name: str
    description: str
    discover: Reference
    fetch_by_address: Reference | None = None
    reads_while_asking: bool = False
    asks_one_at_a_time: bool = False
    connection_table: Literal["conn_str", "conn_api"] = "conn_str"
    connection_needs: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    usual_options: Mapping[str, str] = field(default_factory=dict)
    usual_null_tokens: tuple[str, ...] = ("",)
    check_connection: Callable[[Row, Problems], None] | None = None
    check_source: Callable[[SourceParts, Seeds, Problems], None] | None = None
    connection_option_problem: Callable[[str, str], Wrong | None] | None = None
    connection_values_hold_settings: bool = False
    dataset_name: Reference | None = None
    value_syntax: Callable[[Source], str | None] | None = None
    runs_sql_scripts: bool = False
    sampling: Sampling | None = field(default_factory=Sampling)


def resolved(reference: Reference) -> Callable[..., Any]:
    """The function that a reference names. Raises whatever its module does when it is imported."""
    if not isinstance(reference, str):
        return reference
    module, _, name = reference.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
