"""Writes the generated pages of the reference: `python -m docs.site`, or `make docs-reference`."""

from __future__ import annotations

from docs.site.reference import FOLDER, pages

for name, text in pages().items():
    (FOLDER / f"{name}.md").write_text(text, encoding="utf-8")
