"""A sample: a file of the publisher on this machine, and the origin of this and similar files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from headwater.extract.connections.addresses import AddressGuard
from headwater.extract.connections.environment import expand
from headwater.extract.connections.safe_address import shown
from headwater.extract.files.content import BEGINNING, recognize
from headwater.extract.http.client import HttpClient
from headwater.extract.offers.discover import discover
from headwater.extract.sources import object_store
from headwater.extract.sources.http_files import links, publisher_names
from headwater.extract.sources.sql.connect import shown_place, url_of
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.extensions import BUILT_IN, SOURCES
from headwater.metadata.static.model import Catalog, ConnApi, ConnStr, DataSource, Source
from headwater.metadata.static.read import token_apis
from headwater.metadata.static.source_types import usual_options
from headwater.new_source.file_names import kind_of, own_name
from headwater.new_source.look import stand_in
from headwater.new_source.table import CatalogedTable, sample_table
from headwater.new_source.topic import sample_topic

DATA_ENDINGS = (
    ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".geojson", ".xml", ".xlsx", ".xls", ".ods", ".parquet",
    ".zip", ".gz", ".bz2", ".xz",
)  # fmt: skip
SQLITE = b"SQLite format 3\0"
MOST_FILES = 10_000  # files of a folder and its subfolders to examine for similar files


@dataclass(frozen=True)
class Sample:
    """One sampled file.

    `address` is a folder or a URL for the metadata; `connection` is an existing one.
    """

    path: Path
    publisher_name: str
    data_source_type: str
    address: str
    connection: ConnStr | ConnApi | None = None
    table: CatalogedTable | None = None  # of a database
    is_whole: bool = True  # whether it contains everything
    names: tuple[str, ...] = ()  # of all present files

    @property
    def guessed_data_source(self) -> str:
        """Return a name for the publisher: the host, or the folder."""
        if self.data_source_type == "http_files":
            return re.sub(r"^www\.", "", urlsplit(self.address).hostname or "")
        path = Path(self.address)
        return path.stem if self.data_source_type == "rdbms" else path.name


def take_sample(origin: str, folder: Path, catalog: Catalog, given: Mapping[str, str]) -> Sample:
    """Return the file that `origin` names, or the newest by name in the folder or on the page that it names.

    `folder` is the place for fetched files; `given` are the given options: files must match their
    file_pattern, and requests to an API use them. Raises `NewSourceRefused` or `PublisherError`.
    """
    wanted = re.compile(given["file_pattern"]) if "file_pattern" in given else None
    if conn_api := catalog.conn_apis.get(origin):
        kind = catalog.data_sources[conn_api.data_source].data_source_type
        if kind not in BUILT_IN[SOURCES]:
            return _of_offers(_stand_in_of_api(conn_api, catalog, given), conn_api, folder, wanted)
        return _of_api(conn_api, folder, catalog, given)
    if conn_str := catalog.conn_strs.get(origin):
        return _of_connection(conn_str, folder, wanted, catalog, given)
    if re.match(r"https?://", origin):
        return _fetched(origin, origin, folder, wanted, None)
    if "://" in origin:
        raise NewSourceRefused(
            f"{shown(origin)}: expected a file, a folder, an address that begins with http:// or https://, or a"
            " connection"
        )
    path = Path(origin).expanduser().absolute()
    if path.is_dir():
        return _in_folder(path, wanted, str(path), None)
    if not path.is_file():
        connections = sorted([*catalog.conn_strs, *catalog.conn_apis])
        names = f" or a connection ({', '.join(connections)})" if connections else ""
        raise NewSourceRefused(
            f"{origin}: there is no such file, expected a file, a folder, an address{names}"
        )
    with path.open("rb") as file:
        if file.read(len(SQLITE)) == SQLITE:
            return _of_sqlite(path, folder, catalog, given)
    return Sample(path, path.name, "local_files", str(path.parent), names=_names_below(path.parent))


def _of_sqlite(path: Path, folder: Path, catalog: Catalog, given: Mapping[str, str]) -> Sample:
    """Sample a table of an SQLite file, by its existing connection or a new one."""
    for conn_str in catalog.conn_strs.values():
        if (conn_str.url_template or "").startswith("sqlite") and conn_str.database_name == str(path):
            return _of_database(conn_str, folder, catalog, given)
    data_source = DataSource(path.name, "rdbms", path.name)
    conn_str = ConnStr(path.name, data_source.name, None, str(path), None, None, None, "sqlite://", None)
    source = replace(stand_in(name=path.name), data_source=data_source, conn_str=conn_str)
    target = folder / "rows.copy.gz"
    table = sample_table(source, given.get("tbl"), target)
    return Sample(target, f"{table.tbl}.copy.gz", "rdbms", str(path), None, table)


def _of_api(conn_api: ConnApi, folder: Path, catalog: Catalog, given: Mapping[str, str]) -> Sample:
    """Sample all records of an API, read in the way of a source."""
    if conn_api.use_incremental and "watermark_path" not in given:
        raise NewSourceRefused(
            f"{conn_api.name}: it is asked for what changed (use_incremental), expected where each record says when it"
            " changed: --option watermark_path=PATH"
        )
    source = _stand_in_of_api(conn_api, catalog, given)
    offer = next(iter(discover(source)), None)
    if offer is None:
        raise NewSourceRefused(
            f"{conn_api.name}: gives no record now, expected some: nothing can be said of its columns"
        )
    target = folder / "fetched"
    with target.open("wb") as file:
        offer.fetch(offer, _sink(file))
    return Sample(target, offer.publisher_name, "rest_api", conn_api.api_url, conn_api)


def _stand_in_of_api(conn_api: ConnApi, catalog: Catalog, given: Mapping[str, str]) -> Source:
    """A source of a connection to an API, before there is one."""
    data_source = catalog.data_sources[conn_api.data_source]
    return replace(
        stand_in({**usual_options(data_source.data_source_type), **given}, name=conn_api.name),
        data_source=data_source,
        conn_api=conn_api,
        token_apis=token_apis(conn_api, catalog.conn_apis),
    )


def _of_offers(
    source: Source, connection: ConnStr | ConnApi, folder: Path, wanted: re.Pattern[str] | None
) -> Sample:
    """The newest of what a type of an installed package offers."""
    offers = [offer for offer in discover(source) if wanted is None or wanted.search(offer.publisher_name)]
    if not offers:
        raise NewSourceRefused(f"{connection.name}: offers nothing now, expected a delivery to look at")
    target = folder / "fetched"
    with target.open("wb") as file:
        offers[-1].fetch(offers[-1], _sink(file))
    names = tuple(dict.fromkeys(offer.publisher_name for offer in offers))
    kind = source.data_source.data_source_type
    return Sample(target, offers[-1].publisher_name, kind, connection.name, connection, names=names)


def _of_connection(
    conn_str: ConnStr,
    folder: Path,
    wanted: re.Pattern[str] | None,
    catalog: Catalog,
    given: Mapping[str, str],
) -> Sample:
    kind = catalog.data_sources[conn_str.data_source].data_source_type
    if kind == "rdbms":
        return _of_database(conn_str, folder, catalog, given)
    if kind == "object_store":
        return _of_bucket(conn_str, folder, wanted, catalog)
    if kind == "kafka":
        return _of_topic(conn_str, folder, catalog, given)
    if kind not in BUILT_IN[SOURCES]:
        source = _stand_in_of(conn_str, catalog, {**usual_options(kind), **given})
        return _of_offers(source, conn_str, folder, wanted)
    source = stand_in()
    if conn_str.url_template:
        address = expand(conn_str.url_template, source)
        return _fetched(address, conn_str.url_template, folder, wanted, conn_str)
    if conn_str.file_path:
        path = Path(expand(conn_str.file_path, source))
        return _in_folder(path, wanted, conn_str.file_path, conn_str)
    raise NewSourceRefused(
        f"{conn_str.name}: leads to no file, expected a connection with a url_template or a file_path"
    )


def _of_database(conn_str: ConnStr, folder: Path, catalog: Catalog, given: Mapping[str, str]) -> Sample:
    """Sample the first rows of a table, and its description in the catalog."""
    if "sql_script" in given:
        raise NewSourceRefused(
            f"{conn_str.name}: a query has no catalog to look at, expected a table (--option tbl=NAME), or the rows of"
            " the seeds by hand"
        )
    source = _stand_in_of(conn_str, catalog, {})
    target = folder / "rows.copy.gz"
    table = sample_table(source, given.get("tbl"), target)
    address = shown_place(url_of(source))
    return Sample(target, f"{table.tbl}.copy.gz", "rdbms", address, conn_str, table)


def _of_bucket(conn_str: ConnStr, folder: Path, wanted: re.Pattern[str] | None, catalog: Catalog) -> Sample:
    """Sample the newest object by name below the prefix."""
    options = {"file_pattern": wanted.pattern if wanted else "", "date_from": "header"}
    source = _stand_in_of(conn_str, catalog, options)
    offers = {offer.publisher_name: offer for offer in object_store.discover(source)}
    name = _newest(list(offers), wanted, conn_str.url_template or conn_str.name)
    target = folder / "fetched"
    with target.open("wb") as file:
        offers[name].fetch(offers[name], _sink(file))
    address = conn_str.url_template or ""
    return Sample(target, name, "object_store", address, conn_str, names=tuple(offers))


def _of_topic(conn_str: ConnStr, folder: Path, catalog: Catalog, given: Mapping[str, str]) -> Sample:
    """Sample the first messages of a topic."""
    source = _stand_in_of(conn_str, catalog, {**usual_options("kafka"), **given})
    target = folder / "fetched"
    with target.open("wb") as file:
        name, is_whole = sample_topic(source, _sink(file))
    address = f"{conn_str.server} {given['topic']}"
    return Sample(target, name, "kafka", address, conn_str, is_whole=is_whole)


def _stand_in_of(conn_str: ConnStr, catalog: Catalog, options: Mapping[str, str]) -> Source:
    """Return a source of a connection that does not exist yet."""
    data_source = catalog.data_sources[conn_str.data_source]
    return replace(stand_in(options, name=conn_str.name), data_source=data_source, conn_str=conn_str)


def _in_folder(path: Path, wanted: re.Pattern[str] | None, address: str, conn_str: ConnStr | None) -> Sample:
    names = sorted(file.name for file in path.iterdir() if file.is_file()) if path.is_dir() else []
    name = _newest(names, wanted, str(path))
    return Sample(path / name, name, "local_files", address, conn_str, names=_names_below(path))


def _names_below(folder: Path) -> tuple[str, ...]:
    """Return the files of a folder and its subfolders in the way in which a source finds them."""
    files = (path for path in islice(folder.rglob("*"), MOST_FILES) if path.is_file())
    return tuple(path.relative_to(folder).as_posix() for path in files)


def _fetched(
    address: str, named: str, folder: Path, wanted: re.Pattern[str] | None, conn_str: ConnStr | None
) -> Sample:
    client = HttpClient(guard=AddressGuard(address))
    target = folder / "fetched"
    _download(client, address, target)
    if not (recognize(_beginning(target)) or "").startswith("an HTML page"):
        if conn_str is not None:
            raise NewSourceRefused(
                f"{conn_str.name}: {shown(address)} is no page of links, expected a download page"
            )
        name = unquote(urlsplit(address).path).rpartition("/")[2]
        if not name:
            raise NewSourceRefused(
                f"{shown(address)}: a file without a name, expected an address that ends in one, or a page of links"
            )
        return Sample(target, name, "http_files", named)
    page = client.page(address)
    linked = {next(publisher_names(page.address, link.address)): link.address for link in links(page)}
    name = _newest(list(linked), wanted, shown(page.address))
    _download(client, linked[name], target)
    return Sample(target, name, "http_files", named, conn_str, names=tuple(linked))


def _newest(names: Sequence[str], wanted: re.Pattern[str] | None, where: str) -> str:
    """Return the last by name of the data files whose names differ only in digits."""
    fitting = [name for name in names if (wanted.search(name) if wanted else _is_data(name))]
    if not fitting:
        what = f"no file that matches {wanted.pattern} (file_pattern)" if wanted else "no file of data"
        raise NewSourceRefused(f"{where}: {what}, expected one; there is {_listed(names) or 'nothing'}")
    kinds: dict[str, list[str]] = {}
    for name in fitting:
        kinds.setdefault(kind_of(name), []).append(name)
    if len(kinds) > 1 and wanted is None:
        raise NewSourceRefused(
            f"{where}: files of {len(kinds)} kinds ({_listed([max(kind) for kind in kinds.values()])}), expected one"
            " kind: choose it by --option 'file_pattern=REGEX'"
        )
    return max(fitting, key=lambda name: (own_name(name), name))


def _own_name(name: str) -> str:
    return name.rpartition("/")[2]


def _is_data(name: str) -> bool:
    return name.partition("?")[0].lower().endswith(DATA_ENDINGS)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BEGINNING)


def _download(client: HttpClient, address: str, target: Path) -> None:
    with target.open("wb") as file:
        client.download(address, _sink(file))


def _sink(file: IO[bytes]) -> _FileSink:
    return _FileSink(file.write, lambda: (file.seek(0), file.truncate()))


class _FileSink:
    def __init__(self, write: Callable[[bytes], object], restart: Callable[[], object]) -> None:
        self._write, self._restart = write, restart

    def write(self, chunk: bytes) -> None:
        self._write(chunk)

    def restart(self) -> None:
        self._restart()
