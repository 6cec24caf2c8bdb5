"""`headwater generate`: the files that dbt needs from the seeds at compile time, beside the models and committed.

Headwater regenerates the YAML of a source's staging and historical model each time; the SQL beside it belongs
to the analytics engineer, and is only written if it is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headwater.dbt_project.jinja_text import verbatim
from headwater.extract.schema.definition import definition, delete_column
from headwater.metadata.static.model import Attribute, Source
from headwater.metadata.static.naming import OF_HISTORY

DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the first writes the same, five times as fast
HEADER = "# Written by `headwater generate` from seeds/: change the seeds, not this file.\n"

BOOKKEEPING = {
    "delivery_sqn": ("bigint", "The delivery that the row came with"),
    "line_number": ("bigint", "Line of the delivered file on which the row begins, from 1"),
    "job_inst_id": ("bigint", "The job instance that wrote the row"),
    "is_delete_mark": ("boolean", "Whether the row says that its key is gone"),
    "_rest": (
        "jsonb",
        "Everything that the file held and the metadata does not map, under its original name",
    ),
    "valid_from": ("timestamptz", "The delivery date from which the version is true"),
    "valid_to": (
        "timestamptz",
        "The delivery date at which the version stopped being true; null while it is current",
    ),
    "change_type": ("text", "How the version began: new or changed"),
    "end_type": ("text", "How the version ended: changed or removed; null while it is current"),
    "ended_by_delivery_sqn": ("bigint", "The delivery that ended the version; null while it is current"),
    "process_date": ("timestamptz", "When the delivery that brought the version was received"),
}


@dataclass(frozen=True)
class GeneratedFile:
    """A file that follows from the seeds. `is_ours` means regenerated each time, and stale if it differs."""

    path: Path
    text: str
    is_ours: bool


def generated_files(sources: Iterable[Source], models: Path) -> list[GeneratedFile]:
    """Return every file that the sources need below the folder `models`."""
    files = []
    for source in sources:
        staging = models / "staging" / source.data_source.name
        historical = models / "historical" / source.data_source.name
        files += [
            GeneratedFile(
                staging / f"stg_{source.name}.yml", _yaml(staging_properties(source)), is_ours=True
            ),
            GeneratedFile(staging / f"stg_{source.name}.sql", staging_model(source), is_ours=False),
            GeneratedFile(
                historical / f"hist_{source.name}.yml", _yaml(historical_properties(source)), is_ours=True
            ),
            GeneratedFile(historical / f"hist_{source.name}.sql", historical_model(source), is_ours=False),
        ]
    return files


def stale_files(files: Iterable[GeneratedFile]) -> list[GeneratedFile]:
    """Return the missing files, and those of ours that differ from the seeds."""
    return [
        file
        for file in files
        if not file.path.exists() or (file.is_ours and file.path.read_text(encoding="utf-8") != file.text)
    ]


def write_files(files: Iterable[GeneratedFile]) -> list[Path]:
    """Write what is stale; returns the paths written."""
    written = []
    for file in stale_files(files):
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.text, encoding="utf-8")
        written.append(file.path)
    return written


def staging_properties(source: Source) -> dict[str, Any]:
    """Return the properties of the raw table and the staging model, with the metadata that the macros need."""
    return {
        "version": 2,
        "sources": [
            {
                "name": "raw",
                "description": "Deliveries as they came: text, one table a source",
                "schema": "raw",
                "tables": [
                    {
                        "name": source.name,
                        "description": f"{source.description}, as delivered by {source.data_source.name}",
                        "columns": [
                            _bookkeeping(name) for name in ("delivery_sqn", "line_number", "job_inst_id")
                        ]
                        + _raw_columns(source)
                        + [_bookkeeping("_rest")],
                    }
                ],
            }
        ],
        "models": [
            {
                "name": f"stg_{source.name}",
                "description": f"{source.description}, per delivery; in our names and types.",
                "config": {
                    "meta": {
                        "source": {"name": source.name, "job": source.job, "definition": definition(source)}
                    }
                },
                "columns": [_bookkeeping(name) for name in ("delivery_sqn", "line_number", "job_inst_id")]
                + ([_bookkeeping("is_delete_mark")] if "delete_column" in source.options else [])
                + [_typed_column(attribute) for attribute in source.attributes],
            }
        ],
    }


def historical_properties(source: Source) -> dict[str, Any]:
    """The properties of the historical model: grain, tests, descriptions."""
    keys = [attribute.target_name for attribute in source.keys]
    return {
        "version": 2,
        "models": [
            {
                "name": f"hist_{source.name}",
                "description": _grain(source),
                "config": {"meta": {"source_name": source.name}},
                "data_tests": [{"headwater.versions_do_not_overlap": {"arguments": {"key": keys}}}],
                "columns": [_typed_column(attribute) for attribute in source.attributes]
                + [_bookkeeping(name) for name in OF_HISTORY],
            }
        ],
    }


def staging_model(source: Source) -> str:
    """Return the initial SQL of a staging model."""
    return f"""with

delivered as (

    select * from {{{{ headwater.raw_deliveries('{source.name}') }}}}

),

renamed as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,
        to_jsonb(delivered.*) as row_as_it_came,

        ---------- attributes, still text
        {{{{ headwater.renamed_columns('{source.name}') }}}}

    from delivered

),

validated as (

    select
        *,
        {{{{ headwater.reject_reason('{source.name}') }}}} as reject_reason
    from renamed
    -- a fence: what is below is asked once of each row, and not again by every column above
    offset 0

),

typed as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- what cannot go on
        row_as_it_came,
        reject_reason,

        ---------- attributes
        {{{{ headwater.typed_columns('{source.name}') }}}}

    from validated

)

select * from typed
"""


def historical_model(source: Source) -> str:
    """Return the initial SQL of a historical model."""
    return f"""with

staged as (

    select * from {{{{ ref('stg_{source.name}') }}}}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{{{ headwater.history_columns('{source.name}') }}}}

    from staged

)

select * from final
"""


def _raw_columns(source: Source) -> list[dict[str, Any]]:
    described = {attribute.raw_column: attribute.description for attribute in source.attributes}
    mark = delete_column(source)
    if mark is not None:
        described.setdefault(mark, "The publisher's mark of what is deleted")
    return [
        {"name": name, "description": message, "data_type": "text"} for name, message in described.items()
    ]


def _typed_column(attribute: Attribute) -> dict[str, Any]:
    column: dict[str, Any] = {
        "name": attribute.target_name,
        "description": attribute.description,
        "data_type": attribute.target_datatype,
    }
    if attribute.is_key:
        column["data_tests"] = ["not_null"]
    return column


def _bookkeeping(name: str) -> dict[str, Any]:
    data_type, description = BOOKKEEPING[name]
    return {"name": name, "description": description, "data_type": data_type}


def _grain(source: Source) -> str:
    keys = ", ".join(attribute.target_name for attribute in source.keys)
    of = source.description[:1].lower() + source.description[1:]
    return f"One row per {keys} and version: {of}, and when it was so."


def _yaml(properties: Mapping[str, Any]) -> str:
    """The text of a file. No string of it is Jinja of ours, so none of them may be rendered."""
    message = verbatim(dict(properties))
    text: str = yaml.dump(message, Dumper=DUMPER, sort_keys=False, allow_unicode=True, width=110)
    return HEADER + text
