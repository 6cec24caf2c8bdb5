"""All that a person could look at after a run: what is packed is unpacked, so that a word in it is found."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.pipeline.line import Line

PACKED: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress,
}  # fmt: skip


def seen(line: Line, *more: Path) -> str:
    """Every object on S3 and its name, every table, every word that was said, every file of the working folder and of
    others."""
    places = everything(line, *more)
    return "\n".join([*(f"{name}\n{text}" for name, text in places), *line.messages])


def everything(line: Line, *folders: Path) -> Iterator[tuple[str, str]]:
    """Yield where it is, and what it says."""
    for key in line.store.list(""):
        yield from unpacked(f"s3 {key}", line.store.get(key))
    for schema, table in line.query(
        "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
    ):
        with line.database.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            with driver.cursor() as cursor:
                cursor.copy_expert(f'copy "{schema}"."{table}" to stdout', text := io.StringIO())
        yield f"table {schema}.{table}", text.getvalue()
    for folder in (line.project.home, *folders):
        for path in [folder] if folder.is_file() else folder.rglob("*"):
            if path.is_file():
                yield from unpacked(str(path), path.read_bytes())


def unpacked(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """A file, and what is in it."""
    for beginning, unpack in PACKED.items():
        if content.startswith(beginning):
            yield from unpacked(f"{name} unpacked", unpack(content))
            return
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield from unpacked(f"{name} {member}", archive.read(member))
    else:
        yield name, content.decode("latin-1")


def forms_of(word: str) -> list[str]:
    """A word as it may be found in texts: as it is, in hexadecimal, backwards, and in base64 wherever it begins."""
    body = word.encode()
    coded = [base64.b64encode(b"\0" * before + body).decode()[-(-before * 8 // 6) : (before + len(body)) * 8 // 6]
             for before in range(3)]  # fmt: skip
    escaped = "".join(f"\\x{byte:x}" for byte in body)
    return [word, word[::-1], body.hex(), body.hex().upper(), body.hex(" "), escaped, *coded]
