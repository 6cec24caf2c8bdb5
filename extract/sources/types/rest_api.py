"""The type `rest_api`: an API that answers in pages of JSON, its options and its connection taken together."""

from __future__ import annotations

from headwater.extract.connections.dataset_name import DatasetName, connection_part, dataset_at
from headwater.extract.sources.api.address import below
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.model import SNAPSHOTS, Source
from headwater.metadata.static.options import WINDOW_OPTIONS, Option
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.rules.types import refuse_archives
from headwater.metadata.static.source_parts import SourceParts
from headwater.metadata.static.source_type import Sampling, SourceType

_OF_WATERMARKS = ("watermark_path", "watermark_format", *WINDOW_OPTIONS)
_OF_TOKENS = ("token_path", "token_format")
_MAY_MOVE = ("page", "offset", "link_header", "next_url")

_OF_PAGINATIONS = {
    "has_more_path": ("page", "offset", "cursor", "next_url"),
    "empty_page_ends": ("cursor", "next_url"),
}


def _check_source(source: SourceParts, seeds: Seeds, problems: Problems) -> None:
    """Everything that a source of an API needs."""
    refuse_archives(source, problems)
    api = _connection(source, seeds)
    if api is None:
        return
    if source.option("format") not in (None, "json"):
        source.blame_option(problems, "format", "value", "an API is read as JSON", "json, or no format")
    _check_pages(source, api, problems)
    _check_increments(source, api, problems)
    _check_credentials(source, api, problems)


def _connection(source: SourceParts, seeds: Seeds) -> Row | None:
    """The connection that the source uses, where that is clear."""
    return seeds.find("conn_api", source.row["connection"])


def _check_pages(source: SourceParts, api: Row, problems: Problems) -> None:
    pagination = api.text("pagination_type")
    if pagination in _MAY_MOVE and not {"total_path", "read_until_same"} & source.options.keys():
        source.blame(
            problems,
            "source",
            f'"{source.name}" is read by {pagination}, and pages may shift while they are read',
            "total_path, where each answer tells how many records there are; or read_until_same true, to read until two"
            " readings agree; or read_until_same false, to take the risk of losing records",
        )
    for name, kinds in _OF_PAGINATIONS.items():
        if name in source.options and pagination not in kinds:
            message = f"{name} stands for pagination_type {pagination}"
            source.blame_option(problems, name, "name", message, f"pagination_type {' or '.join(kinds)}")
    if "first_page" in source.options and pagination != "page":
        message = f"first_page stands for pagination_type {pagination}"
        source.blame_option(problems, "first_page", "name", message, "pagination_type page")


def _check_increments(source: SourceParts, api: Row, problems: Problems) -> None:
    if not api.is_true("use_incremental"):
        for name in _OF_WATERMARKS:
            if name in source.options:
                message = f"{name} stands for an API that is read as a whole"
                source.blame_option(problems, name, "name", message, "use_incremental true in conn_api.csv")
        return
    if "watermark_path" not in source.options:
        message = f'"{source.name}" asks for what changed, and has no watermark_path'
        source.blame(problems, "source", message, "watermark_path: where each record says when it changed")
    if (kind := source.row["delivery_type"]) in SNAPSHOTS:
        source.blame(problems, "delivery_type", f"is {kind}, and only what changed is asked for", "delta")


def _check_credentials(source: SourceParts, api: Row, problems: Problems) -> None:
    auth, has_parent = source.option("auth"), api["parent_conn_api"] is not None
    is_secret_free = api["secret_ref"] is None or "${SECRET}" in api.text("payload_json")
    if api.is_true("need_token") and has_parent:
        is_secret_free = False
    elif has_parent:
        source.blame(
            problems,
            "data_source",
            f'"{api.text("conn_api")}" has a parent_conn_api and needs no token',
            "need_token true",
        )
    if auth is None and not is_secret_free and not api.is_true("need_token"):
        message = f'how the secret of "{api.text("conn_api")}" travels is not said'
        source.blame(problems, "source", message, "the option auth: bearer, basic, header or query")
    if auth is not None and is_secret_free:
        message = f'auth stands for "{api.text("conn_api")}", which has no secret and no token'
        source.blame_option(
            problems, "auth", "name", message, "a secret_ref, or a parent_conn_api with need_token true"
        )
    if auth in ("header", "query") and "auth_name" not in source.options:
        source.blame_option(
            problems, "auth", "value", f"auth {auth} has no auth_name", f"the name of the {auth} part"
        )
    if auth not in ("header", "query") and "auth_name" in source.options:
        source.blame_option(problems, "auth_name", "name", "auth_name stands alone", "auth header or query")
    for name in _OF_TOKENS:
        if name in source.options and not has_parent:
            source.blame_option(problems, name, "name", f"{name} needs a token", "a parent_conn_api")


def _place(source: Source) -> DatasetName:
    return dataset_at(
        below(connection_part(source, source.conn_api, "api_url"), source.options.get("endpoint"))
    )


SOURCE_TYPE = SourceType(
    name="rest_api",
    description="an API that answers in pages of JSON",
    discover="headwater.extract.sources.rest_api:discover",
    reads_while_asking=True,
    asks_one_at_a_time=True,
    connection_table="conn_api",
    options={
        "endpoint": Option(),
        "auth": Option("choice", ("bearer", "basic", "header", "query")),
        "auth_name": Option(),
        "token_path": Option(),
        "token_format": Option("choice", ("json", "form")),
        "first_page": Option("number"),
        "total_path": Option(),
        "has_more_path": Option(),
        "empty_page_ends": Option("boolean"),
        "read_until_same": Option("boolean"),
        "max_pages": Option("count"),
        "watermark_path": Option(),
        "watermark_format": Option("watermark_format"),
        **WINDOW_OPTIONS,
    },
    usual_options={"format": "json", "zip_members": "all"},  # the pages lie in one ZIP
    check_source=_check_source,
    dataset_name=_place,
    sampling=Sampling(sample="headwater.extract.sources.api.sample:sample", tells_delivery_type=True),
)
