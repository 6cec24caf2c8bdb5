"""The type `http_files`: files that a page links to, or one file at an address."""

from __future__ import annotations

from headwater.extract.connections.dataset_name import DatasetName, connection_part, dataset_at
from headwater.extract.sources.api.address import below
from headwater.metadata.static.model import Source
from headwater.metadata.static.options import FILE_OPTIONS, Option
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.rules.connections import check_web_address
from headwater.metadata.static.source_type import Sampling, SourceType


def _check_connection(row: Row, problems: Problems) -> None:
    check_web_address("conn_str", row, "url_template", problems)


def _page(source: Source) -> DatasetName:
    address = connection_part(source, source.conn_str, "url_template")
    return dataset_at(below(address, source.options.get("page")))


SOURCE_TYPE = SourceType(
    name="http_files",
    description="files that a page links to, or one file at an address",
    discover="headwater.extract.sources.http_files:discover",
    fetch_by_address="headwater.extract.sources.http_files:fetch_by_address",
    asks_one_at_a_time=True,
    connection_needs=("url_template",),
    options={"page": Option(), **FILE_OPTIONS},
    check_connection=_check_connection,
    dataset_name=_page,
    sampling=Sampling(by="page", names_have_folders=True),
)
