"""The options of a conn_str: `name=value`, with `;` between them, whatever the type of the data source."""

from __future__ import annotations

import re

from headwater.metadata.static.naming import one_of

OF_OBJECT_STORES = ("region", "anonymous")
# properties of librdkafka that other columns and options say, or that are none of the user's business
NOT_OF_KAFKA = ("bootstrap.servers", "group.id", "enable.auto.commit", "sasl.username", "sasl.password")
EXPECTED = "NAME=VALUE, with ; between one and the next"
_NEXT_ONE = re.compile(r"[\s&]([\w.]+)=")


def parse_options(text: str | None) -> dict[str, str]:
    """The values by their names, without the blanks around either."""
    pairs = [part.partition("=") for part in _parts(text)]
    return {name.strip(): value.strip() for name, _, value in pairs}


def options_problem(data_source_type: str, text: str | None) -> tuple[str, str] | None:
    """Return what is wrong with the options of a connection, and what was expected; None where all is well."""
    seen: set[str] = set()
    for part in _parts(text):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or not name or not value or re.search(r"\s", name):
            return f'"{part}" is no option', EXPECTED
        if name in seen:
            return f"{name} comes twice", "each option once"
        seen.add(name)
        following = _NEXT_ONE.search(value)
        if (
            following and data_source_type != "kafka" and name != "options"
        ):  # libpq's own may hold several settings
            return f"{following[1]} stands in the value of {name}", EXPECTED
        if data_source_type == "object_store" and name not in OF_OBJECT_STORES:
            return f"{name} is not an option of an object_store", one_of(OF_OBJECT_STORES, name)
        if name == "anonymous" and data_source_type == "object_store" and value not in ("true", "false"):
            return f'anonymous is "{value}"', "true or false"
        if data_source_type == "kafka" and name in NOT_OF_KAFKA:
            expected = f"a property of librdkafka, and none of {', '.join(NOT_OF_KAFKA)}"
            return f"{name} is not for the options to say", expected
    return None


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(";") if part.strip()]
