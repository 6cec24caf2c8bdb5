"""Files that break their own format: what each is told, that nothing of it is in raw, and that others go on."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.files.archive import open_members
from headwater.extract.files.limits import Expansion, Limits
from headwater.extract.landing.store import ObjectStore
from headwater.extract.raw.pending import load_pending
from headwater.metadata.errors import FormatBroken
from tests.support.loader import Loader
from tests.support.sources import land_bytes, make_source

GOOD = b"id,name\n1,Ulm\n"


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def encrypted(archive: bytes) -> bytes:
    """The same ZIP with the flag set that says that its member is encrypted."""
    place = archive.index(b"PK\x01\x02") + 8
    flag = struct.pack("<H", struct.unpack_from("<H", archive, place)[0] | 1)
    return archive[:6] + flag + archive[8:place] + flag + archive[place + 2 :]


def bomb(archive: bytes) -> bytes:
    """The same ZIP with a member that announces four gigabytes."""
    place = archive.index(b"PK\x01\x02") + 24
    return archive[:place] + struct.pack("<I", 4_000_000_000) + archive[place + 4 :]


def damaged(archive: bytes) -> bytes:
    """The same ZIP with some of the packed bytes turned over."""
    middle = len(archive) // 2 - 40
    return (
        archive[:middle] + bytes(255 - byte for byte in archive[middle : middle + 8]) + archive[middle + 8 :]
    )


def unpivoting(**options: str) -> dict[str, Any]:
    facts = {
        "unpivot_keep": "id",
        "unpivot_name": "name",
        "unpivot_value": "value",
        "unpivot_skip": "",
        **options,
    }
    return {"columns": ["id", "name", "value"], "wrangle_function": "unpivot", "options": facts}


MANY = b"".join(b"%d,name\n" % n for n in range(1000, 1500))

BROKEN: list[tuple[str, dict[str, Any], bytes, str]] = [
    (
        "nothing.csv",
        {},
        b"",
        "nothing.csv: empty, expected a header",
    ),
    (
        "short_line.csv",
        {},
        b"id,name\n1,Ulm\n2\n",
        "short_line.csv:3: 1 field, expected 2 as in the header",
    ),
    (
        "long_line.csv",
        {},
        b'id,name\n1,Ulm\n2,"a\nb"\n3,Bonn,am Rhein\n',
        "long_line.csv:5: 3 fields, expected 2 as in the header",
    ),
    (
        "cut_off.csv",
        {},
        b'id,name\n1,Ulm\n2,"Bonn',
        "cut_off.csv:3: the record that begins here has a quote that is not closed before the end of the file",
    ),
    (
        "misquoted.csv",
        {},
        b'id,name\n1,"Ulm" an der Donau\n',
        """misquoted.csv:2: not well-formed CSV: ',' expected after '"'""",
    ),
    (
        "undecodable.csv",
        {},
        b"id,name\n" + MANY + "1,Köln\n".encode("latin-1"),
        "undecodable.csv:502: byte 0xf6 at offset 5011 is not utf-8, "
        "expected text in that encoding (source_attribute encoding)",
    ),
    (
        "half_a_character.csv",
        {"options": {"encoding": "utf-16-le"}},
        "id,name\n1,Ulm\n".encode("utf-16-le")[:-1],
        "half_a_character.csv:2: byte 0x0a at offset 26 is not utf-16-le, "
        "expected text in that encoding (source_attribute encoding)",
    ),
    (
        "nul.csv",
        {},
        b"id,name\r\n1,Ulm\r\n2,Bo\0nn\r\n",
        "nul.csv:3: a NUL byte, expected text",
    ),
    (
        "no_header.csv",
        {"options": {"header_line": "3"}},
        b"Report\nof today\n\nid,name\n1,Ulm\n",
        "no_header.csv:3: a blank line, expected the header (source_attribute header_line)",
    ),
    (
        "too_few_lines.csv",
        {"options": {"header_line": "5"}},
        b"Report\nid,name\n1,Ulm\n",
        "too_few_lines.csv: fewer lines than 5, on which its header is expected (header_line)",
    ),
    (
        "cut_off_header.csv",
        {},
        b'id,"name\n1,Ulm\n',
        "cut_off_header.csv:1: the record that begins here has a quote that is not closed before the end of the file",
    ),
    (
        "no.zip",
        {},
        b"<html>Not found</html>",
        "no.zip: got an HTML page ('Not found'), expected a ZIP: "
        "once the publisher has mended it, the next run takes it",
    ),
    (
        "text.zip",
        {},
        GOOD,
        "text.zip: not a ZIP that can be read (File is not a zip file), expected one",
    ),
    (
        "cut_off.zip",
        {},
        zipped({"places.csv": b"id,name\n" + MANY})[:900],
        "cut_off.zip: a ZIP that is cut off or damaged (File is not a zip file), expected it whole",
    ),
    (
        "page_inside.zip",
        {},
        zipped({"places.csv": b"<!DOCTYPE html><title></title><body>Come\nback"}),
        "page_inside.zip/places.csv: got an HTML page ('Come back'), expected CSV: "
        "once the publisher has mended it, the next run takes it",
    ),
    *(
        (
            name,
            {},
            content,
            f"{name}: got {got}, expected CSV: once the publisher has mended it, the next run takes it",
        )
        for name, content, got in (
            (
                "page.csv",
                b"\r\n <!DOCTYPE HTML><html><head><title>\n 503 &ndash; Service\n Unavailable</title></head>",
                "an HTML page ('503 \u2013 Service Unavailable')",
            ),
            (
                "signed_page.csv",
                b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- by\nus --><HTML lang=en><style>b {}</style>Log in!",
                "an HTML page ('Log in!')",
            ),
            ("long_page.csv", b"<html>" + b"word " * 90_000, f"an HTML page ({('word ' * 16)[:-1]!r})"),
            (
                "error.csv",
                b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
                "an XML document",
            ),
            (
                "archive.csv.gz",
                gzip.compress(zipped({"places.csv": GOOD})),
                "a ZIP (Excel's .xlsx is one too)",
            ),
            ("twice.csv.gz", gzip.compress(gzip.compress(GOOD)), "a gzip file"),
            ("archive.tar.gz", gzip.compress(b"places.csv".ljust(257, b"\0") + b"ustar"), "a tar archive"),
            ("report.csv", b"%PDF-1.7\n%...", "a PDF"),
        )
    ),
    (
        "workbook.csv",
        {},
        zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}),
        "workbook.csv: got an Excel workbook, expected another format (format excel reads it)",
    ),
    (
        "cut_off.csv.gz",
        {},
        gzip.compress(b"id,name\n" + MANY)[:-20],
        "cut_off.csv.gz: the gzip file is damaged or cut off (Compressed file ended before the end-of-stream marker"
        " was reached), expected it whole",
    ),
    (
        "cut_off.csv.bz2",
        {},
        bz2.compress(b"id,name\n" + MANY)[:-20],
        "cut_off.csv.bz2: the bzip2 file is damaged or cut off (it ends before its end mark), expected it whole",
    ),
    (
        "garbled.csv.xz",
        {},
        lzma.compress(b"id,name\n" + MANY) + b"!",
        "garbled.csv.xz: the xz file is damaged or cut off (it ends before its end mark), expected it whole",
    ),
    (
        "page.csv.gz",
        {},
        b"<html><title>Sorry",
        "page.csv.gz: got an HTML page ('Sorry'), expected CSV: "
        "once the publisher has mended it, the next run takes it",
    ),
    (
        "short_line.csv.gz",
        {},
        gzip.compress(b"id,name\n1\n" + MANY),
        "short_line.csv.gz:2: 1 field, expected 2 as in the header",
    ),
    (
        "damaged_behind.csv.gz",  # the damage is to blame, not the line
        {},
        gzip.compress(b"id,name\n1\n" + MANY)[:-6] + b"xxxxxx",
        "damaged_behind.csv.gz: the gzip file is damaged or cut off (CRC check failed 0x7878fff5 != 0x5cd4fff5),"
        " expected it whole",
    ),
    (
        "bomb.csv.gz",
        {"options": {"max_unpacked_mib": "1"}},
        gzip.compress(b"id,name\n" + b"1,x\n" * 500_000),
        "bomb.csv.gz: unpacks from 1988 to 1052672 bytes, expected at most 1 MiB (max_unpacked_mib)"
        " and 500 times its packed size (max_unpacked_ratio)",
    ),
    (
        "two_members.zip",
        {},
        zipped({"places.csv": GOOD, "readme.txt": b"hello"}),
        "two_members.zip: the ZIP holds places.csv, readme.txt, expected exactly one file, or one that"
        " zip_member chooses",
    ),
    (
        "other_member.zip",
        {"options": {"zip_member": r"places\.csv$"}},
        zipped({"readme.txt": b"hello"}),
        r"other_member.zip: the ZIP holds readme.txt, expected exactly one that matches places\.csv$ (zip_member)",
    ),
    (
        "encrypted.zip",
        {},
        encrypted(zipped({"places.csv": GOOD})),
        "encrypted.zip: places.csv in the ZIP is encrypted, expected it open",
    ),
    (
        "damaged.zip",
        {},
        damaged(zipped({"places.csv": b"id,name\n" + MANY})),
        "damaged.zip/places.csv: damaged in the ZIP (Bad CRC-32 for file 'places.csv'), expected it whole",
    ),
    (
        "bomb.zip",
        {},
        bomb(zipped({"places.csv": GOOD}, zipfile.ZIP_STORED)),
        "bomb.zip/places.csv: unpacks from 132 to 4000000000 bytes, "
        "expected at most 65536 MiB (max_unpacked_mib) and 500 times its packed size (max_unpacked_ratio)",
    ),
    (
        "broken_member.zip",
        {},
        zipped({"data/places.csv": b"id,name\n1\n"}),
        "broken_member.zip/data/places.csv:2: 1 field, expected 2 as in the header",
    ),
    (
        "wide.csv",
        unpivoting(unpivot_keep="key"),
        b"id,USD,USD\n1,2,3\n",
        "wide.csv:1: the header lacks 'key', expected each column once (wrangle unpivot)",
    ),
    (
        "twice.csv",
        unpivoting(),
        b"id,USD,JPY,USD\n1,2,3,4\n",
        "twice.csv:1: the header has 'USD' twice, expected each column once (wrangle unpivot)",
    ),
    (
        "nameless.csv",
        unpivoting(),
        b"id,USD,\n1,2,\n2,3,4\n",
        "nameless.csv:3: '4' in column 3, which has no name: expected a name, or only values of unpivot_skip",
    ),
]


PACKED = {
    "places.csv.gz": gzip.compress(GOOD[:9]) + gzip.compress(GOOD[9:]),
    "places.csv.bz2": bz2.compress(GOOD[:9]) + bz2.compress(GOOD[9:]),
    "places.csv.xz": lzma.compress(GOOD[:9]) + lzma.compress(GOOD[9:]),
    "places.csv": gzip.compress(GOOD),
    "unpacked_on_the_way.csv.gz": GOOD,
    "unpacked_on_the_way.csv.bz2": GOOD,
    "unpacked_on_the_way.csv.xz": GOOD,
    "places.dat": zipped({"places.csv": GOOD}),
    "places.zip": zipped({"places.csv.xz": lzma.compress(GOOD)}),
}


@pytest.mark.parametrize("name", PACKED)
def test_what_is_packed_is_unpacked_by_its_content(loader: Loader, name: str) -> None:
    loader.load(make_source(), PACKED[name], name)
    assert loader.rows("line_number", "id", "name") == [(2, "1", "Ulm")]


@pytest.mark.parametrize(("name", "source", "content", "message"), BROKEN, ids=[case[0] for case in BROKEN])
def test_a_broken_file_is_refused_by_name_line_and_reason(
    database: Engine,
    store: ObjectStore,
    job_inst_id: int,
    name: str,
    source: dict[str, Any],
    content: bytes,
    message: str,
) -> None:
    messages: list[tuple[str, str]] = []

    def report(level: str, message: str, **_context: Any) -> None:
        messages.append((level, message))

    broken = make_source(**source)
    delivery = land_bytes(database, store, broken, content, name, job_inst_id)

    summary = load_pending(database, store, broken, job_inst_id, report)

    assert [(d.delivery_sqn, check, why) for d, check, why in summary.refused] == [
        (delivery.delivery_sqn, "format", message)
    ]
    assert messages == [
        ("error", f"places: delivery {delivery.delivery_sqn} is halted, nothing of it is in raw: {message}")
    ]
    with database.connect() as connection:
        assert connection.execute(sa.text("select to_regclass('raw.places')")).scalar() is None
        events = connection.execute(sa.text("select event, checks, why from metadata.delivery_event")).all()
        assert [tuple(event) for event in events] == [("halted", ["format"], message)]
    assert load_pending(database, store, broken, job_inst_id, report).refused == []  # it is not tried again


def test_the_others_go_on(database: Engine, store: ObjectStore, job_inst_id: int) -> None:
    for name, content in (("a.csv", GOOD), ("b.csv", b"id,name\n1\n"), ("c.csv", GOOD)):
        land_bytes(database, store, make_source(), content, name, job_inst_id)
    summary = load_pending(database, store, make_source(), job_inst_id, lambda *_, **__: None)
    assert [delivery.publisher_name for delivery, _ in summary.loaded] == ["a.csv", "c.csv"]
    assert [why for _, _, why in summary.refused] == ["b.csv:2: 1 field, expected 2 as in the header"]
    with database.connect() as connection:
        assert connection.execute(sa.text("select count(*) from raw.places")).scalar() == 2


def test_a_damaged_zip_is_refused_wherever_the_damage_is() -> None:
    whole = zipped({"places.csv": b"id,name\n" + MANY[:500]})
    for place in range(len(whole)):
        for damage in (
            whole[:place],
            *(whole[:place] + bytes([b]) + whole[place + 1 :] for b in (0, 0x41, 0xFF)),
        ):
            with (  # what does not matter may be damaged
                suppress(FormatBroken),
                open_members(io.BytesIO(damage), "f.zip", None, Expansion(Limits(), len(damage))) as members,
            ):
                [(stream, _)] = members
                content = b"".join(iter(partial(stream.read, 100), b""))
                assert content == b"id,name\n" + MANY[:500]
