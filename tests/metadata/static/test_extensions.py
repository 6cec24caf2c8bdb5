"""Types, transforms and checks that packages add by entry points: known by name; one that is broken harms no other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

import pytest

from headwater.metadata.errors import ExtensionUnusable, MetadataInvalid
from headwater.metadata.static import extensions
from headwater.metadata.static.callables import lacks
from headwater.metadata.static.extensions import BUILT_IN, CHECKS, SOURCES, TRANSFORMS
from headwater.metadata.static.options import GENERAL
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.source_types import find_type, require_type, type_problem, usable_types
from headwater.metadata.static.valid_subset import read_valid_catalog
from tests.support.packages import Install, installing
from tests.support.seeds import EditableSeeds

KNOWN = "http_files, rest_api, rdbms, object_store, kafka, local_files"
HEAVY = ("boto3", "requests", "confluent_kafka", "sqlalchemy", "psycopg2", "great_expectations")
FTP = """
from headwater.extract import Option, SourceType

def check_source(source, seeds, problems):
    if "ftp_folder" not in source.options:
        source.blame(problems, "source", "has no ftp_folder", "the folder")

def check_connection(row, problems):
    if row["username"] is None:
        problems.add("conn_str", row, "username", "is blank", "the account")

SOURCE_TYPE = SourceType(
    name="ftp", description="files of an FTP server", discover="ftp_files:discover",
    connection_needs=("server",), check_source=check_source, check_connection=check_connection,
    options={
        "ftp_folder": Option("token"), "ftp_mode": Option("choice", ("active", "passive")),
        "ftp_text": Option("choice", ("yes", "no"), is_of_reading=True, usual="no"),
    },
    usual_options={"format": "ndjson"},
)
def discover(source): return []
"""


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    with pytest.MonkeyPatch.context() as patch, installing(tmp_path / "packages", patch) as found:
        yield found


def use_ftp(seeds: EditableSeeds, *options: str) -> None:
    """Have a data source of the type `ftp`, and a source of it with these options."""
    seeds.append("data_source", "depot,ftp,Files of the depot")
    seeds.append("conn_str", "depot,depot,ftp.example.org,,clerk,,,,")
    seeds.append("job", "parts,true,E,,,batch,,,retail,true,Parts,,,,,")
    seeds.append("source", "parts,parts,depot,retail,daily,shop,snapshot,,,,,,,,,,,,A part")
    seeds.append("attribute", "parts,id,part,integer,,,true,,,Number of the part")
    seeds.append("source_attribute", *(f"parts,{option}" for option in options))


def test_every_built_in_type_can_be_used_and_describes_itself() -> None:
    found = {declared.name: declared for declared in usable_types()}
    assert list(found) == list(BUILT_IN[SOURCES])
    assert all(declared.description for declared in found.values())
    assert all(not GENERAL.keys() & declared.options.keys() for declared in found.values())
    for values in BUILT_IN.values():
        assert [lacks(value) for value in values.values()] == [None] * len(values)


def test_reading_metadata_imports_nothing_of_what_asks_publishers(seeds: EditableSeeds) -> None:
    code = f"""
import sys
from pathlib import Path
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.source_types import usable_types
from headwater.extract import Offer, Option, Sink, Source, SourceType
catalog = read_catalog(Path({str(seeds.folder)!r}))
assert len(catalog.sources) == 2 and len(list(usable_types())) == {len(BUILT_IN[SOURCES])}
print([name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_type_of_a_package_has_its_options_and_its_rules(seeds: EditableSeeds, install: Install) -> None:
    install("ftp-files", FTP, sources={"ftp": "ftp_files:SOURCE_TYPE"})
    use_ftp(seeds, r"ftp_folder,\t|,", "ftp_text,yes,", "ftp_text,no,2026-03-02", "record_path,data,")
    assert seeds.messages() == []
    source = read_catalog(seeds.folder).sources["parts"]
    assert source.options == {
        "format": "ndjson",
        "ftp_folder": "\t|",
        "ftp_text": "yes",
        "record_path": "data",
    }
    assert [(dated.name, dated.value) for dated in source.dated_options] == [("ftp_text", "no")]
    declared = find_type("ftp")
    assert declared is not None
    assert declared.connection_needs == ("server",)


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (("ftp_folder,in,", "ftp_mode,fast,"),
         ['seeds/source_attribute.csv:13: value: ftp_mode "fast" is not known, expected one of active, passive']),
        (("ftp_folder,in,", "topic,parts,"),
         ["seeds/source_attribute.csv:13: name: topic stands for a source of type ftp, expected one of kafka"]),
        (("ftp_folder,in,", "ftp_mode,active,2026-03-02"),
         ["seeds/source_attribute.csv:13: valid_from: ftp_mode does not say how a file is read, and holds for all"
          " deliveries, expected a blank cell; from a date on may hold zip_member, zip_members, format, record_path,"
          " fixed_columns, first_line, sheet, header_rows, skip_last_lines, skip_lines_matching, trailer_count,"
          " delimiter, encoding, quote_char, header_line, unpivot_keep, unpivot_name, unpivot_value, unpivot_skip,"
          " ftp_text"]),
        ((), ["seeds/source.csv:4: source: has no ftp_folder, expected the folder"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_source_of_it_is_told(
    seeds: EditableSeeds, install: Install, options: tuple[str, ...], messages: list[str]
) -> None:
    install("ftp-files", FTP, sources={"ftp": "ftp_files:SOURCE_TYPE"})
    use_ftp(seeds, *options)
    assert seeds.messages() == messages


def test_what_is_wrong_with_a_connection_of_it_is_told(seeds: EditableSeeds, install: Install) -> None:
    install("ftp-files", FTP, sources={"ftp": "ftp_files:SOURCE_TYPE"})
    use_ftp(seeds, "ftp_folder,in,")
    seeds.edit("conn_str", "depot,depot,ftp.example.org,,clerk,,,,", "depot,depot,,,,,,,")
    assert seeds.messages() == [
        "seeds/conn_str.csv:5: server: is blank, expected a server for a data source of type ftp",
        "seeds/conn_str.csv:5: username: is blank, expected the account",
    ]


def test_its_option_stands_for_no_source_of_another_type(seeds: EditableSeeds, install: Install) -> None:
    install("ftp-files", FTP, sources={"ftp": "ftp_files:SOURCE_TYPE"})
    seeds.append("source_attribute", "sales,ftp_mode,active,")
    assert seeds.messages() == [
        "seeds/source_attribute.csv:12: name: ftp_mode stands for a source of type local_files, expected one of ftp"
    ]


def test_a_page_is_of_the_type_that_reads_it(seeds: EditableSeeds) -> None:
    seeds.append("source_attribute", "cities,page,places,", "sales,page,places,")
    assert seeds.messages() == [
        "seeds/source_attribute.csv:13: name: page stands for a source of type local_files, expected one of http_files"
    ]


def test_a_type_that_nobody_brings_is_told_with_those_that_are_there(seeds: EditableSeeds) -> None:
    use_ftp(seeds, "ftp_folder,in,")
    seeds.edit("data_source", "depot,ftp,", "depot,sftp,")
    assert seeds.messages() == [
        f'seeds/data_source.csv:6: data_source_type: "sftp" is not known, expected one of {KNOWN}'
    ]


def test_of_two_packages_with_one_name_both_are_told(seeds: EditableSeeds, install: Install) -> None:
    install("ftp-files", FTP, sources={"ftp": "ftp_files:SOURCE_TYPE"})
    install("other-ftp", FTP, sources={"ftp": "other_ftp:SOURCE_TYPE"})
    use_ftp(seeds, "ftp_folder,in,")
    assert seeds.messages() == [
        'seeds/data_source.csv:6: data_source_type: the source type "ftp" is brought by ftp-files 1.0 and other-ftp'
        " 1.0, expected one of these packages: uninstall the other, or have it choose another name"
    ]


def test_a_package_does_not_replace_what_is_built_in(seeds: EditableSeeds, install: Install) -> None:
    install("ftp-files", FTP, sources={"http_files": "ftp_files:SOURCE_TYPE"})
    (message,) = seeds.messages()
    assert 'the source type "http_files" is brought by Headwater and ftp-files 1.0' in message
    with pytest.raises(MetadataInvalid):
        read_catalog(seeds.folder)


BROKEN = {
    "raises": ("import no_such_module\n", "raises ModuleNotFoundError: No module named 'no_such_module'"),
    "ends_the_process": ("raise SystemExit(3)\n", "raises SystemExit: 3"),
    "lacks_it": ("", "raises AttributeError: module 'ftp_files' has no attribute 'SOURCE_TYPE'"),
}


@pytest.mark.parametrize(("code", "why"), BROKEN.values(), ids=BROKEN)
def test_one_that_cannot_be_imported_harms_only_its_own_sources(
    seeds: EditableSeeds, install: Install, code: str, why: str
) -> None:
    install("ftp-files", code, sources={"ftp": "ftp_files:SOURCE_TYPE"})
    assert seeds.messages() == []  # nobody uses it
    use_ftp(seeds, "ftp_folder,in,", "record_path,data,")
    assert seeds.messages() == [
        'seeds/data_source.csv:6: data_source_type: the source type "ftp" of ftp-files 1.0 cannot be imported:'
        f" ftp_files:SOURCE_TYPE {why},"
        " expected a version of ftp-files that fits this Headwater and its Python, or none"
    ]
    catalog, problems = read_valid_catalog(seeds.folder)
    assert len(problems) == 1
    assert list(catalog.sources) == ["cities", "sales"]
    with pytest.raises(ExtensionUnusable, match="cannot be imported"):
        require_type("ftp")


FLAWS: dict[str, tuple[str, str, str]] = {
    "no_declaration": ("SOURCE_TYPE = ", "SOURCE_TYPE = 1 or ", "of the type int, expected a headwater"),
    "another_name": ('name="ftp"', 'name="sftp"', 'calls itself "sftp", expected one name in a to z'),
    "a_column_that_is_none": ('("server",)', '("host",)', 'needs the column "host" of conn_str, expected one of'),
    "a_general_option": ('"ftp_mode":', '"format":', 'brings the option "format", which every source may have'),
    "a_secret": ('"ftp_mode":', '"password":', 'brings the option "password", which is no name of an option'),
    "a_choice_of_nothing": ('("active", "passive")', "()", 'brings the option "ftp_mode", a choice with 0 choices'),
    "a_kind_that_is_none": ('Option("token")', 'Option("folder")', 'brings the option "ftp_folder", of the kind'),
    "a_function_that_is_none": ('"ftp_files:discover"', '"ftp_files"', 'has the discover "ftp_files", expected'),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "why"), FLAWS.values(), ids=FLAWS)
def test_a_declaration_that_cannot_be_is_refused(install: Install, old: str, new: str, why: str) -> None:
    install("ftp-files", FTP.replace(old, new), sources={"ftp": "ftp_files:SOURCE_TYPE"})
    wrong = type_problem("ftp")
    assert wrong is not None
    assert f'the source type "ftp" of ftp-files 1.0 {why}' in ", expected ".join(wrong).replace(
        " is ftp_files:SOURCE_TYPE,", ""
    )


def test_a_rule_that_fails_itself_is_a_problem_of_its_source(seeds: EditableSeeds, install: Install) -> None:
    code = FTP.replace(
        'source.blame(problems, "source", "has no ftp_folder", "the folder")', "raise KeyError('x')"
    )
    install("ftp-files", code, sources={"ftp": "ftp_files:SOURCE_TYPE"})
    use_ftp(seeds)
    assert seeds.messages() == [
        "seeds/source.csv:4: data_source: a rule of the source type \"ftp\" of ftp-files 1.0 fails: KeyError: 'x',"
        " expected a version of the package whose rules work"
    ]


def test_a_transform_of_a_package_goes_by_its_name(seeds: EditableSeeds, install: Install) -> None:
    install("shouts", "def shout(source, header, records, file): ...\n", transforms={
        "shout": "shouts:shout", "whisper": "shouts:whisper",
    })  # fmt: skip
    assert extensions.names(TRANSFORMS) == ("unpivot", "shout", "whisper")
    seeds.edit("source", "geography,monthly,city,snapshot,,,", "geography,monthly,city,snapshot,,shout,")
    assert seeds.messages() == []
    seeds.edit("source", ",,shout,", ",,whisper,")
    assert seeds.messages() == [
        'seeds/source.csv:2: wrangle_function: the transform "whisper" of shouts 1.0 cannot be called: shouts has no'
        " whisper, expected package.module:function, of an installed package or of the project's folder"
    ]
    seeds.edit("source", ",,whisper,", ",,mumble,")
    assert seeds.messages() == [
        'seeds/source.csv:2: wrangle_function: "mumble" is not a function that we know, expected one of unpivot, shout,'
        " whisper, or package.module:function"
    ]


CHECK = '[{""expect"": ""expect_column_values_to_be_between""'


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("expect_it", "shouts:ExpectIt", None),
        ("expect_it", "shouts:ExpectThat",
         'check 1 cannot be used: of the check "expect_it" of shouts 1.0, shouts has no ExpectThat,'),
        ("expect_column_values_to_be_between", "shouts:ExpectIt",
         'check 1 cannot be used: the check "expect_column_values_to_be_between" of shouts 1.0 has the name of one of'
         " Great Expectations, expected another name"),
    ],
)  # fmt: skip
def test_a_check_of_a_package_goes_by_its_name(
    seeds: EditableSeeds, install: Install, name: str, value: str, why: str | None
) -> None:
    install("shouts", "class ExpectIt: ...\n", checks={name: value})
    assert name in extensions.names(CHECKS)
    seeds.edit("source", CHECK, f'[{{""expect"": ""{name}""')
    assert [message for message in seeds.messages() if why is None or why not in message] == []
    assert len(seeds.messages()) == (why is not None)


def test_a_check_that_two_packages_bring_is_told(seeds: EditableSeeds, install: Install) -> None:
    install("shouts", "class ExpectIt: ...\n", checks={"expect_it": "shouts:ExpectIt"})
    install("calls", "class ExpectIt: ...\n", checks={"expect_it": "calls:ExpectIt"})
    seeds.edit("source", CHECK, '[{""expect"": ""expect_it""')
    (message,) = seeds.messages()
    assert 'check 1 cannot be used: the check "expect_it" is brought by calls 1.0 and shouts 1.0' in message


def test_what_lies_on_no_path_is_found_by_the_finder_of_its_installer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far_away.py").write_text("def shout(): ...\n")

    class Finder:
        @staticmethod
        def find_spec(name: str, path: Any, target: Any = None) -> ModuleSpec | None:
            return PathFinder.find_spec(name, [str(tmp_path)], target) if path is None else None

    assert lacks("far_away:shout") == "there is no module far_away"
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert lacks("far_away:shout") is None
    assert lacks("far_away:call") == "far_away has no call"
