"""A planted secret is seen nowhere, in none of the forms in which secrets travel."""

from __future__ import annotations

import base64
import html
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from threading import Event, Thread
from urllib.parse import quote, urlencode

import pytest
import sqlalchemy as sa
import typer
from sqlalchemy import Engine

from headwater.cli import app
from headwater.metadata import redaction
from headwater.metadata.errors import FormatBroken, HeadwaterError, MetadataInvalid
from headwater.metadata.process.jobs import JobInstance
from headwater.metadata.redaction import BLANK, redact, redact_all, register

PLANTED = 'Pl4nted/s&cret "+ü'
HIDDEN = "Pl4nted"


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is known but the planted secret; what was known before is known again afterwards."""
    for name, value in {"_known": redaction.Secrets(), "_is_logging_redacted": False}.items():
        monkeypatch.setattr(redaction, name, value)
    factory = logging.getLogRecordFactory()
    register(PLANTED)
    yield
    logging.setLogRecordFactory(factory)


def basic(user: str) -> str:
    return base64.b64encode(f"{user}:{PLANTED}".encode()).decode()


@pytest.mark.parametrize(
    "form",
    [
        PLANTED,
        quote(PLANTED),
        quote(PLANTED, safe=""),
        quote(PLANTED, safe="").lower().replace("pl4nted", "Pl4nted"),
        urlencode({"key": PLANTED}),
        json.dumps({"key": PLANTED}),
        json.dumps({"key": PLANTED}, ensure_ascii=False),
        html.escape(PLANTED),
        repr({"key": PLANTED}),
        PLANTED.encode().hex(),
        PLANTED.encode().hex().upper(),
        *(f"Authorization: Basic {basic(user)}" for user in ("", "u", "us", "user")),
    ],
)
def test_a_secret_is_blanked_out_in_every_form(form: str) -> None:
    message = redact(f"before {form} after")
    assert message.startswith("before ")
    assert message.endswith(" after")
    assert BLANK in message
    assert HIDDEN not in message
    middle = base64.b64encode(PLANTED.encode()).decode()[4:12]
    assert middle not in message


def test_what_is_no_secret_stays() -> None:
    assert redact("a plain text of Plants") == "a plain text of Plants"
    assert redact_all({"n": 1, "list": ["x", None, PLANTED], PLANTED: (PLANTED,)}) == {
        "n": 1, "list": ["x", None, BLANK], BLANK: (BLANK,),
    }  # fmt: skip


def test_a_short_secret_is_blanked_out_of_words() -> None:
    register("abcd")
    assert redact("of abcd") == f"of {BLANK}"


def test_each_line_of_a_long_secret_is_one() -> None:
    register("-----BEGIN-----\nMIIEvQIBADANBgkqhkiG\n-----END-----\n")
    assert redact("broken at MIIEvQIBADANBgkqhkiG") == f"broken at {BLANK}"


@pytest.mark.parametrize(
    "make",
    [
        lambda: HeadwaterError(f"it answers {PLANTED}"),
        lambda: FormatBroken(f"s3://b/{quote(PLANTED)}", 3, PLANTED),
        lambda: MetadataInvalid([PLANTED]),
    ],
    ids=["any", "of a file", "of metadata"],
)
def test_an_error_is_made_without_secrets(make: Callable[[], HeadwaterError]) -> None:
    error = make()
    for message in (
        str(error),
        repr(error),
        "".join(traceback.format_exception(error)),
        *map(str, error.args),
    ):
        assert HIDDEN not in message


def test_pythons_own_logging_shows_none(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("urllib3.connectionpool")
    with caplog.at_level("DEBUG"):
        logger.debug('"GET /f?%s HTTP/1.1" %s', urlencode({"key": PLANTED}), 200)
        try:
            raise ValueError(PLANTED)
        except ValueError:
            logger.exception("it failed")
    assert caplog.text.count(BLANK) == 2
    assert HIDDEN not in caplog.text


def test_a_library_that_logs_badly_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    logger = logging.getLogger("some.library")
    with caplog.at_level("DEBUG"):
        logger.debug(f"%s of %s is {PLANTED}", "one")
        logger.debug("%s", Broken())
    assert caplog.messages == [
        f"%s of %s is {BLANK} (what is to be filled in does not fit)",
        "%s (what is to be filled in does not fit)",
    ]


def test_the_log_of_a_job_shows_none(database: Engine) -> None:
    job = JobInstance(database, "test", "run", {})
    job.log("error", f"failed with {PLANTED}", address=f"https://x/?{urlencode({'k': PLANTED})}")
    with pytest.raises(ValueError, match=HIDDEN), job.task("extract"):
        raise ValueError(PLANTED)
    job.close()
    with database.connect() as connection:
        tables = ("log_dtl", "log_header", "job_inst", "job_inst_task")
        written = [
            str(row)
            for table in tables
            for row in connection.execute(sa.text(f"select * from metadata.{table}"))
        ]
    assert BLANK in str(written)
    assert HIDDEN not in str(written)


@pytest.mark.parametrize("kind", [HeadwaterError, RuntimeError])
def test_the_command_shows_none(kind: type[Exception], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), app.explained():
        raise kind(PLANTED)
    app.say(f"asking https://x/?{urlencode({'k': PLANTED})}")
    message = capfd.readouterr()
    assert BLANK in message.err
    assert HIDDEN not in message.err + message.out


def test_secrets_that_two_threads_take_in_at_once_are_both_known(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = redaction.Secrets()
    has_begun, may_go_on = Event(), Event()
    expression = redaction.Secrets._expression

    def slow(self: redaction.Secrets, form: str) -> str:
        if "slowly" in form and not has_begun.is_set():
            has_begun.set()
            assert may_go_on.wait(20)
        return expression(self, form)

    monkeypatch.setattr(redaction.Secrets, "_expression", slow)
    one, other = (
        Thread(target=secrets.add, args=(secret,)) for secret in ("slowly-taken-in", "quickly-taken-in")
    )
    one.start()
    assert has_begun.wait(20)
    other.start()
    other.join(0.5)  # it ends now, where nothing keeps it from that, and is forgotten by the slow one
    may_go_on.set()
    one.join()
    other.join()
    assert secrets.blanked("slowly-taken-in, quickly-taken-in") == f"{BLANK}, {BLANK}"
