"""Echoes: an API may repeat in its answer what it was asked with, a secret included, as in the address of a record."""

from __future__ import annotations

import json
import re

from headwater.metadata.redaction import Secrets

STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')


def without_secrets(text: str, secrets: Secrets) -> str:
    """A document of JSON without the secrets in its strings, names included; all else as it came, to the letter."""

    def blanked(literal: re.Match[str]) -> str:
        is_plain = "\\" not in literal[0]
        string = literal[0][1:-1] if is_plain else json.loads(literal[0])
        if not secrets.may_be_in(string):
            return literal[0]
        without = secrets.blanked(string)
        return literal[0] if without == string else json.dumps(without)

    if "\\" not in text and not secrets.may_be_in(text):  # the usual case, and much faster
        return text
    return STRING.sub(blanked, text)
