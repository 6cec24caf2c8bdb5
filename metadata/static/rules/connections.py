"""Rules of conn_str and conn_api: can it be reached with what they say, and do they keep secrets out?"""

from __future__ import annotations

import re

from headwater.metadata.errors import FAILURES
from headwater.metadata.static.conn_options import options_problem
from headwater.metadata.static.cycles import find_cycles
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.naming import ENVIRONMENT_NAME
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.rules.types import rule_failure
from headwater.metadata.static.secrecy import holds_secret, json_holds_secret
from headwater.metadata.static.source_types import connection_table, find_type

_PAGINATION_NEEDS = {
    "page": ("page_param_name",),
    "offset": ("page_param_name", "page_size"),
    "cursor": ("cursor_param_name", "cursor_path"),
    "next_url": ("cursor_path",),
}
_CONN_STR_TEXTS = ("server", "database_name", "username", "options", "url_template", "file_path")
_URL = re.compile(r"https?://[^\s]+|\$\{[A-Z][A-Z0-9_]*\}[^\s]*")
_SECRET_EXPECTED = "only its name, in secret_ref"


def check_connections(seeds: Seeds, problems: Problems) -> None:
    """Every connection on its own, parents in a cycle, and data sources that no connection reaches."""
    for row in seeds.rows["conn_str"]:
        _check_conn_str(row, seeds, problems)
    for row in seeds.rows["conn_api"]:
        _check_conn_api(row, problems)
    parents = {row.text("conn_api"): row.text("parent_conn_api") for row in seeds.rows["conn_api"]}
    for cycle in find_cycles({name: [parent] for name, parent in parents.items() if parent}):
        row = seeds.by_name["conn_api"][cycle[0]]
        message = f"gets its token from itself: {' → '.join([*cycle, cycle[0]])}"
        problems.add("conn_api", row, "parent_conn_api", message, "a parent that does not lead back")
    _check_every_data_source_reached(seeds, problems)


def _check_conn_str(row: Row, seeds: Seeds, problems: Problems) -> None:
    for column in _CONN_STR_TEXTS:
        _check_text("conn_str", row, column, problems)
    data_source = seeds.find("data_source", row["data_source"])
    declared = find_type(data_source["data_source_type"]) if data_source else None
    for column in declared.connection_needs if declared else ():
        if row[column] is None:
            assert declared is not None
            expected = f"a {column} for a data source of type {declared.name}"
            problems.add("conn_str", row, column, "is blank", expected)
    options = row.text("options")
    if (wrong := options_problem(declared, options)) and not holds_secret(options):
        problems.add("conn_str", row, "options", *wrong)
    if declared and declared.check_connection:
        try:
            declared.check_connection(row, problems)
        except FAILURES as error:  # of another package it may fail in any way
            problems.add("conn_str", row, "data_source", *rule_failure(declared.name, error))


def check_web_address(table: str, row: Row, column: str, problems: Problems) -> None:
    """Say where a cell that is not blank is no address of the web."""
    url = row[column]
    if url and not _URL.fullmatch(url) and not holds_secret(url):
        problems.add(table, row, column, f'"{url}" is not an address', "http://…, https://… or ${NAME}…")


def _check_conn_api(row: Row, problems: Problems) -> None:
    _check_text("conn_api", row, "api_url", problems)
    check_web_address("conn_api", row, "api_url", problems)
    payload = row["payload_json"]
    if payload and json_holds_secret(payload):
        problems.add(
            "conn_api", row, "payload_json", "holds a secret", "${NAME} for it, which the environment knows"
        )
    if row.is_true("need_token") and row["secret_ref"] is None and row["parent_conn_api"] is None:
        expected = "the name of the token's secret, or a parent_conn_api that gives it"
        problems.add("conn_api", row, "secret_ref", "is blank though need_token is true", expected)
    if row.is_true("need_token") and row["parent_conn_api"] is not None and row["secret_ref"] is not None:
        expected = "a blank cell: the secret of the parent_conn_api"
        problems.add("conn_api", row, "secret_ref", "stands beside a parent_conn_api", expected)
    pagination = row.text("pagination_type")
    for column in _PAGINATION_NEEDS.get(pagination, ()):
        if row[column] is None:
            problems.add("conn_api", row, column, "is blank", f"a {column} for pagination_type {pagination}")
    if row.is_true("use_incremental") and row["modified_since_param"] is None:
        expected = "the parameter that asks for what changed since"
        problems.add(
            "conn_api", row, "modified_since_param", "is blank though use_incremental is true", expected
        )


def _check_text(table: str, row: Row, column: str, problems: Problems) -> None:
    """No secret in the cell, and each `$` the start of a `${NAME}`."""
    cell = row.text(column)
    if holds_secret(cell):
        problems.add(table, row, column, "holds a password", _SECRET_EXPECTED)
    elif "$" in ENVIRONMENT_NAME.sub("", cell):
        problems.add(table, row, column, f'"{cell}" has a $ that names no variable', "${NAME} in capitals")


def _check_every_data_source_reached(seeds: Seeds, problems: Problems) -> None:
    reached = {
        table: {row.text("data_source") for row in seeds.rows[table]} for table in ("conn_str", "conn_api")
    }
    for row in seeds.rows["data_source"]:
        table = connection_table(row.text("data_source_type"))
        if table in seeds.unreadable or row.text("data_source") in reached[table]:
            continue
        name = row.text("data_source")
        problems.add(
            "data_source",
            row,
            "data_source",
            f'"{name}" has no row in {table}.csv',
            f"one, as its type is {row.text('data_source_type')}",
        )
