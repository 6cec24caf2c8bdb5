"""dbt's documentation as one page that shows names and descriptions as text, whoever wrote them.

dbt writes the project as JSON into a script of its page, where `</script>` would end it. It renders
descriptions as Markdown, which may contain HTML, and search results as HTML. All of them contain names and
comments of publishers. So this module writes the JSON without `<` and descriptions without tags, and adds a
policy (CSP): the browser runs only dbt's own scripts, which have a nonce, and contacts no server.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLACES = {'"MANIFEST.JSON INLINE DATA"': "manifest.json", '"CATALOG.JSON INLINE DATA"': "catalog.json"}
MARKDOWN = (
    "description",
    "block_contents",
    "comment",
)  # name endings of the members that the page renders as HTML
NO_TAG = "<\u2060"  # a word joiner, which is invisible
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_HEAD = re.compile(r"<head(?:\s[^>]*)?>", re.IGNORECASE)
_SCRIPT = re.compile(r"<script(?=[\s>])", re.IGNORECASE)


def dbt_page(target: Path) -> str:
    """Return the page of the project from the `manifest.json` and `catalog.json` that dbt wrote into `target`."""
    from dbt.task.docs import DOCS_INDEX_FILE_PATH

    nonce = secrets.token_urlsafe(18)
    page = _with_policy(Path(DOCS_INDEX_FILE_PATH).read_text(encoding="utf-8"), nonce)
    data = {
        place: in_script(without_markup(json.loads((target / name).read_text(encoding="utf-8"))))
        for place, name in PLACES.items()
    }
    return re.sub("|".join(map(re.escape, PLACES)), lambda found: data[found[0]], page)


def in_script(data: Any) -> str:
    """Return data as JSON for a script of an HTML page, without characters that have a meaning in HTML."""
    text = json.dumps(data)  # only ASCII
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def without_markup(data: Any, key: str | None = None) -> Any:
    """Return the data without tags in texts that the page renders as Markdown or HTML: no `<` begins one."""
    if isinstance(data, Mapping):
        return {name: without_markup(member, name) for name, member in data.items()}
    if isinstance(data, list):
        return [without_markup(member) for member in data]
    is_markdown = isinstance(data, str) and (key or "").endswith(MARKDOWN)
    return _TAG.sub(NO_TAG, data) if is_markdown else data


def policy(nonce: str) -> str:
    """Return the Content-Security-Policy of the page."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            "style-src 'unsafe-inline'",
            "img-src data:",
            "font-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _with_policy(template: str, nonce: str) -> str:
    """Return dbt's page with the policy in its head, and the nonce on its script elements."""
    head = _HEAD.search(template)
    begins = _script_tags(template)
    for begin in reversed(begins):
        template = f'{template[:begin]}<script nonce="{nonce}"{template[begin + len("<script") :]}'
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy(nonce)}">'
    if head is None:
        raise ValueError("dbt's page has no head")
    return template[: head.end()] + meta + template[head.end() :]


def _script_tags(template: str) -> list[int]:
    """Return the positions of the script elements, without texts in a script that look like one."""
    found, place = [], 0
    while begin := _SCRIPT.search(template, place):
        found.append(begin.start())
        end = template.find("</script", begin.end())
        place = len(template) if end < 0 else end
    return found
