"""The picture of a terminal: what was printed, in its colours, and nothing that comes from somewhere else."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from headwater.docs.recording import picture


def test_a_picture_shows_the_words_and_fetches_nothing() -> None:
    svg = picture(["new-source", "a b"], "\x1b[1mbold\x1b[0m and \x1b[31mred <&>\x1b[0m\n")
    words = "".join(ET.fromstring(svg).itertext()).replace("\xa0", " ")
    assert "headwater new-source 'a b'" in words
    assert "bold and red <&>" in words
    assert "@font-face" not in svg
    assert not re.search(r"(?:href|src|url)\s*[=(][\"']?https?:", svg)
