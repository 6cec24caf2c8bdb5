"""The proposal: key, names, options, and what is asked of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.metadata.errors import NewSourceRefused
from headwater.new_source.begin import Given, parse_options, prepare_proposal, require_key
from headwater.new_source.doubt import Doubt
from headwater.new_source.proposal_doubts import doubts_of
from headwater.project import Project


def write_file(folder: Path, text: str, name: str = "things.csv") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


KEYS = [
    ("id,name\n1,a\n2,b\n", ["id"]),
    ("name,id\na,1\nb,2\n", ["id"]),
    ("price,label\n1.5,x\n2.5,y\n", ["label"]),
    ("shop,item,price\n1,1,5\n1,2,5\n2,1,5\n", ["shop", "item"]),
    ("a,b,id\n1,1,x\n1,2,\n2,1,z\n", ["a", "b"]),
    ("a,b,c\n1,1,1\n1,1,2\n1,2,1\n2,1,1\n2,2,2\n1,2,2\n", []),
    ("id,n\n1,1\n1,1\n", []),
    ("id,n\nNA,1\n2,1\n", []),
]


@pytest.mark.parametrize(("text", "key"), KEYS)
def test_the_key_is_the_smallest_set_that_tells_all_records_apart(
    project: Project, tmp_path: Path, text: str, key: list[str]
) -> None:
    proposal = prepare_proposal(project, "things", write_file(tmp_path / "f", text), Given())
    assert proposal.key == key


def test_without_a_key_nothing_goes_on(project: Project, tmp_path: Path) -> None:
    proposal = prepare_proposal(project, "things", write_file(tmp_path / "f", "id,n\n1,1\n1,1\n"), Given())
    with pytest.raises(NewSourceRefused, match=r"things\.csv: no one or two columns .* --key, of id, n"):
        require_key(proposal)


def test_the_key_is_checked_by_the_last_record_too(project: Project, tmp_path: Path) -> None:
    lines = [f"{number},x" for number in range(5000)]
    path = write_file(tmp_path / "f", "\n".join(["id,n", *lines, "0,y"]) + "\n")
    assert prepare_proposal(project, "things", path, Given()).key == ["id", "n"]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (["no_such"], "no_such is no column of things.csv, expected .*a_b"),
        (["n"], "n is null in 1 of 3 records"),
        (["same"], "same=x comes more than once .again in record 2"),
    ],
)
def test_a_key_that_is_told_must_be_one(project: Project, tmp_path: Path, key: list[str], says: str) -> None:
    path = write_file(tmp_path / "f", "A B,n,same\n1,,x\n2,5,x\n3,6,y\n")
    with pytest.raises(NewSourceRefused, match=says):
        prepare_proposal(project, "things", path, Given(key=key))


def test_a_key_may_be_told_by_the_name_of_the_publisher(project: Project, tmp_path: Path) -> None:
    path = write_file(tmp_path / "f", "A B,n\n1,5\n2,6\n")
    assert prepare_proposal(project, "things", path, Given(key=["A B"])).key == ["a_b"]


def test_what_is_proposed_of_a_file(project: Project, libraries: Path) -> None:
    proposal = prepare_proposal(project, "libraries", str(libraries), Given())
    assert proposal.options == {
        "file_pattern": r"^libraries-(?P<date>\d{4}-\d{2}-\d{2})\.csv$",
        "date_from": "name",
        "delimiter": ";",
    }
    assert [
        (a.target_name, a.typed.datatype, a.typed.format, a.null_tokens) for a in proposal.attributes
    ] == [
        ("code", "text", None, None),
        ("name_of_it", "text", None, None),
        ("opened", "date", "DD.MM.YYYY", None),
        ("visits", "bigint", "1.234", "<empty>|n/a"),
        ("share_pct", "numeric", "1234,56", None),
        ("lent", "boolean", None, None),
        ("since", "timestamptz", None, None),
        ("zip", "text", None, None),
    ]
    assert (proposal.delivery_type, proposal.data_source, proposal.key) == ("snapshot", "files", ["code"])


def test_a_file_without_a_header_is_refused_unless_it_is_told_to_be_one(
    project: Project, tmp_path: Path
) -> None:
    path = write_file(tmp_path / "f", "1,a,2026-01-01\n2,b,2026-01-02\n")
    with pytest.raises(NewSourceRefused, match=r"things\.csv:1: .*--option header_line=1"):
        prepare_proposal(project, "things", path, Given())
    assert prepare_proposal(project, "things", path, Given(options={"header_line": "1"})).records == 1
    years = write_file(tmp_path / "f", "country,2019,2020\nDE,1,2\nFR,3,4\n", "years.csv")
    assert prepare_proposal(project, "things", years, Given()).records == 2


def test_columns_that_can_be_no_attributes_are_named(project: Project, tmp_path: Path) -> None:
    path = write_file(tmp_path / "f", "id,,id,n\n1,x,5,a\n2,y,6,b\n")
    proposal = prepare_proposal(project, "things", path, Given())
    assert [attribute.target_name for attribute in proposal.attributes] == ["id", "n"]
    assert any("column 2, which has no name, id" in doubt.guess for doubt in doubts_of(proposal))


def test_a_folder_gives_the_newest_of_its_files(project: Project, tmp_path: Path) -> None:
    for day in ("2026-01-05", "2026-03-02", "2026-02-02"):
        write_file(tmp_path / "f", f"id,n\n1,{day}\n", f"things-{day}.csv")
    proposal = prepare_proposal(project, "things", str(tmp_path / "f"), Given())
    assert proposal.sample.publisher_name == "things-2026-03-02.csv"
    write_file(tmp_path / "f", "id\n1\n", "others.csv")
    with pytest.raises(NewSourceRefused, match="files of 2 kinds"):
        prepare_proposal(project, "things", str(tmp_path / "f"), Given())
    given = Given(options={"file_pattern": "^others"})
    assert prepare_proposal(project, "things", str(tmp_path / "f"), given).options["date_from"] == "header"


@pytest.mark.parametrize("origin", ["/no/such/file.csv", "ftp://x.example/a.csv", "no_such_connection"])
def test_an_origin_that_leads_nowhere_is_refused(project: Project, origin: str) -> None:
    with pytest.raises(NewSourceRefused, match="expected a file"):
        prepare_proposal(project, "things", origin, Given())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("header_line", "expected NAME=VALUE"),
        ("header_lines=2", "is not an option"),
        ("header_line=x", "not a whole number"),
        ("delimiter=;;", "not one character"),
    ],
)
def test_an_option_is_checked(text: str, says: str) -> None:
    with pytest.raises(NewSourceRefused, match=says):
        parse_options([text])


@pytest.mark.parametrize("wrong", [{"delivery_type": "all"}, {"schedule": "often"}])
def test_flags_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(NewSourceRefused, match="is not known, expected one of"):
        Given(**wrong)


def test_a_person_is_asked_for_what_was_not_told(project: Project, tmp_path: Path) -> None:
    path = write_file(tmp_path / "f", "id,day\n1,01/02/2026\n2,03/04/2026\n")
    answers = {
        "Key": ["no_such", "id"],
        "How is day": ["DD/MM/YYYY"],
        "Does each": ["delta"],
        "Owner": ["me"],
    }
    asked: list[str] = []
    messages: list[str] = []

    def ask(question: str, usual: str, accepted: Sequence[str]) -> str:
        asked.append(question)
        answer = next((left.pop(0) for start, left in answers.items() if question.startswith(start)), usual)
        assert not accepted or answer in accepted
        return answer

    given = Given(data_source="town_hall", schedule="daily")
    proposal = prepare_proposal(project, "things", path, given, ask, messages.append)
    assert proposal.attributes[1].typed.format == "DD/MM/YYYY"
    assert (proposal.key, proposal.delivery_type, proposal.owner) == (["id"], "delta", "me")
    assert len(asked) == 5
    assert ["no_such is no column" in line for line in messages] == [True]


def test_a_column_that_one_typo_keeps_text_is_a_guess_with_the_flag_that_lets_the_row_fall_out(
    project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "trees.csv"
    path.write_text("id,day\n1,31.01.2026\n2,28.02.2026\n3,31.02.2026\n")

    def guesses(given: Given) -> list[Doubt]:
        found = doubts_of(prepare_proposal(project, "trees", str(path), given))
        return [doubt for doubt in found if doubt.about == "datatype" and "day" in doubt.guess]

    settled = Given(key=("id",), delivery_type="snapshot")
    (doubt,) = guesses(settled)
    assert (doubt.guess, doubt.rests_on) == ("day stays text", 'it would be date, but for "31.02.2026"')
    assert doubt.flag == "--datatype day=date --format 'day=DD.MM.YYYY'"
    assert not doubt.is_harmful
    assert not guesses(replace(settled, datatypes={"day": "date"}, formats={"day": "DD.MM.YYYY"}))
