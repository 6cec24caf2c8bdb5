"""Guesses are called guesses: each kind with the lines or values that it rests on, and the flag that settles it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl
import pytest

from headwater.metadata.errors import DoubtsUnsettled, FormatBroken, NewSourceRefused
from headwater.new_source.begin import Given, parse_options, prepare_proposal, require_no_harm
from headwater.new_source.doubt import Doubt
from headwater.new_source.proposal import Proposal
from headwater.new_source.proposal_doubts import doubts_of, harmful_doubts_of
from headwater.project import Project

SETTLED = Given(key=("id",), delivery_type="snapshot")


def proposed(project: Project, path: Path, given: Given = SETTLED) -> Proposal:
    return prepare_proposal(project, "things", str(path), given)


def file(folder: Path, content: bytes | str, name: str = "things.csv") -> Path:
    folder = folder / "files"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / name


def of(proposal: Proposal, about: str) -> list[Doubt]:
    return [doubt for doubt in doubts_of(proposal) if doubt.about == about]


def harmful(proposal: Proposal) -> list[str]:
    return [doubt.about for doubt in harmful_doubts_of(proposal)]


def with_options(*options: str) -> Given:
    return Given(key=("id",), delivery_type="snapshot", options=parse_options(options))


def test_what_no_file_says_is_a_doubt_until_a_flag_settles_it(project: Project, tmp_path: Path) -> None:
    path = file(tmp_path, "id,name,amount\n1,a,1.5\n2,b,2.5\n")
    proposal = proposed(project, path, Given())
    assert harmful(proposal) == ["delivery_type"]
    with pytest.raises(DoubtsUnsettled, match=r"(?s)1 guess could lose or change data.*--type snapshot"):
        require_no_harm(proposal)
    require_no_harm(proposed(project, path, Given(delivery_type="snapshot")))
    assert "2 records, which is few" in str(of(proposal, "key")[0])
    assert "amount is numeric" in of(proposal, "datatype")[-1].guess


@pytest.mark.parametrize("delimiter", ["|", ";", ",", "\t"])
@pytest.mark.parametrize("value", ["Dublin", "5"])
def test_rows_that_end_with_a_delimiter_do_not_make_the_first_record_the_header(
    project: Project, tmp_path: Path, delimiter: str, value: str
) -> None:
    rows = ["isin|name|venue", f"IE01|Alpha|{value}|", f"FR02|Beta|{value}|", f"DE03|Gamma|{value}|"]
    path = file(tmp_path, "".join(f"{row}\n" for row in rows).replace("|", delimiter))
    proposal = proposed(project, path, Given(delivery_type="snapshot"))
    [doubt] = of(proposal, "header_line")
    assert doubt.is_harmful
    assert "line 1 is likely the header, and line 2 a record" in doubt.rests_on
    assert doubt.flag == "--option header_line=2"


@pytest.mark.parametrize(
    "above",
    ["Report of 2026\n", "id name\n", "Stock, all of it\nas of today\n\n", "id;name;\n"],
)
def test_whatever_stands_above_the_header_that_was_guessed_is_shown(
    project: Project, tmp_path: Path, above: str
) -> None:
    path = file(tmp_path, f"{above}id;name\n1;a\n2;b\n")
    [doubt] = of(proposed(project, path), "header_line")
    assert doubt.is_harmful
    assert above.splitlines()[0] in doubt.rests_on
    assert not of(proposed(project, path, with_options(doubt.flag.removeprefix("--option "))), "header_line")


@pytest.mark.parametrize("first", ["# id;name", "Stock;2026", "id;n", "number;text"])
def test_a_first_record_unlike_all_others_may_be_the_header(
    project: Project, tmp_path: Path, first: str
) -> None:
    path = file(tmp_path, f"{first}\nid;n\n1;5\n2;6\n")
    [doubt] = of(proposed(project, path, Given(delivery_type="snapshot")), "header_line")
    assert (doubt.is_harmful, doubt.choices) == (True, ("1", "2"))


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_only_what_the_reader_takes_for_a_line_break_is_one(
    project: Project, tmp_path: Path, sign: str
) -> None:
    path = file(tmp_path, f"id,name,place\n1,a{sign}b,x\n2,c,y\n")
    proposal = proposed(project, path)
    assert (proposal.records, "header_line" in proposal.options) == (2, False)
    if sign >= " ":  # in JSON, those below are written as escapes
        path = file(tmp_path, f'{{"id": 1, "name": "a{sign}b"}}\n{{"id": 2, "name": "c"}}\n', "things.json")
        assert proposed(project, path).options["format"] == "ndjson"


@pytest.mark.parametrize(
    ("content", "is_doubtful"),
    [
        ("name;city\nAlpha;Dublin\nBeta;Paris\n", False),
        ("IE01;Alpha\nFR02;Beta\nDE03;Gamma\n", True),
        ("Alpha;Dublin\nBeta;Paris\nGamma;Berlin\n", True),
        ("isin;Gesellschaft\nIE01;Alpha\nFR02;Beta\n", False),
        ("Kunde;Stadt\nK-01;Bonn\nK-02;Köln\n", False),
    ],
)
def test_a_first_line_that_may_be_a_record_is_a_doubt(
    project: Project, tmp_path: Path, content: str, is_doubtful: bool
) -> None:
    proposal = proposed(project, file(tmp_path, content), Given(delivery_type="snapshot"))
    assert [doubt.is_harmful for doubt in of(proposal, "header_line")] == [True] * is_doubtful


@pytest.mark.parametrize(
    ("content", "about"),
    [
        ("id;a,b\n1;2,5\n2;3,5\n", "delimiter"),
        ("id#n\n1#x\n2#y\n", "delimiter"),
        ("id n\n1 x\n2 y\n", "delimiter"),
        ("id;n\n1;2\n1;2;3\n", "delimiter"),
        ("id;n\n1;'a;b'\n2;'c'\n", "quote_char"),
        ('id|n\n1|"pipe" x\n2|"y"\n', "quote_char"),
    ],
)
def test_another_dialect_that_fits_is_a_doubt(
    project: Project, tmp_path: Path, content: str, about: str
) -> None:
    proposal = proposed(project, file(tmp_path, content), Given(delivery_type="snapshot"))
    assert about in harmful(proposal)


POLISH = "id;city\n1;Łódź\n2;Kraków\n3;Gdańsk\n"


@pytest.mark.parametrize(
    ("encoding", "text", "guess"),
    [
        ("cp1250", POLISH, "cp1250"), ("iso-8859-2", POLISH, "iso-8859-2"),
        ("cp1252", "id;city\n1;München\n2;Köln\n", "cp1252"), ("iso-8859-15", "id;x\n1;10 €\n2;é\n", "cp1252"),
        ("cp1251", "id;city\n1;Москва\n2;Смоленск\n", None), ("mac-roman", "id;city\n1;München\n", None),
    ],
)  # fmt: skip
def test_an_encoding_of_one_byte_a_character_is_never_unasked(
    project: Project, tmp_path: Path, encoding: str, text: str, guess: str | None
) -> None:
    path = file(tmp_path, text.encode(encoding))
    proposal = proposed(project, path)
    [doubt] = of(proposal, "encoding")
    assert doubt.is_harmful
    assert "line 2 reads" in doubt.rests_on or "line 2, 3" in doubt.rests_on
    for name in ("cp1250", "cp1252"):
        assert f" {name}" in doubt.rests_on
    if guess:
        assert proposal.options["encoding"] == guess
    given = with_options(f"encoding={encoding}")
    assert not of(proposed(project, path, given), "encoding")


def test_an_encoding_is_shown_by_the_words_that_differ(project: Project, tmp_path: Path) -> None:
    [doubt] = of(proposed(project, file(tmp_path, POLISH.encode("cp1250"))), "encoding")
    assert "Łódź" in doubt.rests_on
    assert "£ódŸ" in doubt.rests_on
    assert doubt.flag == "--option encoding=cp1250"


@pytest.mark.parametrize(
    "content", [POLISH.encode() + b"4;M\xfcnchen\n", b"\xef\xbb\xbfid;n\n1;M\xfcnchen\n"]
)
def test_what_is_utf_8_but_for_a_few_bytes_is_refused_by_line_and_byte(
    project: Project, tmp_path: Path, content: bytes
) -> None:
    line = content.count(b"\n")
    with pytest.raises(FormatBroken, match=rf"things\.csv:{line}: byte 0xfc at offset \d+ is not UTF-8"):
        proposed(project, file(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "harm"),
    [(b"id,n\n1,a\n", False), (b"\xef\xbb\xbfid,n\n1,a\n", None), ("id,n\n1,é\n".encode(), None),
     ("id,n\n1,é\n".encode("utf-16"), None)],
)  # fmt: skip
def test_bytes_that_prove_their_encoding_leave_no_doubt(
    project: Project, tmp_path: Path, content: bytes, harm: bool | None
) -> None:
    found = of(proposed(project, file(tmp_path, content)), "encoding")
    assert [doubt.is_harmful for doubt in found] == ([] if harm is None else [harm])


def test_one_of_several_lists_counts_the_records_elsewhere(project: Project, tmp_path: Path) -> None:
    record = {"id": 1, "name": "a"}
    document = {"north": [record] * 10, "south": {"shops": [record] * 15}, "notes": [{"text": "x"}]}
    path = file(tmp_path, json.dumps(document), "things.json")
    proposal = proposed(project, path, Given(delivery_type="snapshot"))
    [doubt] = of(proposal, "record_path")
    assert (proposal.options["record_path"], doubt.is_harmful) == ("south.shops", True)
    assert "11 records are elsewhere, 10 of them with like members: north (10), notes (1)" in doubt.rests_on
    assert doubt.choices == ("south.shops", "north", "notes")


MAPS: Mapping[str, tuple[object, str, int, str]] = {
    "keyed": ({f"K{number}": {"id": number, "name": "a"} for number in range(30)}, "*", 30, "*"),
    "below": ({"data": {f"K{number}": {"id": number} for number in range(5)}, "n": 5}, "data.*", 5, "data.*"),
    "lists": (
        {"regions": {f"r{n}": {"items": [{"id": 2 * n}, {"id": 2 * n + 1}], "at": "x"} for n in range(394)}},
        "regions.*.items[]", 788, "regions.*",
    ),
    "list of each": ({f"r{number}": [{"id": number, "n": 2}] for number in range(6)}, "*[]", 6, "*"),
}  # fmt: skip


@pytest.mark.parametrize("name", MAPS)
def test_an_object_that_maps_names_to_records_is_walked_and_its_names_are_a_column(
    project: Project, tmp_path: Path, name: str
) -> None:
    document, record_path, count, column = MAPS[name]
    path = file(tmp_path, json.dumps(document), "things.json")
    proposal = proposed(project, path, with_options())
    doubt, *_ = of(proposal, "record_path")
    assert (proposal.options["record_path"], doubt.is_harmful) == (record_path, True)
    assert f"the {count} records are members of an object that maps names to them" in doubt.guess
    assert column in [attribute.column.name for attribute in proposal.attributes]
    assert not of(proposed(project, path, with_options(f"record_path={record_path}")), "record_path")


def test_a_document_that_is_taken_for_one_record_is_a_doubt(project: Project, tmp_path: Path) -> None:
    path = file(tmp_path, json.dumps({"id": 1, "from": {"lat": 1}, "to": {"lat": 2}}), "things.json")
    [doubt] = of(proposed(project, path), "record_path")
    assert (doubt.is_harmful, doubt.flag) == (True, "--option record_path=.")
    assert not of(proposed(project, path, with_options("record_path=.")), "record_path")


def test_a_large_document_is_looked_at_without_being_in_memory(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The beginning that is looked at says nothing of where its records are."""
    monkeypatch.setattr("headwater.new_source.look.MOST_BYTES", 1000)
    document = {"head": {"text": "x" * 2000}, "data": {"items": [{"id": n} for n in range(500)]}}
    path = file(tmp_path, json.dumps(document), "things.json")
    assert proposed(project, path).options["record_path"] == "data.items"


def test_elements_of_an_xml_that_are_elsewhere_are_counted(project: Project, tmp_path: Path) -> None:
    item = "<item><id>1</id></item><item><id>2</id></item>"
    path = file(tmp_path, f"<all><north>{item}</north><south>{item}</south></all>", "things.xml")
    [doubt] = of(proposed(project, path), "record_path")
    assert doubt.is_harmful
    assert "2 records are elsewhere, 2 of them with like members: all.south.item (2)" in doubt.rests_on


def test_a_row_of_a_sheet_that_is_not_the_first_is_a_doubt(project: Project, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Stock", None], ["id", "n"], ["1", "a"]):
        book.active.append(row)
    path = file(tmp_path, b"", "things.xlsx")
    book.save(path)
    [doubt] = of(proposed(project, path), "header_line")
    assert (doubt.is_harmful, doubt.flag) == (True, "--option header_line=2")
    assert "row 1" in doubt.rests_on
    assert zipfile.is_zipfile(path)


@pytest.mark.parametrize(
    ("names", "about"),
    [
        (["o_20260105T093000.csv", "o_20260106T101500.csv"], []),
        (["o-2026-01-05-0930.csv", "o-2026-01-06-1015.csv"], []),
        (["o-1767605400.csv", "o-1767605999.csv"], ["date_from"]),
        (["o-05-01-2026.csv"], ["date_format"]),
        (["o_v1_20260105.csv"], ["file_pattern"]),
        (["o_v1_20260105.csv", "o_v2_20260106.csv"], []),
        (["o-20260105.csv", "o-20260199.csv"], ["file_pattern"]),
        (["o-20260105-20260112.csv", "o-20260112-20260119.csv"], ["date_from"]),
        (["o-2012.csv"], ["file_pattern"]),
        (["o-2012.csv", "o-2013.csv"], ["date_format"]),
    ],
)
def test_names_whose_digits_may_mean_something_else_are_a_doubt(
    project: Project, tmp_path: Path, names: Sequence[str], about: Sequence[str]
) -> None:
    for name in names:
        path = file(tmp_path, "id,n\n1,a\n", name)
    first = path.with_name(names[0])
    assert harmful(proposed(project, first)) == about
    settled = with_options(r"file_pattern=^o.*(?P<date>\d{8})" if "0105" in names[0] else "file_pattern=^o")
    assert harmful(proposed(project, first, settled)) == []


@pytest.mark.parametrize(
    "of_column", ["zip", "ZipCode", "postal code", "phone", "shop_id", "Store Code", "ISBN", "ean"]
)
def test_identifiers_stay_text_whatever_the_first_file_holds(
    project: Project, tmp_path: Path, of_column: str
) -> None:
    path = file(tmp_path, f"id,{of_column},amount\n1,19103,5\n2,7,12\n")
    attribute = proposed(project, path).attributes[1]
    assert attribute.typed.datatype == "text"
    [given] = [
        one for one in of(proposed(project, path), "datatype") if one.guess.startswith(attribute.target_name)
    ]
    assert not given.is_harmful


def test_what_a_flag_says_of_a_column_is_taken(project: Project, tmp_path: Path) -> None:
    path = file(tmp_path, "id,zip,day,n\n1,19103,01/02/2026,1\n2,10001,03/04/2026,2\n")
    given = Given(
        key=("id",),
        delivery_type="snapshot",
        datatypes={"zip": "integer", "day": "date"},
        formats={"day": "DD/MM/YYYY"},
    )
    proposal = proposed(project, path, given)
    assert [(a.typed.datatype, a.typed.format) for a in proposal.attributes[1:3]] == [
        ("integer", None), ("date", "DD/MM/YYYY"),
    ]  # fmt: skip
    for wrong, says in (({"zip": "inteeger"}, "integer"), ({"zap": "text"}, "zap is no column")):
        with pytest.raises(NewSourceRefused, match=says):
            proposed(project, path, Given(datatypes=wrong))


@pytest.mark.parametrize(
    ("values", "about"),
    [
        (["1,234", "2,345", "3,456", "4,567", "15,678", "776"], "datatype"),
        (["40.639", "73.778"], "datatype"),
        (["1", "-", "3"], "null_tokens"),
        (["1", "..", "-"], "null_tokens"),
    ],
)
def test_numbers_that_may_be_others_are_a_doubt(
    project: Project, tmp_path: Path, values: Sequence[str], about: str
) -> None:
    lines = [f"{number};{value}" for number, value in enumerate(values)]
    path = file(tmp_path, "\n".join(["id;measured", *lines]) + "\n")
    proposal = proposed(project, path)
    assert harmful(proposal) == [about]
    settled = Given(key=("id",), delivery_type="snapshot", datatypes={"measured": "text"})
    assert "datatype" not in harmful(proposed(project, path, settled))


def test_tokens_that_were_told_are_nothing(project: Project, tmp_path: Path) -> None:
    path = file(tmp_path, "id,n\n1,5\n2,-\n3,secret\n")
    proposal = proposed(project, path, with_options("null_tokens=<empty>|-|secret"))
    assert (proposal.attributes[1].typed.datatype, harmful(proposal)) == ("integer", [])


@pytest.mark.parametrize(
    ("content", "is_harmful"),
    [
        ("id,name\n1,a\n2,a\n", False),
        ("label,name\nx,a\ny,a\n", True),
        ("shop,item,name\n1,1,a\n1,2,a\n2,1,a\n", True),
    ],
)
def test_a_key_that_nothing_but_the_values_speaks_for_is_a_doubt(
    project: Project, tmp_path: Path, content: str, is_harmful: bool
) -> None:
    proposal = proposed(project, file(tmp_path, content), Given(delivery_type="snapshot"))
    assert [doubt.is_harmful for doubt in of(proposal, "key")] == [is_harmful]
    given = Given(key=tuple(proposal.key), delivery_type="snapshot")
    assert of(proposed(project, file(tmp_path, content), given), "key") == []


def test_a_person_is_asked_for_what_could_do_harm(project: Project, tmp_path: Path) -> None:
    path = file(tmp_path, POLISH.encode("cp1250"), "things_v1.csv")
    answers = {"the text is": ["ebcdic", "iso-8859-2"], "1 in ": [r"^things_v\d+\.csv$"]}
    asked: list[str] = []
    messages: list[str] = []

    def ask(question: str, usual: str, _: Sequence[str]) -> str:
        asked.append(question)
        return next((left.pop(0) for start, left in answers.items() if question.startswith(start)), usual)

    proposal = prepare_proposal(
        project, "things", str(path), Given(delivery_type="snapshot"), ask, messages.append
    )
    assert proposal.options["encoding"] == "iso-8859-2"
    assert proposal.options["file_pattern"] == r"^things_v\d+\.csv$"
    assert len([line for line in messages if "ebcdic" in line]) == 1
    assert harmful_doubts_of(proposal) == []


def test_a_person_who_does_not_go_on_writes_nothing(project: Project, tmp_path: Path) -> None:
    path = file(tmp_path, "id;measured\n1;5\n2;-\n")
    with pytest.raises(NewSourceRefused, match=r"not taken\. Settle it by --option 'null_tokens="):
        prepare_proposal(project, "things", str(path), Given(), lambda _, usual, __: usual)
