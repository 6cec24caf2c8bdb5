"""The options of a source's conn_str at the time of use."""

from __future__ import annotations

from headwater.extract.connections.environment import Named, expand
from headwater.metadata.errors import PublisherError
from headwater.metadata.static.conn_options import options_problem, parse_options
from headwater.metadata.static.model import ConnStr
from headwater.metadata.static.source_types import find_type


def options_of(source: Named, conn_str: ConnStr, type_name: str) -> dict[str, str]:
    """Return the options with `${NAME}` replaced. Raises `PublisherError` if they are invalid."""
    if wrong := options_problem(find_type(type_name), conn_str.options):
        raise PublisherError(f"{source.name}: options of {conn_str.name}: {wrong[0]}, expected {wrong[1]}")
    return {name: expand(value, source) for name, value in parse_options(conn_str.options).items()}
