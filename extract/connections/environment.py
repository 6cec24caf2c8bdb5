"""Environment variables in the texts of connections: `${NAME}`, which seeds contain in place of a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Protocol

from headwater.metadata import redaction
from headwater.metadata.errors import PublisherError
from headwater.metadata.static.secrecy import names_a_secret

PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
USERINFO = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")


class Named(Protocol):
    """The subject of a message: a source, or a step of a job."""

    @property
    def name(self) -> str:
        """Its name in the metadata."""


def expand(text: str, source: Named) -> str:
    """Replace `${NAME}` by the environment variable. Raises `PublisherError` if it is not set.

    From then on, messages mask the value if its name or position marks it as a secret.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise PublisherError(
                f"{source.name}: {text} needs the environment variable {match[1]}, which is not set"
            )
        return os.environ[match[1]]

    expanded = PLACEHOLDER.sub(value, text)
    for secret in secrets_in(text):
        redaction.register(secret)
    return expanded


def secrets_in(text: str) -> Iterator[str]:
    """Yield the values of `${NAME}` whose name or position marks them as a secret."""
    for name in PLACEHOLDER.findall(text):
        if names_a_secret(name) and name in os.environ:
            yield os.environ[name]
    if userinfo := USERINFO.search(PLACEHOLDER.sub(lambda found: os.environ.get(found[1], ""), text)):
        yield userinfo[1]
