"""The type `local_files`: files in a folder."""

from __future__ import annotations

from headwater.extract.connections.dataset_name import DatasetName, connection_part, dataset_at
from headwater.metadata.static.model import Source
from headwater.metadata.static.options import FILE_OPTIONS
from headwater.metadata.static.source_type import Sampling, SourceType


def _folder(source: Source) -> DatasetName:
    return dataset_at(connection_part(source, source.conn_str, "file_path"))


SOURCE_TYPE = SourceType(
    name="local_files",
    description="files in a folder",
    discover="headwater.extract.sources.local_files:discover",
    fetch_by_address="headwater.extract.sources.local_files:fetch_by_address",
    connection_needs=("file_path",),
    options=FILE_OPTIONS,
    dataset_name=_folder,
    sampling=Sampling(by="folder"),
)
