"""Telling a secret from the name of one: metadata is in git, so a password in it is a leak.

No function here returns the secret, so that no message can repeat it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from headwater.metadata.static.naming import ENVIRONMENT_NAME

_SECRET_WORD = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)"
)
_NAMES_A_SECRET = re.compile(rf"(?:^|[-_.]|(?<=[a-z])(?=[A-Z])){_SECRET_WORD}s?$", re.IGNORECASE)
_USERINFO = re.compile(r"(?:^|[/\s=])[^/\s:@=]*:(?P<secret>[^/\s@]+)@")
_ASSIGNED = re.compile(rf"(?:^|[^A-Za-z]){_SECRET_WORD}\s*=\s*(?P<secret>[^\s;&]+)", re.IGNORECASE)

_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_LONGEST_PART = 32
_LONGEST_NAME = 128
_REFERENCES = {
    "file": re.compile(r"/[^\s:]+"),
    "aws": re.compile(r"[A-Za-z0-9][A-Za-z0-9/_+=.@:-]{0,511}(?:#[\w.-]+)?"),
    "airflow": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}(?:#[\w.-]+)?"),
}


def is_secret_reference(text: str) -> bool:
    """Return whether `text` says where a secret is: env:NAME, file:/path, aws:id#key or airflow:conn_id."""
    kind, _, name = text.partition(":")
    if kind == "env":
        return _is_variable(name)
    return kind in _REFERENCES and _REFERENCES[kind].fullmatch(name) is not None


def _is_variable(name: str) -> bool:
    """Digits only in a name of several parts: `XK29FQ` looks like the secret itself."""
    parts = name.split("_")
    return (
        _VARIABLE.fullmatch(name) is not None
        and (len(parts) > 1 or name.isalpha())
        and len(name) <= _LONGEST_NAME
        and max(map(len, parts)) <= _LONGEST_PART
    )


def names_a_secret(name: str) -> bool:
    """Return whether a field called `name` would hold a secret: password, apiKey, client_secret."""
    return _NAMES_A_SECRET.search(name) is not None


def holds_secret(text: str) -> bool:
    """Return whether `text` has a password in it: `user:password@host`, `password=…`. `${NAME}` is no password."""
    found = [*_USERINFO.finditer(text), *_ASSIGNED.finditer(text)]
    return any(not ENVIRONMENT_NAME.fullmatch(match["secret"]) for match in found)


def json_holds_secret(text: str) -> bool:
    """Return whether JSON has a value for a name that stands for a secret. False when it is not JSON."""
    try:
        return _member_is_secret(json.loads(text))
    except ValueError:
        return False


def _member_is_secret(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_member_is_secret, value))
    if isinstance(value, dict):
        return any(_is_secret(name, member) or _member_is_secret(member) for name, member in value.items())
    return False


def _is_secret(name: str, member: Any) -> bool:
    is_text = isinstance(member, str) and member != "" and not ENVIRONMENT_NAME.fullmatch(member)
    return is_text and names_a_secret(name)
