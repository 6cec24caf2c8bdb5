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
from headwater.extract.offers.offer import Sink
from headwater.extract.offers.sampled import Sampled
from headwater.extract.sources.http_files import links, publisher_names
from headwater.extract.sources.sql.connect import shown_place, url_of
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.model import Catalog, ConnApi, ConnStr, DataSource, Source
from headwater.metadata.static.read import token_apis
from headwater.metadata.static.source_type import Sampling, resolved
from headwater.metadata.static.source_types import options_of, require_type, usual_options
from headwater.new_source.file_names import kind_of, own_name
from headwater.new_source.look import stand_in
from headwater.new_source.table import CatalogedTable, sample_table

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
    def sampling(self) -> Sampling:
        """Return what the type of the source says of its samples."""
        return require_type(self.data_source_type).sampling or Sampling()

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
        return _of_type(_stand_in_of_api(conn_api, catalog, given), conn_api, folder, wanted)
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


def _stand_in_of_api(conn_api: ConnApi, catalog: Catalog, given: Mapping[str, str]) -> Source:
    """A source of a connection to an API, before there is one."""
    data_source = catalog.data_sources[conn_api.data_source]
    return replace(
        stand_in(_options_of(data_source, given), name=conn_api.name),
        data_source=data_source,
        conn_api=conn_api,
        token_apis=token_apis(conn_api, catalog.conn_apis),
    )


def _of_type(
    source: Source, connection: ConnStr | ConnApi, folder: Path, wanted: re.Pattern[str] | None
) -> Sample:
    """Sample what the sampler of the type writes, or else the newest offer."""
    kind = source.data_source.data_source_type
    sampler = _sampling_of(connection, kind).sample
    address = (
        getattr(connection, "api_url", None) or getattr(connection, "url_template", None) or connection.name
    )
    target = folder / "fetched"
    with target.open("wb") as file:
        if sampler is None:
            found = _newest_offer(source, connection, address, wanted, _sink(file))
        else:
            found = resolved(sampler)(source, _sink(file))
    return Sample(
        target, found.publisher_name, kind, address, connection, is_whole=found.is_whole, names=found.names
    )


def _newest_offer(
    source: Source, connection: ConnStr | ConnApi, address: str, wanted: re.Pattern[str] | None, sink: Sink
) -> Sampled:
    """Write the last offer of a type; of one that lists files by file_pattern, the newest file by name."""
    lists_files = "file_pattern" in options_of(source.data_source.data_source_type)
    if lists_files:
        options = {"file_pattern": wanted.pattern if wanted else "", "date_from": "header"}
        source = replace(source, options={**source.options, **options})
    offers = {offer.publisher_name: offer for offer in discover(source)}
    names = [name for name in offers if wanted is None or wanted.search(name)]
    if not names and not lists_files:
        raise NewSourceRefused(f"{connection.name}: offers nothing now, expected a delivery to look at")
    name = _newest(list(offers), wanted, address) if lists_files else names[-1]
    offers[name].fetch(offers[name], sink)
    return Sampled(name, names=tuple(offers if lists_files else names))


def _sampling_of(connection: ConnStr | ConnApi, kind: str) -> Sampling:
    sampling = require_type(kind).sampling
    if sampling is None:
        raise NewSourceRefused(
            f"{connection.name}: sources of the type {kind} cannot be sampled, since the type declares no sampling;"
            " expected a connection of another type, or the rows of the seeds by hand"
        )
    return sampling


def _of_connection(
    conn_str: ConnStr,
    folder: Path,
    wanted: re.Pattern[str] | None,
    catalog: Catalog,
    given: Mapping[str, str],
) -> Sample:
    kind = catalog.data_sources[conn_str.data_source].data_source_type
    sampling = _sampling_of(conn_str, kind)
    if sampling.sample is not None or sampling.by == "offer":
        return _of_type(_stand_in_of(conn_str, catalog, given), conn_str, folder, wanted)
    if sampling.by == "table":
        return _of_database(conn_str, folder, catalog, given)
    source = stand_in()
    if sampling.by == "page" and conn_str.url_template:
        address = expand(conn_str.url_template, source)
        return _fetched(address, conn_str.url_template, folder, wanted, conn_str)
    if sampling.by == "folder" and conn_str.file_path:
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


def _stand_in_of(conn_str: ConnStr, catalog: Catalog, options: Mapping[str, str]) -> Source:
    """Return a source of a connection that does not exist yet."""
    data_source = catalog.data_sources[conn_str.data_source]
    return replace(
        stand_in(_options_of(data_source, options), name=conn_str.name),
        data_source=data_source,
        conn_str=conn_str,
    )


def _options_of(data_source: DataSource, given: Mapping[str, str]) -> dict[str, str]:
    return {**usual_options(data_source.data_source_type), **given}


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
