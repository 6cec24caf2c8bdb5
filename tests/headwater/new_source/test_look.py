"""How a file is read: found out for files of many kinds, and verified by the reader that will load them."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest

from headwater.metadata.errors import FormatBroken, NewSourceRefused
from headwater.new_source.look import look_at


def workbook(*rows: list[object], sheets: int = 1) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for _ in range(sheets - 1):
        book.create_sheet()
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_csv", ".csv"), content)
    return buffer.getvalue()


PLAIN = b"id,name\n1,a\n2,b\n"
RECORDS = [{"id": 1, "at": {"lat": 1.5, "tags": ["x"]}}, {"id": 2, "at": {"lat": 2.5, "tags": []}}]
LOOKS = {
    "plain.csv": (PLAIN, {}, ["id", "name"], ["1", "a"]),
    "bom.csv": (b"\xef\xbb\xbf" + PLAIN, {}, ["id", "name"], ["1", "a"]),
    "semicolon.csv": (b"id;n\n1;1,5\n2;2,5\n", {"delimiter": ";"}, ["id", "n"], ["1", "1,5"]),
    "tab.txt": (b"id\tn\n1\ta, b\n2\tc, d\n", {"delimiter": "\t"}, ["id", "n"], ["1", "a, b"]),
    "pipe.csv": (b'id|n\n1|5" pipe\n2|x\n', {"delimiter": "|"}, ["id", "n"], ["1", '5" pipe']),
    "stray.csv": (
        b'id|n\n1|"pipe" x\n2|"x\n', {"delimiter": "|", "quote_char": ""}, ["id", "n"], ["1", '"pipe" x']
    ),
    "single.csv": (b"id,n\n1,'a,b'\n2,'c,d'\n", {"quote_char": "'"}, ["id", "n"], ["1", "a,b"]),
    "breaks.csv": (b'id,n\n1,"a\nb, c"\n2,d\n', {}, ["id", "n"], ["1", "a\nb, c"]),
    "cr.csv": (b"id,n\r1,a\r2,b\r", {}, ["id", "n"], ["1", "a"]),
    "above.csv": (
        b"Report of 2026, all\nsee, also, page\n\nid,n\n1,a\n", {"header_line": "4"}, ["id", "n"], ["1", "a"]
    ),
    "spreadsheet.csv": (
        b",,\nReport of 2026,,\nid,n,\n1,a,\n2,b,\n", {"header_line": "3"}, ["id", "n", ""], ["1", "a", ""]
    ),
    "one.csv": (b"name\na\nb\n", {}, ["name"], ["a"]),
    "latin.csv": (b"id,n\n1,M\xfcnchen\n", {"encoding": "cp1252"}, ["id", "n"], ["1", "München"]),
    "utf16.csv": ("id,n\n1,é\n".encode("utf-16"), {"encoding": "utf-16"}, ["id", "n"], ["1", "é"]),
    "padded.csv": (b"id, name\n1, a\n2, b\n", {"trim_whitespace": "true"}, ["id", "name"], ["1", "a"]),
    "packed.csv.gz": (gzip.compress(PLAIN), {}, ["id", "name"], ["1", "a"]),
    "packed.zip": (zipped(a_csv=PLAIN), {}, ["id", "name"], ["1", "a"]),
    "list.json": (
        json.dumps(RECORDS).encode(), {"format": "json"}, ["id", "at.lat", "at.tags"], ["1", "1.5", '["x"]']
    ),
    "inside.json": (
        json.dumps({"n": [{"x": 1}], "data": {"items": RECORDS}}).encode(),
        {"format": "json", "record_path": "data.items"}, ["id", "at.lat", "at.tags"], ["1", "1.5", '["x"]'],
    ),
    "lines.json": (b'{"a": 1}\n{"a": 2, "b": "x"}\n', {"format": "ndjson"}, ["a", "b"], ["1", None]),
    "map.json": (
        b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"a": 1},'
        b' "geometry": {"type": "Point", "coordinates": [1, 2]}}]}',
        {"format": "geojson"}, ["a", "geometry"], ["1", "POINT (1 2)"],
    ),
    "feed.xml": (
        b"<feed><title>x</title><list><item><a>1</a></item><item><a>2</a></item></list></feed>",
        {"format": "xml", "record_path": "feed.list.item"}, ["a"], ["1"],
    ),
    "book.xlsx": (workbook(["id", "n"], [1, "a"]), {"format": "excel"}, ["id", "n"], ["1", "a"]),
    "titled.xlsx": (
        workbook(["Report"], [], ["id", "n"], [1, "a"]),
        {"format": "excel", "header_line": "3"}, ["id", "n"], ["1", "a"],
    ),
    "misnamed.csv": (workbook(["id", "n"], [1, "a"]), {"format": "excel"}, ["id", "n"], ["1", "a"]),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKS)
def test_how_a_file_is_read_is_found_out(tmp_path: Path, name: str) -> None:
    content, options, header, first = LOOKS[name]
    (tmp_path / name).write_bytes(content)
    found = look_at(tmp_path / name, name, {})
    assert found.options == options
    assert [column.name for column in found.columns] == header
    assert [column.values[0] for column in found.columns] == first
    assert found.is_whole


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b" \n\n", "nothing but white space"),
        (b"%PDF-1.7 x", "a PDF"),
        (b"<!DOCTYPE html><html><title>Gone</title></html>", "an HTML page"),
        (b"\x00\x01\x02\x03\xff" * 50, "a file of bytes"),
        (zipped(a_csv=PLAIN, b_csv=PLAIN), "zip_member"),
        (workbook(["id", "n"], [1, "a"], sheets=2), "sheet"),
        (b'{"a": [1, 2', "json"),
        (b"PK\x03\x04 cut off", "ZIP"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "data.any"
    path.write_bytes(content)
    with pytest.raises((FormatBroken, NewSourceRefused), match=f"(?i)data.any.*{says}"):
        look_at(path, path.name, {})


def test_an_option_that_is_given_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook(["id", "n"], [1, "a"], sheets=2))
    assert look_at(path, path.name, {"sheet": "1"}).options == {"format": "excel", "sheet": "1"}
    path.write_bytes(b"a;b\n1;2\n")
    assert [column.name for column in look_at(path, path.name, {"delimiter": "~"}).columns] == ["a;b"]


def test_a_file_that_is_larger_than_what_is_checked_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.new_source.look.MOST_VALUES", 4)
    (tmp_path / "a.csv").write_bytes(PLAIN + b"3,c\n")
    found = look_at(tmp_path / "a.csv", "a.csv", {})
    assert (found.records, found.is_whole) == (2, False)
