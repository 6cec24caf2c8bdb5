"""Redaction: a secret that was had is blanked out wherever a person, a log or a table could see it.

Every secret is registered when it is resolved. From then on errors, job logs, Python's own logging and the command's
words know it in all the forms in which it travels: as it is, in a URL, in JSON, in HTML, in base64 and in hexadecimal.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import threading
import traceback
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

BLANK = "[secret]"
SHORTEST = 4  # characters: a shorter one could not be blanked out without the words around it
SHORTEST_BASE64 = 6  # characters that do not depend on what stands before and after
SHOWN = 40  # characters of a value in a message
SHORTEST_LINE = 12  # characters: of a secret of several lines each may be shown alone

NOT_AMID_A_WORD = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))", r"(?![A-Za-z0-9])"

T = TypeVar("T")


class Secrets:
    """Some secrets, and texts without them.

    Forms with less than `alone_below` characters are blanked out only where they are no part of a longer word.
    """

    def __init__(self, alone_below: int = 0) -> None:
        self._alone_below = alone_below
        self._forms: frozenset[str] = frozenset()  # replaced as a whole: other threads may go through it
        self._adding = threading.Lock()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        """Take in a secret, with all its forms."""
        lines = [line for line in secret.splitlines() if len(line) >= SHORTEST_LINE]
        forms = {form for text in {secret, *lines} for form in _forms_of(text)}
        with self._adding:
            if forms <= self._forms:
                return
            longest_first = sorted(self._forms | forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(map(self._expression, longest_first)))
            self._forms = frozenset(longest_first)

    def may_be_in(self, text: str) -> bool:
        """Return whether there is anything to look at more closely: fast, for texts of many megabytes."""
        return any(form in text for form in self._forms)

    def blanked(self, text: str) -> str:
        """The text without them."""
        return self._pattern.sub(BLANK, text) if self._pattern else text

    def _expression(self, form: str) -> str:
        before, after = NOT_AMID_A_WORD if len(form) < self._alone_below else ("", "")
        return before + re.escape(form) + after


_known = Secrets()
_is_logging_redacted = False


def register(secret: str) -> None:
    """Blank out `secret` from now on."""
    global _is_logging_redacted
    if not _is_logging_redacted:
        _redact_logging()
        _is_logging_redacted = True
    _known.add(secret)


def redact(text: str) -> str:
    """A text without secrets."""
    return _known.blanked(text)


def beginning(text: str, characters: int = SHOWN) -> str:
    """As much of a text as a message shows. A secret is blanked out first: what is cut could not be told any more."""
    return redact(text)[:characters]


def redact_all(value: T) -> T:
    """A value of texts, lists and mappings without secrets."""
    made: Any = value
    if isinstance(value, str):
        made = redact(value)
    elif isinstance(value, Mapping):
        made = {redact_all(name): redact_all(member) for name, member in value.items()}
    elif isinstance(value, list | tuple | set | frozenset):
        made = type(value)(map(redact_all, value))
    elif isinstance(value, BaseException):
        made = redact(str(value))
    return made  # type: ignore[no-any-return]


def redacted_traceback(error: BaseException) -> str:
    """Return what Python says of an exception, with its stack, without secrets."""
    return redact("".join(traceback.format_exception(error)))


def _forms_of(secret: str) -> Iterator[str]:
    plain = {
        secret,
        secret.strip(),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        repr(secret)[1:-1],
        secret.encode().hex(),
        secret.encode().hex().upper(),
    }
    plain |= {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in plain}
    yield from (form for form in plain if len(form) >= SHORTEST)
    body = secret.encode()
    for before in range(3):  # base64 goes by three bytes: where the secret begins decides how it looks
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * before + body).decode()
            local = text[-(-before * 8 // 6) : (before + len(body)) * 8 // 6]
            if len(local) >= SHORTEST_BASE64:
                yield local


def _redact_logging() -> None:
    """Every record of Python's logging is made without secrets, whoever writes it."""
    make = logging.getLogRecordFactory()

    def make_redacted(*arguments: Any, **more: Any) -> logging.LogRecord:
        record = make(*arguments, **more)
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  # whoever logs with arguments that do not fit must not fail by it
            message = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
            record.msg, record.args = f"{redact(message)} (what is to be filled in does not fit)", ()
        else:
            if redact(message) != message:
                record.msg, record.args = redact(message), ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = redacted_traceback(record.exc_info[1]).rstrip()
        return record

    logging.setLogRecordFactory(make_redacted)
