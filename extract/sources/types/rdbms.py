"""The type `rdbms`: a table of a database, or a query, and its windows."""

from __future__ import annotations

import re
from dataclasses import replace

from headwater.extract.connections.dataset_name import DatasetName
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.model import Source
from headwater.metadata.static.naming import one_of
from headwater.metadata.static.options import WINDOW_OPTIONS, Option
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.rules.types import refuse_archives
from headwater.metadata.static.script_text import parameters_of
from headwater.metadata.static.secrecy import holds_secret
from headwater.metadata.static.source_parts import SourceParts
from headwater.metadata.static.source_type import Sampling, SourceType

USUAL_DIALECT = "postgresql"  # of a conn_str without a url_template
POSTGRES_DIALECTS = ("postgres", "postgresql", "postgresql+psycopg2")  # those that are read by COPY
_PARAMETERS = ("watermark_from", "watermark_to")
_PORTS = {"postgres": 5432, "mysql": 3306}
_BACKENDS = {"postgresql": "postgres", "mariadb": "mysql"}
_DATABASE_URL = re.compile(r"[a-z][a-z0-9]*(\+[a-z][a-z0-9_]*)?://[^\s]*|\$\{[A-Z][A-Z0-9_]*\}[^\s]*")


def _check_connection(row: Row, problems: Problems) -> None:
    for column in _needed(row):
        if row[column] is None:
            expected = f"a {column} for a data source of type rdbms"
            problems.add("conn_str", row, column, "is blank", expected)
    url = row["url_template"]
    if url and not _DATABASE_URL.fullmatch(url) and not holds_secret(url):
        expected = "a dialect of SQLAlchemy such as postgresql://, sqlite:// or mysql+pymysql://"
        problems.add("conn_str", row, "url_template", f'"{url}" is not an address of a database', expected)


def _needed(row: Row) -> tuple[str, ...]:
    """Return what a conn_str of a database must say beside its url_template, which names a dialect,
    or all there is to say."""
    dialect, _, rest = row.text("url_template").partition("://")
    if rest or dialect.startswith("$"):
        return ()
    return ("database_name",) if dialect.startswith("sqlite") else ("server", "database_name")


def _check_source(source: SourceParts, seeds: Seeds, problems: Problems) -> None:
    """Everything that a source of a database needs."""
    refuse_archives(source, problems)
    if source.option("format") not in (None, "copy_text"):
        source.blame_option(problems, "format", "value", "a database has no files to read", "no format")
    if not {"tbl", "sql_script"} & source.options.keys():
        message = f'"{source.name}" has no tbl and no sql_script'
        source.blame(problems, "source", message, "one of the two options, to say what is read")
    table, script = _named(source, "tbl", seeds, problems), _named(source, "sql_script", seeds, problems)
    if table is not None and table["data_source"] != source.row["data_source"]:
        message = f'tbl "{table["tbl"]}" belongs to "{table["data_source"]}"'
        source.blame_option(problems, "tbl", "value", message, f'a table of "{source.row["data_source"]}"')
    is_large = table is not None and table["data_size"] == "large" and "sql_script" not in source.options
    if "chunks" in source.options and not is_large:
        message = "chunks stands where all is read at once"
        source.blame_option(
            problems, "chunks", "name", message, "a tbl of data_size large, and no sql_script"
        )
    _check_windows(source, table, script, problems)


def _named(source: SourceParts, option: str, seeds: Seeds, problems: Problems) -> Row | None:
    """The row that an option names."""
    name = source.option(option)
    if name is not None and not seeds.knows(option, name):
        written = [name for name, row in seeds.by_name[option].items() if not row.origin]
        expected = one_of(written, name) if written else f"a row in {option}.csv"
        source.blame_option(problems, option, "value", f'{option} "{name}" is not known', expected)
    return seeds.find(option, name)


def _check_windows(source: SourceParts, table: Row | None, script: Row | None, problems: Problems) -> None:
    is_delta = source.row["delivery_type"] == "delta"
    has_windows = is_delta and table is not None and table["incr_column"] is not None
    if not has_windows:
        for name in WINDOW_OPTIONS:
            if name in source.options:
                expected = "delivery_type delta, and a tbl that has an incr_column"
                source.blame_option(
                    problems, name, "name", f"{name} stands where all is read each time", expected
                )
    if script is None:
        return
    if script.is_true("is_stored_proc"):
        message = f'sql_script "{script["sql_script"]}" is a procedure'
        source.blame_option(problems, "sql_script", "value", message, "a query")
    asked = set(parameters_of(script.text("sql_text")))
    for name in sorted(asked - set(_PARAMETERS)):
        message = f'sql_script "{script["sql_script"]}" asks for :{name}'
        source.blame_option(
            problems, "sql_script", "value", message, "no parameters but :watermark_from and :watermark_to"
        )
    if asked & set(_PARAMETERS) and not has_windows:
        message = f'sql_script "{script["sql_script"]}" asks for a watermark'
        expected = "delivery_type delta, and beside it the option tbl, of a table that has an incr_column"
        source.blame_option(problems, "sql_script", "value", message, expected)
    if has_windows and "watermark_from" not in asked:
        message = f'sql_script "{script["sql_script"]}" reads all each time'
        expected = "a condition with :watermark_from, or a source without an incr_column"
        source.blame_option(problems, "sql_script", "value", message, expected)
    if has_windows and "watermark_from" in asked and "first_watermark" not in source.options:
        message = f'sql_script "{script["sql_script"]}" has no :watermark_from the first time'
        source.blame_option(problems, "sql_script", "value", message, "the option first_watermark")


def _value_syntax(source: Source) -> str | None:
    """A Postgres server writes the values by COPY: then all that it writes is taken.

    A `url_template` that names its dialect only at run time is taken for another database.
    """
    dialect = (source.conn_str.url_template if source.conn_str else None) or USUAL_DIALECT
    return "postgres" if dialect.partition(":")[0] in POSTGRES_DIALECTS else None


def _table(source: Source) -> DatasetName:
    from headwater.extract.sources.sql.connect import url_of  # SQLAlchemy takes long to import
    from headwater.extract.sources.sql.queries import publisher_name

    conn = source.conn_str and replace(source.conn_str, secret_ref=None)  # where it is says no secret
    url = url_of(replace(source, conn_str=conn))
    backend = _BACKENDS.get(url.get_backend_name(), url.get_backend_name())
    if backend == "sqlite":
        return DatasetName(f"sqlite://{url.database}", publisher_name(source))
    host, port = url.host or url.query["host"], url.port or _PORTS.get(backend)
    qualified = publisher_name(source)
    if backend == "postgres" and "." not in qualified and source.sql_script is None:
        qualified = f"public.{qualified}"
    database = url.database or url.query["dbname"]
    return DatasetName(f"{backend}://{host}" + (f":{port}" if port else ""), f"{database}.{qualified}")


SOURCE_TYPE = SourceType(
    name="rdbms",
    description="a table of a database, or a query",
    discover="headwater.extract.sources.rdbms:discover",
    reads_while_asking=True,
    options={"tbl": Option(), "sql_script": Option(), "chunks": Option("count"), **WINDOW_OPTIONS},
    usual_options={"format": "copy_text"},
    usual_null_tokens=(),  # a database tells NULL from the empty text
    check_connection=_check_connection,
    check_source=_check_source,
    dataset_name=_table,
    value_syntax=_value_syntax,
    runs_sql_scripts=True,
    sampling=Sampling(by="table", tells_delivery_type=True),
)
