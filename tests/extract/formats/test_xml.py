"""XML: records by element, attributes and children by path, and nothing that a document may do to us."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from defusedxml.ElementTree import iterparse
from hypothesis import given
from hypothesis import strategies as st

from tests.support.reading_formats import opened, read, refusal, rows
from tests.support.sources import make_source

TEXT = st.text(
    st.characters(codec="utf-8", min_codepoint=32, exclude_characters="\x7f\ufffe\uffff"), max_size=8
)


@given(
    st.lists(st.tuples(TEXT, TEXT), max_size=4),
    st.integers(1, 50),
    st.sampled_from(["utf-8", "utf-16", "iso-8859-1"]),
)
def test_values_are_what_was_written(records: list[tuple[str, str]], size: int, encoding: str) -> None:
    inner = "".join(f"<r k={quoteattr(key)}><v>{escape(value)}</v></r>" for key, value in records)
    content = f'<?xml version="1.0" encoding="{encoding}"?><d>{inner}</d>'.encode(
        encoding, "xmlcharrefreplace"
    )
    header, found = read("xml", content, size, record_path="d.r")
    assert found == records
    assert header == (("@k", "v") if records else ("id", "name"))


FEED = b"""<?xml version="1.0"?>
<feed xmlns="urn:main" xmlns:g="urn:geo"><head><r>no</r></head>
  <list>
    <r id="1" xml:lang="de"><name>Ulm</name><g:at lat="48.40">here<!-- not --></g:at><tag>a</tag><tag>b</tag></r>
    <r id="2"><name/><tag>c</tag></r>
    <r>text</r>
  </list>
</feed>"""


def test_attributes_children_and_text_are_members() -> None:
    source = make_source(
        ["@id", "name", "g:at.@lat"], options={"format": "xml", "record_path": "feed.list.r"}
    )
    assert opened(source, FEED).header == (
        "@id", "@xml:lang", "name", "g:at.@lat", "g:at.#text", "tag", "#text",
    )  # fmt: skip
    found = [(line, values[:3], json.loads(values[3] or "")) for line, values in rows(source, FEED)]
    assert found == [
        (1, ["1", "Ulm", "48.40"], {"@xml:lang": "de", "g:at.#text": "here", "tag": ["a", "b"]}),
        (2, ["2", "", None], {"tag": "c"}),
        (3, [None, None, None], {"#text": "text"}),
    ]


def test_nil_is_null_and_an_empty_list_holds_no_records() -> None:
    content = (
        b'<d xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><r><a xsi:nil="true"/><b> x </b></r></d>'
    )
    assert read("xml", content, record_path="d.r") == (("a", "b"), [(None, " x ")])
    assert read("xml", b"<d><list/></d>", record_path="d.list.r")[1] == []


def test_a_document_type_without_entities_is_passed_over() -> None:
    assert read("xml", b"<!DOCTYPE d><d><r><a>1</a></r></d>", record_path="d.r") == (("a",), [("1",)])


LAUGHS = b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><d><r>&b;</r></d>'
OUTSIDE = b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><d><r>&a;</r></d>'
REFUSED: list[tuple[str, bytes, dict[str, str], str]] = [
    ("empty", b"", {}, "f:1: not well-formed XML: no element found, at character 1"),
    ("cut_off", b"<d><r><a>1</a></r>\n<r>", {}, "f:2: not well-formed XML: no element found, at character 4"),
    ("mismatch", b"<d>\n<r><a>1</r></d>", {}, "f:2: not well-formed XML: mismatched tag, at character 10"),
    ("laughs", LAUGHS, {}, "f: an XML document with entities of its own, expected none (EntitiesForbidden)"),
    ("outside", OUTSIDE, {}, "f: an XML document with entities of its own, expected none (EntitiesForbidden)"),
    ("other_root", b"<e><r/></e>", {}, "f: the document is 'e', expected 'd' (record_path)"),
    ("no_list", b"<d><r/></d>", {"record_path": "d.list.r"}, "f: no element 'd.list', expected the records there (record_path)"),
    ("deep", b"<d>" + b"<r>" * 200 + b"</r>" * 200 + b"</d>", {}, "f: elements more than 100 deep (max_nesting)"),
    ("long", b"<d><r>" + b"x" * (17 << 20), {}, "f: an element of more than 16 MiB"),
    ("encoding", b'<?xml version="1.0" encoding="klingon"?><d/>', {}, "f: an XML document that cannot be read (unknown encoding: klingon)"),
    ("page", b"<!DOCTYPE html><title>No</title>", {}, "f: got an HTML page ('No'), expected XML: once the publisher has mended it, the next run takes it"),
    ("undecodable", b"<d>\n<r>K\xf6ln</r></d>", {}, "f:2: not well-formed XML: not well-formed (invalid token), at character 5"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "options", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_is_broken_is_refused(content: bytes, options: dict[str, str], message: str) -> None:
    assert refusal("xml", content, **{"record_path": "d.r", **options}) == message


def test_memory_does_not_grow_with_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that were read hang on no element any more."""
    from headwater.extract.formats import xml_file

    roots: list[Any] = []

    def watched(*arguments: Any) -> Any:
        for event, element in iterparse(*arguments):
            if event == "start" and not roots:
                roots.append(element)
            assert len(roots[0]) <= 300  # what came in one piece
            yield event, element

    monkeypatch.setattr(xml_file, "iterparse", watched)
    assert len(read("xml", b"<d>" + b"<r><a>1</a></r>" * 5000 + b"</d>", 64, record_path="d.r")[1]) == 5000
