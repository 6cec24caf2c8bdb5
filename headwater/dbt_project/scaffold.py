"""The first text of a source's models: SQL and YAML, which belong to the analytics engineer from then on.

A file that nobody edited follows the metadata: its text is what this module wrote for the columns that there were.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.dbt_project.scaffold_before import texts_before
from headwater.metadata.sql_text import sql_identifier, sql_literal
from headwater.metadata.static.model import Source
from headwater.metadata.static.naming import OF_HISTORY, SAFE_NAME, SQL_WORDS

GENERATED_BEFORE = "# Written by `headwater generate` from seeds/: change the seeds, not this file.\n"


@dataclass(frozen=True)
class Columns:
    """The columns that a model lists: the keys of a source, its other attributes, and a delete mark if it has one."""

    source: str
    keys: Sequence[str]
    others: Sequence[str]
    has_delete_mark: bool


def columns_of(source: Source) -> Columns:
    """Return the columns that the metadata has."""
    return Columns(
        source.name,
        [attribute.target_name for attribute in source.keys],
        [attribute.target_name for attribute in source.attributes if not attribute.is_key],
        "delete_column" in source.options,
    )


def recorded_columns(source: str, definition: Mapping[str, Any]) -> Columns:
    """Return the columns of a definition, as it was generated beside the models."""
    attributes = {
        part.removeprefix("attribute "): attribute
        for part, attribute in definition.items()
        if part.startswith("attribute ")
    }
    names = sorted(attributes, key=lambda name: attributes[name]["position"])
    return Columns(
        source,
        [name for name in names if attributes[name]["is_key"]],
        [name for name in names if not attributes[name]["is_key"]],
        definition.get("delete_column") is not None,
    )


def staging_sql(columns: Columns) -> str:
    """Return the SQL of a staging model: a line for each attribute."""
    typed = _grouped(columns, lambda name: f"{{{{ headwater.typed('{name}') }}}} as {_identifier(name)}")
    return f"""with

delivered as (

    select * from {{{{ headwater.raw_deliveries('{columns.source}') }}}}

),

typed as (

    select
        ---------- delivery
        {{{{ headwater.delivery_columns() }}}},

{typed}
    from delivered

)

select * from typed
"""


def historical_sql(columns: Columns) -> str:
    """Return the SQL of a historical model: a line for each column that goes on to history."""
    mark = "\n        is_delete_mark," if columns.has_delete_mark else ""
    return f"""with

staged as (

    select * from {{{{ ref('stg_{columns.source}') }}}}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,{mark}

{_grouped(columns, _identifier)}
    from staged

)

select * from final
"""


def staging_yaml(columns: Columns) -> str:
    """Return the YAML of a staging model: its columns with their descriptions, and tests of its keys."""
    bookkeeping = ["delivery_sqn", "line_number", "job_inst_id"]
    mark = ["is_delete_mark"] if columns.has_delete_mark else []
    return _model_yaml(f"stg_{columns.source}", "", columns, before=[*bookkeeping, *mark], after=[])


def historical_yaml(columns: Columns) -> str:
    """Return the YAML of a historical model: its grain, the test of it, its columns with their descriptions."""
    overlap = f"""    data_tests:
      - headwater.versions_do_not_overlap:
          arguments:
            key: {json.dumps(columns.keys) if any(map(_is_odd, columns.keys)) else f"[{', '.join(columns.keys)}]"}
"""
    return _model_yaml(f"hist_{columns.source}", overlap, columns, before=[], after=OF_HISTORY)


def scaffolds(source: str) -> dict[str, Callable[[Columns], str]]:
    """Return what writes the files that an author has of a source, by their names."""
    return {
        f"stg_{source}.sql": staging_sql,
        f"stg_{source}.yml": staging_yaml,
        f"hist_{source}.sql": historical_sql,
        f"hist_{source}.yml": historical_yaml,
    }


def is_unedited(text: str, scaffold: Callable[[Columns], str], before: Columns | None, source: str) -> bool:
    """Return whether nobody edited the text of a model since it was generated, for the columns that there were then."""
    if text.startswith(GENERATED_BEFORE) or text in texts_before(source):
        return True
    return before is not None and scaffold(before) == text


def doc_name(source: str, name: str) -> str:
    """Return the name of the doc block of an attribute."""
    return re.sub(r"\W", "_", f"{source}__{name}")


def _is_odd(name: str) -> bool:
    """True if a name cannot stand in SQL and YAML as it is; `headwater check` lets none through."""
    return not SAFE_NAME.fullmatch(name) or name in SQL_WORDS


def _identifier(name: str) -> str:
    return sql_identifier(name) if _is_odd(name) else name


def _grouped(columns: Columns, line: Callable[[str], str]) -> str:
    groups = [("key", columns.keys), ("attributes", columns.others)]
    texts = [
        "\n".join([f"        ---------- {title}", *(f"        {line(name)}," for name in names)])
        for title, names in groups
        if names
    ]
    return "\n\n".join(texts).removesuffix(",") + "\n"


def _model_yaml(model: str, tests: str, columns: Columns, before: Sequence[str], after: Sequence[str]) -> str:
    lines = [
        *(_described(name, ["headwater", name], is_key=False) for name in before),
        *(_described(name, [doc_name(columns.source, name)], is_key=True) for name in columns.keys),
        *(_described(name, [doc_name(columns.source, name)], is_key=False) for name in columns.others),
        *(_described(name, ["headwater", name], is_key=False) for name in after),
    ]
    return f"""version: 2

models:
  - name: {model}
    description: "{{{{ doc('{model}') }}}}"
{tests}    columns:
{"".join(lines)}"""


def _described(name: str, block: Sequence[str], is_key: bool) -> str:
    doc = ", ".join(map(sql_literal, block))
    test = "        data_tests: [not_null]\n" if is_key else ""
    return f"""      - name: {json.dumps(name) if _is_odd(name) else name}
        description: "{{{{ doc({doc}) }}}}"
{test}"""
