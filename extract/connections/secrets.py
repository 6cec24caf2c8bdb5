"""Secrets by reference: metadata names where a secret is, and it is fetched at the moment of use.

env:NAME              a variable of the environment
file:/path            a file, such as a Kubernetes secret that is mounted; a line end at its end is left out
aws:id                a secret of AWS Secrets Manager; aws:id#key is one member of it, where it is JSON
airflow:conn_id       the password of an Airflow connection; airflow:conn_id#name is another part of it: its login,
                      host, schema or port, or a member of its extra. AIRFLOW_CONN_<CONN_ID> is read without Airflow
"""

from __future__ import annotations

import importlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from headwater.metadata import redaction
from headwater.metadata.errors import SecretUnavailable

LARGEST_FILE = 64 << 10  # bytes
AIRFLOW_PREFIX = "AIRFLOW_CONN_"


@dataclass(frozen=True)
class Secret:
    """A secret whose text never appears by accident: `reveal` is for the one place that sends it.

    `login` is the user of an Airflow connection.
    """

    reference: str
    login: str | None = None
    _value: str = field(default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        redaction.register(self._value)

    def reveal(self) -> str:
        """Return the secret."""
        return self._value

    def __str__(self) -> str:
        return redaction.BLANK

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"the secret {self.reference} is not to be stored")


def resolve(reference: str) -> Secret:
    """Return the secret that a `secret_ref` names. Raises `SecretUnavailable` if it is unavailable."""
    kind, _, name = reference.partition(":")
    resolvers = {"env": _of_environment, "file": _of_file, "aws": _of_aws, "airflow": _of_airflow}
    if kind not in resolvers or not name:
        _fail(reference, "names no place that we know", "env:NAME, file:/path, aws:id or airflow:conn_id")
    value, login = resolvers[kind](reference, name)
    if len(value) < redaction.SHORTEST:
        is_blank = "is empty" if not value else f"has only {len(value)} characters"
        _fail(
            reference,
            is_blank,
            f"{redaction.SHORTEST} at least: a shorter one cannot be kept out of messages",
        )
    return Secret(reference, login, value)


def _of_environment(reference: str, name: str) -> tuple[str, None]:
    if name not in os.environ:
        _fail(reference, "is not set", f"the environment variable {name}")
    return os.environ[name], None


def _of_file(reference: str, path: str) -> tuple[str, None]:
    try:
        with Path(path).open("rb") as file:
            body = file.read(LARGEST_FILE + 1)
        text = body.decode()
    except OSError as error:
        _fail(reference, f"cannot be read ({error.strerror})", "a file that we may read")
    except UnicodeDecodeError:
        _fail(reference, "is no text", "a text in UTF-8")
    if len(body) > LARGEST_FILE:
        _fail(reference, f"is larger than {LARGEST_FILE} bytes", "a file that holds one secret")
    return text.removesuffix("\n").removesuffix("\r"), None


def _of_aws(reference: str, name: str) -> tuple[str, None]:
    import boto3  # takes a while
    from botocore.exceptions import BotoCoreError, ClientError

    secret_id, _, key = name.partition("#")
    try:
        with _unlogged("botocore.parsers"):
            answer = boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        _fail(
            reference,
            f"cannot be read ({code})",
            f"a secret {secret_id} that our role may read in our region",
        )
    text = answer.get("SecretString")
    if not isinstance(text, str):
        _fail(reference, "is binary", "a text")
    return (_member(reference, text, key) if key else text), None


@contextmanager
def _unlogged(name: str) -> Iterator[None]:
    """Prevent libraries from logging an answer before its secrets are known."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)


def _member(reference: str, text: str, key: str) -> str:
    try:
        members = json.loads(text)
    except ValueError:
        members = None
    finally:
        redaction.register(text)
    if not isinstance(members, dict):
        _fail(reference, "is not a JSON object", f"one with a member {key}, or a reference without #{key}")
    if not isinstance(members.get(key), str):
        _fail(reference, f"has no text {key}", f"one of {', '.join(map(str, members))}")
    return str(members[key])


def _of_airflow(reference: str, name: str) -> tuple[str, str | None]:
    conn_id, _, part = name.partition("#")
    variable = AIRFLOW_PREFIX + conn_id.upper()
    if variable in os.environ:
        parts = _parsed_connection(reference, variable, os.environ[variable])
    else:
        parts = _connection_of_airflow(reference, conn_id, variable)
    value = parts.get(part or "password")
    if value is None:
        message = ", ".join(sorted(name for name, member in parts.items() if member)) or "nothing"
        _fail(
            reference,
            f"has no {part or 'password'} (it has {message})",
            f"a connection {conn_id} that has one",
        )
    return value, parts.get("login")


def _parsed_connection(reference: str, variable: str, text: str) -> Mapping[str, str | None]:
    """The parts of a connection as Airflow writes it to the environment, as JSON or as a URI."""
    redaction.register(text)
    if text.lstrip().startswith("{"):
        try:
            members = json.loads(text)
            extra = members.pop("extra", None) or {}
            extra = json.loads(extra) if isinstance(extra, str) else extra
        except (ValueError, AttributeError):
            _fail(reference, f"is broken: {variable} is not JSON", "a connection as Airflow writes it")
        return {**_texts(extra), **_texts(members)}
    try:
        uri = urlsplit(text)
        port = uri.port
    except ValueError:
        _fail(reference, f"is broken: {variable} is no URI", "a connection as Airflow writes it")
    extra = dict(parse_qsl(uri.query))
    if "__extra__" in extra:
        try:
            extra = _texts(json.loads(extra["__extra__"]))
        except ValueError:
            _fail(
                reference,
                f"is broken: __extra__ of {variable} is not JSON",
                "a connection as Airflow writes it",
            )
    fields = {
        "login": unquote(uri.username) if uri.username else None,
        "password": unquote(uri.password) if uri.password else None,
        "host": unquote(uri.hostname) if uri.hostname else None,
        "schema": unquote(uri.path.lstrip("/")) or None,
        "port": str(port) if port else None,
    }
    return {**extra, **fields}


def _connection_of_airflow(reference: str, conn_id: str, variable: str) -> Mapping[str, str | None]:
    """The same from Airflow itself, which also looks into its database and its secrets backends."""
    try:
        hook: Any = importlib.import_module("airflow.sdk.bases.hook").BaseHook
    except ImportError:
        _fail(reference, "is not there", f"{variable} in the environment, as there is no Airflow to ask")
    try:
        found = hook.get_connection(conn_id)
    except Exception as error:  # noqa: BLE001  # Airflow and its backends have errors of every kind
        _fail(reference, f"is not known to Airflow ({type(error).__name__})", f"a connection {conn_id}")
    fields = {name: getattr(found, name) for name in ("login", "password", "host", "schema", "port")}
    return {**_texts(found.extra_dejson), **_texts(fields)}


def _texts(members: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: None if member is None else str(member) for name, member in members.items()}


def _fail(reference: str, problem: str, expected: str) -> NoReturn:
    raise SecretUnavailable(f"the secret {reference} {problem}, expected {expected}") from None
