"""Excel: every cell as text, without loss, with its row of the sheet; .xlsx, .xls and .ods alike."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlrd
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.extract.formats.cell_text import number_text, shows_clock
from headwater.extract.formats.excel import column_letters
from headwater.metadata.errors import FormatBroken
from tests.support.reading_formats import opened, read, refusal, rows
from tests.support.sources import make_source
from tests.support.workbooks import ods_around

DATA = Path(__file__).parent / "data"


def xlsx(sheets: Mapping[str, Sequence[Sequence[Any]]], merged: Sequence[str] = (), **formats: str) -> bytes:
    """A workbook; `formats` are number formats by cell, `merged` ranges of the first sheet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(list(line))
    first = book.worksheets[0]
    for place, number_format in formats.items():
        first[place].number_format = number_format
    for place in merged:
        first.merge_cells(place)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def edited(workbook: bytes, member: str, old: str, new: str) -> bytes:
    """The same ZIP with a text in a member replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as before, zipfile.ZipFile(buffer, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == member:
                # where there is lxml, openpyxl writes empty elements in another way
                content = (
                    content.replace(b"/>", b" />").replace(b"  />", b" />").replace(b"<v></v>", b"<v />")
                )
                assert old.encode() in content
                content = content.replace(old.encode(), new.encode())
            after.writestr(name, content)
    return buffer.getvalue()


def ods(tables: str) -> bytes:
    """A workbook of OpenDocument around its tables."""
    return ods_around(tables, compression=zipfile.ZIP_DEFLATED)


CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(
        st.characters(codec="utf-8", min_codepoint=32, exclude_characters="_\x7f\ufffe\uffff"), min_size=1
    )
)


def as_text(value: Any) -> str | None:
    """Return what a cell has to be as text, said without our code."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return format(Decimal(repr(value)).normalize() if value else Decimal(0), "f")


@settings(max_examples=40)
@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=4))
def test_cells_are_what_was_written(lines: list[list[Any]]) -> None:
    # openpyxl writes 16 digits of a number, and takes a text that begins with = for a formula
    lines = [[float(f"{c:.15g}") if isinstance(c, float) else c for c in line] for line in lines]
    lines = [[c.lstrip("=#") or None if isinstance(c, str) else c for c in line] for line in lines]
    header, found = read("excel", xlsx({"Sheet": [["a", "b"], *lines]}))
    assert header == ("a", "b")
    expected = [tuple(as_text(value) for value in line) for line in lines]
    assert found == [line for line in expected if any(value is not None for value in line)]


def test_moments_are_iso_and_show_a_time_of_day_where_their_cells_do() -> None:
    moment, day = datetime.fromisoformat("2026-01-02T03:04:05.678"), datetime.fromisoformat("2026-01-02")
    cells = [moment, day, day, date(2026, 1, 2), time(1, 2, 3), timedelta(hours=30, minutes=5), moment]
    content = xlsx(
        {"Sheet": [list("abcdefg"), cells]}, B2="yyyy-mm-dd", C2="dd/mm/yyyy hh:mm", G2='"s"dd.mm.yyyy'
    )
    assert read("excel", content)[1] == [
        (
            "2026-01-02 03:04:05.678000", "2026-01-02", "2026-01-02 00:00:00", "2026-01-02", "01:02:03",
            "30:05:00", "2026-01-02 03:04:05.678000",
        )
    ]  # fmt: skip


def test_serials_count_from_1904_where_the_workbook_says_so() -> None:
    content = xlsx({"Sheet": [["a"], [45_000]]}, A2="yyyy-mm-dd")
    assert read("excel", content)[1] == [("2023-03-15",)]
    since_1904 = edited(content, "xl/workbook.xml", "<workbookPr />", '<workbookPr date1904="1" />')
    assert read("excel", since_1904)[1] == [("2027-03-16",)]


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.0, "1"), (-0.5, "-0.5"), (1e20, "1" + "0" * 20), (1e-7, "0.0000001"), (0.1, "0.1")],
)
def test_numbers_have_no_exponent_and_no_idle_point(number: float, text: str) -> None:
    assert number_text(number) == text


@pytest.mark.parametrize(
    ("number_format", "has_clock"),
    [
        ("h:mm", True),
        ("yyyy-mm-dd", False),
        ("[$-409]d-mmm", False),
        ('dd" hours"', False),
        (r"mm\h", False),
        ("ss", True),
    ],
)
def test_a_clock_is_told_from_words(number_format: str, has_clock: bool) -> None:
    assert shows_clock(number_format) is has_clock


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("line1_x000D_\nline2", "line1\r\nline2"),
        ("_x005F_x000D_", "_x000D_"),  # how Excel stores a text that looks like an escape
        ("x005F_", "x005F_"),
        ("_xD83D_", "_xD83D_"),
        ("_x00e9__xZZZZ_", "é_xZZZZ_"),
    ],
)
@pytest.mark.parametrize(
    "cell",
    [
        '<c r="B2" t="s"><v>0</v></c>',
        '<c r="B2" t="inlineStr"><is><t>{}</t></is></c>',
        '<c r="B2" t="str"><f>A1</f><v>{}</v></c>',
    ],
)
def test_what_excel_escapes_is_what_was_typed(stored: str, text: str, cell: str) -> None:
    book = xlsx({"s": [["n", "t"], [1, "here"]]})
    here = '<c r="B2" t="inlineStr"><is><t>here</t></is></c>'
    book = edited(book, "xl/worksheets/sheet1.xml", here, cell.format(stored))
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    buffer = io.BytesIO(edited(book, "[Content_Types].xml", "</Types>", part))
    with zipfile.ZipFile(buffer, "a") as archive:
        namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{namespace}"><si><t>{stored}</t></si></sst>')
    assert read("excel", buffer.getvalue()) == (("n", "t"), [("1", text)])


def test_errors_keep_their_names_and_formulas_their_values() -> None:
    content = xlsx({"Sheet": [["a", "b", "c", "d"], ["#N/A", "=1/0", "=1+1", "=A9"]]})
    for formula, stored in (
        ("<f>1/0</f><v />", "<f>1/0</f><v>#DIV/0!</v>"),
        ("<f>1+1</f><v />", "<f>1+1</f><v>2</v>"),
        ('<c r="D2"><f>A9</f><v />', '<c r="D2" t="str"><f>A9</f><v></v>'),
        ('<c r="B2"', '<c r="B2" t="e"'),
    ):
        content = edited(content, "xl/worksheets/sheet1.xml", formula, stored)
    assert read("excel", content)[1] == [("#N/A", "#DIV/0!", "2", "")]


def test_a_record_has_the_row_of_its_sheet_and_blank_rows_are_none() -> None:
    content = xlsx({"Sheet": [["Report"], [], ["id", "name", "note"], [1, "Ulm"], [], [None, None, "x"]]})
    source = make_source(options={"format": "excel", "header_line": "3"})
    assert rows(source, content) == [
        (4, ["1", "Ulm", '{"note":null}']), (6, [None, None, '{"note":"x"}']),
    ]  # fmt: skip


def test_lines_of_a_header_are_joined_and_merged_cells_stand_for_all_that_they_cover() -> None:
    content = xlsx(
        {"Sheet": [["id", "Sales", None, "Note"], [None, 2024, 2025, "of\nthe shop"], [1, 2, 3, 4]]},
        merged=["A1:A2", "B1:C1"],
    )
    assert read("excel", content, header_rows="2") == (
        ("id", "Sales 2024", "Sales 2025", "Note of\nthe shop"), [("1", "2", "3", "4")],
    )  # fmt: skip


def test_the_sheet_is_named_or_numbered_or_the_only_one() -> None:
    content = xlsx({"One": [["a"], [1]], "2": [["b"], [2]], "Three": [["c"], [3]]})
    assert read("excel", content, sheet="Three")[0] == ("c",)
    assert read("excel", content, sheet="2")[0] == ("b",)
    assert read("excel", content, sheet="3")[0] == ("c",)
    assert refusal("excel", content) == (
        "f: its sheets are 'One', '2', 'Three', expected one of them named by the option sheet"
    )
    assert (
        refusal("excel", content, sheet="4") == "f: its sheets are 'One', '2', 'Three', expected '4' (sheet)"
    )


def test_xls_is_read_as_xlrd_reads_it() -> None:
    content = (DATA / "table-with-ints-floats-dates.xls").read_bytes()
    sheet = xlrd.open_workbook(file_contents=content).sheet_by_index(0)
    header, found = read("excel", content)
    assert list(header) == sheet.row_values(0)
    assert [(int(number), float(point)) for number, point, _ in found] == [
        (int(sheet.cell_value(row, 0)), sheet.cell_value(row, 1)) for row in range(1, sheet.nrows)
    ]
    assert found[0] == ("2013", "3.3", "2009-08-16")


ODS = """
<table:table table:name="One"><table:table-row><table:table-cell/></table:table-row></table:table>
<table:table table:name="Two">
<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>
<table:table-row><table:table-cell table:number-columns-spanned="2" office:value-type="string"><text:p>h</text:p>
</table:table-cell><table:covered-table-cell/><table:table-cell office:value-type="string"><text:p>i</text:p>
</table:table-cell><table:table-cell table:number-columns-repeated="4"/></table:table-row>
<table:table-row>
<table:table-cell table:number-columns-repeated="2" office:value-type="float" office:value="1.10"/>
<table:table-cell office:value-type="string"><text:p>a<text:s text:c="2"/>b<text:span>c</text:span>d</text:p>
<text:p/></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="2">
<table:table-cell office:value-type="date" office:date-value="2026-01-02T03:04:05"/>
<table:table-cell office:value-type="time" office:time-value="PT30H05M00S"/>
<table:table-cell office:value-type="boolean" office:boolean-value="true"/></table:table-row>
<table:table-row table:number-rows-repeated="1000"><table:table-cell/></table:table-row>
<table:table-row><table:table-cell office:value-type="date" office:date-value="2026-01-02"/>
<table:table-cell/><table:table-cell office:value-type="string"><text:p>#N/A</text:p></table:table-cell></table:table-row>
</table:table>"""


def test_ods_is_read_as_it_is_written() -> None:
    found = opened(
        make_source(options={"format": "excel", "sheet": "Two", "header_line": "3", "header_rows": "2"}),
        ods(ODS),
    )
    assert found.header == ("h 1.10", "h 1.10", "i a  bcd\n")
    assert list(found.records()) == [
        (5, ["2026-01-02 03:04:05", "30:05:00", "true"]),
        (6, ["2026-01-02 03:04:05", "30:05:00", "true"]),
        (1007, ["2026-01-02", None, "#N/A"]),
    ]


GOOD = xlsx({"Sheet": [["id", "name"], [1, "Ulm"]]})
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
REFUSED: list[tuple[str, bytes, dict[str, str], str]] = [
    ("nothing", b"", {}, "f: got nothing, expected one of .xlsx, .xls or .ods (format excel)"),
    (
        "a_csv",
        b"id,name\n",
        {},
        "f: got no Excel workbook, expected one of .xlsx, .xls or .ods (format excel)",
    ),
    (
        "a_page",
        b"<html><title>No",
        {},
        "f: got an HTML page ('No'), expected one of .xlsx, .xls or .ods (format excel)",
    ),
    ("cut_off", GOOD[:2000], {}, "f: not an .xlsx workbook that can be read (File is not a zip file)"),
    (
        "no_header",
        GOOD,
        {"header_line": "7"},
        "f:7: a blank row, expected the header (source_attribute header_line, sheet)",
    ),
    (
        "right_of_the_header",
        xlsx({"Sheet": [["id", "name"], [1, "Ulm"], [2, "Bonn", None, "see below"]]}),
        {},
        "f:3: 'see below' in D3, expected nothing right of the header, which ends in column B",
    ),
    (
        "uncalculated",
        xlsx({"Sheet": [["id", "name"], [1, "=A2"]]}),
        {},
        (
            "f:2: the formula in B2 has no value, expected the one that Excel stores when it "
            "saves the workbook"
        ),
    ),
    (
        "entities",
        edited(GOOD, "xl/worksheets/sheet1.xml", "<worksheet", f"{BOMB}<worksheet"),
        {},
        (
            "f: not an .xlsx workbook that can be read (EntitiesForbidden(name='a', "
            "system_id=None, public_id=None))"
        ),
    ),
    (
        "entities_in_ods",
        edited(ods(ODS), "content.xml", "<office:document-content", f"{BOMB}<office:document-content"),
        {},
        ("f: not an .ods workbook that can be read (DTDForbidden(name='x', system_id=None, public_id=None))"),
    ),
    (
        "large",
        xlsx({"Sheet": [["id"], *([number] for number in range(60_000))]}),
        {"max_unpacked_mib": "1"},
        (
            " bytes, expected at most 1 MiB (max_unpacked_mib) and 500 times its packed size "
            "(max_unpacked_ratio)"
        ),
    ),
    (
        "endless_ods",
        ods(
            '<table:table table:name="T"><table:table-row table:number-rows-repeated="99999999">'
            '<table:table-cell office:value-type="string"><text:p>a</text:p></table:table-cell></table:table-row>'
            "</table:table>"
        ),
        {"header_line": "1048576"},
        "f: more than 1048576 rows, expected no more",
    ),
    (
        "old_office",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 3000,
        {},
        "f: not an .xls workbook that can be read (",
    ),
]


@pytest.mark.parametrize(
    ("content", "options", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_is_broken_is_refused(content: bytes, options: dict[str, str], message: str) -> None:
    answer = refusal("excel", content, **options)
    assert answer.startswith(message) if message.startswith("f") else answer.endswith(message)


@pytest.mark.parametrize("name", ["GOOD", "merged-cells.xls"])
def test_damage_anywhere_ends_in_a_refusal_or_in_records(name: str) -> None:
    whole = GOOD if name == "GOOD" else (DATA / name).read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        for damage in (whole[:place], whole[:place] + b"\xff\x00A" + whole[place + 3 :]):
            with suppress(FormatBroken):
                read("excel", damage)


def test_columns_are_called_as_in_a_sheet() -> None:
    assert [column_letters(column) for column in (1, 26, 27, 702, 703)] == ["A", "Z", "AA", "ZZ", "AAA"]
