"""Values of messages as JSON: as they came, or decoded from Avro by the source's schema."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from headwater.extract.files.limits import Limits
from headwater.extract.formats.json_values import DECODER, NotJsonError, depth, require_text
from headwater.extract.sources.kafka.client import Message
from headwater.extract.sources.kafka.schema import has_list_of_nothing
from headwater.metadata.errors import PublisherError
from headwater.metadata.static.model import Source

ReadValue = Callable[[bytes], str]

AVRO_MAGIC = b"\xc3\x01"  # of the single-object encoding, before the schema's fingerprint
FINGERPRINT = 8  # bytes


class PoisonError(ValueError):
    """A message that is not what the source's messages are; the text says why."""


def reader_of(source: Source) -> ReadValue:
    """Return what makes JSON text, on one line, of a value. Raises `PublisherError` for a schema that is none."""
    if source.options.get("value_format", "json") == "json":
        deepest = Limits.of(source).max_nesting
        return lambda value: _read_json(value, deepest)
    return _avro_reader(source)


def line_of(message: Message, read_value: ReadValue) -> bytes:
    """A message as a line of NDJSON. Raises `PoisonError`."""
    fields = {
        "partition": message.partition,
        "offset": message.offset,
        "timestamp": message.moment.isoformat().replace("+00:00", "Z") if message.moment else None,
        "key": _text(message.key),
        "headers": _headers(message),
        "tombstone": message.value is None,
    }
    value = "null" if message.value is None else read_value(message.value)
    return f'{json.dumps(fields, ensure_ascii=False)[:-1]}, "value": {value}}}\n'.encode()


def _headers(message: Message) -> dict[str, str | list[str | None] | None]:
    """Headers by name; one that comes more than once has all its values."""
    values: dict[str, list[str | None]] = {}
    for name, value in message.headers:
        try:
            values.setdefault(require_text(name), []).append(_text(value))
        except NotJsonError as error:
            raise PoisonError(f"a header: {error}") from None
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _text(data: bytes | None) -> str | None:
    """Text as it is, other bytes as Postgres writes them."""
    if data is None:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "\\x" + data.hex()
    return text if "\0" not in text else "\\x" + data.hex()


def _read_json(value: bytes, deepest: int) -> str:
    try:
        text = value.decode()
        found, end = DECODER.raw_decode(text, len(text) - len(text.lstrip(" \t\r\n")))
    except UnicodeDecodeError as error:
        raise PoisonError(f"no UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise PoisonError(f"no JSON: {error.msg}, character {error.pos}") from None
    except NotJsonError as error:
        raise PoisonError(f"no JSON: {error}") from None
    except RecursionError:
        raise PoisonError(f"objects and lists more than {deepest} deep (max_nesting)") from None
    if text[end:].strip(" \t\r\n"):
        raise PoisonError(f"no JSON: more follows after character {end}")
    if depth(found) > deepest:
        raise PoisonError(f"objects and lists more than {deepest} deep (max_nesting)")
    _require_texts(found)
    return text.replace("\r", " ").replace("\n", " ")  # line ends stand between tokens only


def _require_texts(value: Any) -> None:
    """Raise `PoisonError` for a string that Postgres cannot have."""
    if isinstance(value, str):
        try:
            require_text(value)
        except NotJsonError as error:
            raise PoisonError(str(error)) from None
    elif isinstance(value, list):
        for member in value:
            _require_texts(member)
    elif isinstance(value, dict):
        for name, member in value.items():
            _require_texts(name)
            _require_texts(member)


def _avro_reader(source: Source) -> ReadValue:
    from fastavro import parse_schema, schemaless_reader
    from fastavro.schema import SchemaParseException, fingerprint, to_parsing_canonical_form

    try:
        declared = json.loads(source.options["avro_schema"])
        schema = parse_schema(declared)
        ours = bytes.fromhex(fingerprint(to_parsing_canonical_form(declared), "CRC-64-AVRO"))
    except (ValueError, KeyError, SchemaParseException) as error:
        raise PublisherError(
            f"{source.name}: its avro_schema is no schema of Avro ({type(error).__name__}: {error})"
        ) from None
    if has_list_of_nothing(schema):
        raise PublisherError(
            f"{source.name}: its avro_schema has a list whose elements take no bytes, expected none: a message of a few"
            " bytes could say that there are billions of them"
        )

    def read(value: bytes) -> str:
        if value.startswith(AVRO_MAGIC):
            theirs = value[len(AVRO_MAGIC) : len(AVRO_MAGIC) + FINGERPRINT]
            if theirs not in (ours, ours[::-1]):
                raise PoisonError(f"Avro of another schema, fingerprint {theirs.hex()}")
            value = value[len(AVRO_MAGIC) + FINGERPRINT :]
        stream = io.BytesIO(value)
        try:
            decoded = schemaless_reader(stream, schema, None)
        except Exception as error:  # noqa: BLE001  (fastavro raises whatever the bytes lead it to)
            raise PoisonError(f"no Avro of the source's schema ({type(error).__name__})") from None
        if stream.read(1):
            raise PoisonError("no Avro of the source's schema: more follows after it")
        _require_texts(decoded)
        try:
            return json.dumps(decoded, ensure_ascii=False, default=_as_json, allow_nan=False)
        except ValueError:
            raise PoisonError("a number that JSON has no word for (NaN or infinity)") from None

    return read


def _as_json(value: Any) -> str:
    """Return what JSON has no word for, as Postgres reads it."""
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(type(value).__name__)
