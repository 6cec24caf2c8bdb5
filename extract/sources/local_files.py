"""The data source type `local_files`: files in a folder whose names match the source's pattern.

The folder is the conn_str's file_path. `file_pattern` matches the path below it; `date_from` is `name` (the
pattern's group `date`) or `header`, which here is the moment of the file's last change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headwater.extract.connections.environment import expand
from headwater.extract.offers.delivery_date import date_in_name, file_pattern
from headwater.extract.offers.offer import Offer, Sink
from headwater.metadata.errors import DeliveryIncomplete, PublisherError
from headwater.metadata.static.model import Source

CHUNK = 1 << 20  # bytes
ATTEMPTS = 3


def discover(source: Source) -> Iterator[Offer]:
    """The files of the source's folder.

    Raises `PublisherError` when there is no such folder, no file of it matches, or one has no date.
    """
    path = source.conn_str.file_path if source.conn_str else None
    if not path:
        raise PublisherError(
            f"{source.name}: no folder, expected a source_attribute conn_str "
            "that names a conn_str with a file_path"
        )
    folder = Path(expand(path, source))
    if not folder.is_dir():
        raise PublisherError(f"{source.name}: {folder} is no folder, expected the one that its files lie in")
    pattern = file_pattern(source)
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    matching = [(name, match) for name in names if (match := pattern.search(name))]
    if not matching:
        raise PublisherError(f"{source.name}: no file in {folder} matches the file_pattern {pattern.pattern}")
    by_change, fetch = source.options.get("date_from") == "header", fetch_by_address(source)
    for name, match in matching:
        file = folder / name
        date = _changed_at(file) if by_change else date_in_name(source, name, match)
        yield Offer(name, str(file), date, _fingerprint(file), fetch)


def fetch_by_address(source: Source) -> Callable[[Offer, Sink], Offer]:
    """The `fetch` of an offer of the source of which only the address is known."""
    return _fetch_by_change if source.options.get("date_from") == "header" else _fetch


def _fetch(offer: Offer, sink: Sink) -> Offer:
    file = Path(offer.address)
    for _ in range(ATTEMPTS):
        sink.restart()
        before = _fingerprint(file)
        try:
            with file.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    sink.write(chunk)
        except OSError as error:
            raise PublisherError(f"{file} cannot be read: {error.strerror}") from None
        if _fingerprint(file) == before:
            return replace(offer, fingerprint=before)
    raise DeliveryIncomplete(
        f"{file} changes while it is read, {ATTEMPTS} times in a row: run again when it is complete"
    )


def _fetch_by_change(offer: Offer, sink: Sink) -> Offer:
    fetched = _fetch(offer, sink)
    return replace(fetched, delivery_date=datetime.fromisoformat(fetched.fingerprint["last_modified"]))


def _changed_at(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime_ns // 1000 / 1e6, UTC)


def _fingerprint(file: Path) -> dict[str, Any]:
    try:
        return {"size": file.stat().st_size, "last_modified": _changed_at(file).isoformat()}
    except OSError as error:
        raise PublisherError(f"{file} cannot be read: {error.strerror}") from None
