"""`headwater generate`: the files that dbt needs from the seeds at compile time, beside the models and committed.

_<source>__source.yml   the raw table, and the metadata for macros   Headwater's: written again each time
_<source>__docs.md      descriptions, as doc blocks                  Headwater's
stg_ and hist_ .sql     the models                                   the author's: written while nobody edited them
stg_ and hist_ .yml     their tests and descriptions                 the author's
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from headwater.dbt_project.jinja_text import doc_text, verbatim
from headwater.dbt_project.model_files import LOADER
from headwater.dbt_project.scaffold import (
    Columns,
    columns_of,
    doc_name,
    is_unedited,
    recorded_columns,
    scaffolds,
)
from headwater.extract.schema.definition import definition, delete_column
from headwater.metadata.static.model import Source
from headwater.metadata.static.naming import OF_HISTORY

DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the first writes the same, five times as fast
HEADER = "# Written by `headwater generate` from seeds/: change the seeds, not this file.\n"
DOCS_HEADER = "<!-- Written by `headwater generate` from seeds/: change the seeds, not this file. -->\n"

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
    """A file that follows from the seeds. One with an author is ours only while `is_unedited` says so of its text."""

    path: Path
    text: str
    is_unedited: Callable[[str], bool] | None = None

    @property
    def is_stale(self) -> bool:
        """True if the file is missing, or ours and another one than the seeds say."""
        if not self.path.exists():
            return True
        present = self.path.read_text(encoding="utf-8")
        return present != self.text and (self.is_unedited is None or self.is_unedited(present))


def generated_files(sources: Iterable[Source], models: Path) -> list[GeneratedFile]:
    """Return every file that the sources need below the folder `models`."""
    return [file for source in sources for file in _files_of(source, models)]


def _files_of(source: Source, models: Path) -> list[GeneratedFile]:
    folder = source.data_source.name
    staging, historical = models / "staging" / folder, models / "historical" / folder
    ours = {
        staging / f"_{source.name}__source.yml": _yaml(raw_properties(source)),
        staging / f"_{source.name}__docs.md": descriptions(source),
    }
    layers = {"stg": staging, "hist": historical}
    authors = {
        layers[name.partition("_")[0]] / name: scaffold for name, scaffold in scaffolds(source.name).items()
    }
    columns, before = (
        columns_of(source),
        columns_generated(staging / f"_{source.name}__source.yml", source.name),
    )
    return [
        *(GeneratedFile(path, text) for path, text in ours.items()),
        *(
            GeneratedFile(
                path,
                scaffold(columns),
                partial(is_unedited, scaffold=scaffold, before=before, source=source.name),
            )
            for path, scaffold in authors.items()
        ),
    ]


def columns_generated(path: Path, source: str) -> Columns | None:
    """Return the columns that a source had when its file of metadata was generated; None if there is none of use."""
    try:
        message = yaml.load(path.read_text(encoding="utf-8"), LOADER)
        definition = message["sources"][0]["tables"][0]["config"]["meta"]["headwater"]["definition"]
        return recorded_columns(source, definition)
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError):
        return None


def stale_files(files: Iterable[GeneratedFile]) -> list[GeneratedFile]:
    """Return the missing files, and those of ours that differ from the seeds."""
    return [file for file in files if file.is_stale]


def write_files(files: Iterable[GeneratedFile]) -> list[Path]:
    """Write what is stale; returns the paths written."""
    written = []
    for file in stale_files(files):
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.text, encoding="utf-8")
        written.append(file.path)
    return written


def raw_properties(source: Source) -> dict[str, Any]:
    """Return the properties of the raw table of a source, with the metadata that the macros need."""
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
                        "config": {
                            "meta": {"headwater": {"job": source.job, "definition": definition(source)}}
                        },
                        "columns": layer_columns(source, "raw"),
                    }
                ],
            }
        ],
    }


def layer_columns(source: Source, layer: str) -> list[dict[str, Any]]:
    """Return the columns that a layer's table has by the metadata: name, data_type, description."""
    typed = [
        {"name": a.target_name, "description": a.description, "data_type": a.target_datatype}
        for a in source.attributes
    ]
    if layer == "historical":
        return [*typed, *map(_bookkeeping, OF_HISTORY)]
    before = [_bookkeeping(name) for name in ("delivery_sqn", "line_number", "job_inst_id")]
    if layer == "raw":
        return [*before, *_raw_columns(source), _bookkeeping("_rest")]
    mark = ["is_delete_mark"] if "delete_column" in source.options else []
    return [*before, *map(_bookkeeping, mark), *typed]


def descriptions(source: Source) -> str:
    """Return the doc blocks of a source, which the YAML of its models refers to: its models and its attributes."""
    blocks = {
        f"stg_{source.name}": f"{source.description}, per delivery; in our names and types.",
        f"hist_{source.name}": _grain(source),
    }
    blocks |= {doc_name(source.name, a.target_name): a.description for a in source.attributes}
    texts = [f"{{% docs {name} %}}\n{doc_text(text)}\n{{% enddocs %}}\n" for name, text in blocks.items()]
    return DOCS_HEADER + "\n" + "\n".join(texts)


def _raw_columns(source: Source) -> list[dict[str, Any]]:
    described = {attribute.raw_column: attribute.description for attribute in source.attributes}
    mark = delete_column(source)
    if mark is not None:
        described.setdefault(mark, "The publisher's mark of what is deleted")
    return [
        {"name": name, "description": message, "data_type": "text"} for name, message in described.items()
    ]


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
