"""Characters that steer a terminal or hide are shown as what they are."""

from __future__ import annotations

import json
import unicodedata

import pytest

from headwater.metadata.redaction import register
from headwater.metadata.visible import in_line, quoted, shortened, visible, visible_json
from tests.support import hostile

EVERYTHING = {
    **hostile.VALUES,
    **hostile.FILE_NAMES,
    **hostile.HEADERS,
    "c1": "\x9b2J",
    "tag": "a\U000e0041b",
}
STEERING = ("Cc", "Cs", "Zl", "Zp")
TURNING = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")


def steers(text: str) -> list[str]:
    return [
        hex(ord(one))
        for one in text
        if unicodedata.category(one) in STEERING
        or unicodedata.bidirectional(one) in TURNING
        or one in "\u200b\ufeff"
    ]


@pytest.mark.parametrize("text", hostile.params(EVERYTHING))
def test_nothing_of_a_publisher_steers_or_hides(text: str) -> None:
    assert steers(in_line(text)) == []
    assert steers(visible(text).replace("\n", "").replace("\t", "")) == []
    visible(text).encode()


@pytest.mark.parametrize("text", hostile.params(EVERYTHING))
def test_json_says_exactly_the_same_and_steers_nothing(text: str) -> None:
    message = visible_json({text: [text]})
    assert json.loads(message) == {text: [text]}
    assert steers(message) == []
    message.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("price\u202eecirp", r"price\u202eecirp"),
        ("a\rb\x00", r"a\rb\x00"),
        ("st\udce9", r"st\udce9"),
        ("a\U000e0041b", r"a\U000e0041b"),
        ("Łódź, 東京, 💶 & <b>", "Łódź, 東京, 💶 & <b>"),
        ("שלום", "שלום"),
    ],
)
def test_a_character_that_hides_is_spelled_and_any_other_stays(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_part_of_a_line_ends_no_line() -> None:
    assert in_line("a\nb\tc") == r"a\nb\tc"
    assert visible("a\nb\tc") == "a\nb\tc"


@pytest.mark.parametrize("text", hostile.params(EVERYTHING))
def test_a_value_in_a_message_is_short_and_steers_nothing(text: str) -> None:
    shown = shortened(text)
    assert steers(shown) == []
    assert len(shown) <= 10 * 61


def test_a_value_in_a_message_is_quoted_and_cut() -> None:
    assert shortened("a" * 61) == "a" * 60 + "…"
    assert (quoted(None), quoted(""), quoted("8.995")) == ("nothing", '""', '"8.995"')


def test_a_secret_is_blanked_out_before_anything_is_cut() -> None:
    register("s3cr3t-of-the-test")
    assert shortened("x" * 50 + "s3cr3t-of-the-test") == "x" * 50 + "[secret]"
