"""Poisons of a source: its files, its options, functions and models of its own. Each poison says what a person reads.

Each entry is a source of a project of CSV files in folders, by the poison's name; test_poisoned_sources.py runs four
of them beside a good one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from headwater.extract.files.record import Record
from headwater.extract.offers.offer import Offer
from headwater.metadata.static.model import Source

GOOD = "sound"
FILE = "part-20260101.csv"
ROWS = b"id,name\n1,Ulm\n2,Bonn\n"


def publish(folder: Path) -> None:
    """Publish a good file."""
    (folder / FILE).write_bytes(ROWS)


def _as_it_is(_root: Path, _source: str) -> None:
    """The project is as it was generated."""


@dataclass(frozen=True)
class Poison:
    """One way to poison a source. `failure` is a pattern of the line that is said of it, after `failed <source>: `."""

    failure: str
    publish: Callable[[Path], None] = publish
    options: Mapping[str, str] = field(default_factory=dict)
    extract_function: str = ""
    wrangle_function: str = ""
    spoil: Callable[[Path, str], None] = _as_it_is  # the project in a folder, for a source


def _bytes_name(folder: Path) -> None:
    publish(folder)
    (folder / os.fsdecode(b"st\xe9-20260102.csv")).write_bytes(ROWS)


def _append_to_model(layer: str, prefix: str, text: str) -> Callable[[Path, str], None]:
    def spoil(root: Path, source: str) -> None:
        (path,) = (root / "models" / layer).rglob(f"{prefix}{source}.sql")
        path.write_text(path.read_text() + text)

    return spoil


POISONS: Mapping[str, Poison] = {
    "name_no_utf8": Poison(r".*st\\(?:x|udc)e9-20260102\.csv.*[Ee]xpected", _bytes_name),
    "fault_in_transform": Poison(
        r"delivery \d+ could not be loaded: an unexpected error, AssertionError: one \"row\" too many\."
        r" Its stack trace is in metadata\.log_dtl and in logs/errors\.log",
        wrangle_function="tests.pipeline.poisons:assert_in_vain",
    ),
    "template_broken": Poison(
        r"dbt cannot read the project: Compilation Error.*stg_template_broken",
        spoil=_append_to_model("staging", "stg_", "\n{% if x %}\n"),
    ),
    "model_fails": Poison(
        r"stg_model_fails: Database Error .*division by zero",
        spoil=_append_to_model("staging", "stg_", "\nwhere 1 / 0 = 1\n"),
    ),
    "memory_gone": Poison(
        r"discover: this machine has not enough memory for it \(MemoryError\)\. Expected more memory",
        extract_function="tests.pipeline.poisons:use_up_memory",
    ),
    "transform_exits": Poison(
        r"delivery \d+ could not be loaded: a function of the project ends the process \(SystemExit: 0\)\. Expected it"
        r" to return",
        wrangle_function="tests.pipeline.poisons:exit_early",
    ),
    "disk_full": Poison(
        r"part-20260101\.csv could not be landed: no room is left on the disk\. Expected room .* \(TMPDIR",
        extract_function="tests.pipeline.poisons:offer_without_room",
    ),
    "import_exits": Poison(
        r"extract_function 'tests\.pipeline\.poisoned_module:discover' cannot be used \(SystemExit: 3\), expected",
        extract_function="tests.pipeline.poisoned_module:discover",
    ),
    "recursion": Poison(
        r"discover: an unexpected error, RecursionError: ",
        extract_function="tests.pipeline.poisons:recurse",
    ),
    "folder_gone": Poison(r".* is no folder, expected the one that its files lie in", Path.rmdir),
    "halves_of_surrogates": Poison(
        r"discover: '.*\\udc80.*' is no text .*Expected a name or a value in UTF-8",
        extract_function="tests.pipeline.poisons:say_what_is_no_text",
    ),
    "nothing_listens": Poison(
        r".*127\.0\.0\.1:1/: nothing listens there \(connection refused\)",
        extract_function="tests.pipeline.poisons:ask_where_nothing_listens",
    ),
}


def assert_in_vain(
    source: Source, header: Sequence[str], records: Iterable[Record], file: str
) -> tuple[Sequence[str], Iterable[Record]]:
    """Fail as a bug does, in the middle of the records."""
    del source, file

    def fail() -> Iterable[Record]:
        yield next(iter(records))
        raise AssertionError('one "row" too many')

    return header, fail()


def _leave(number: int) -> NoReturn:
    raise SystemExit(number)


def exit_early(
    source: Source, header: Sequence[str], records: Iterable[Record], file: str
) -> tuple[Sequence[str], Iterable[Record]]:
    """End the process, as if all were well."""
    del source, file, records

    return header, map(_leave, range(1))


def use_up_memory(source: Source) -> list[Offer]:
    """Fail as the machine does."""
    raise MemoryError(source.name)


def offer_without_room(source: Source) -> list[Offer]:
    """Offer a file for which there is no room."""
    from headwater.extract.sources.local_files import discover

    def fetch(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    return [
        Offer(one.publisher_name, one.address, one.delivery_date, one.fingerprint, fetch)
        for one in discover(source)
    ]


def recurse(source: Source) -> list[Offer]:
    """Call oneself for ever."""
    return recurse(source)


def say_what_is_no_text(source: Source) -> list[Offer]:
    """Stumble over half of a character."""
    for name in (source.name, "\udc80"):
        name.encode()
    return []


def ask_where_nothing_listens(source: Source) -> list[Offer]:
    """Ask a publisher that is down."""
    from headwater.extract.connections.addresses import AddressGuard
    from headwater.extract.http.client import HttpClient
    from headwater.extract.http.exchange import Patience

    client = HttpClient(Patience(sleep=lambda _: None), AddressGuard(allow_private=True))
    client.page("http://127.0.0.1:1/")
    raise AssertionError(f"{source.name}: something listens there")
