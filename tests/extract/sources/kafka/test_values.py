"""Values of messages that say of few bytes that they are many."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.extract.sources.kafka.values import PoisonError, reader_of
from headwater.metadata.errors import PublisherError
from tests.support.sources import make_source

NOTHING = {"type": "record", "name": "nothing", "fields": [{"name": "a", "type": "null"}]}
MANY = b"\x80\xa0\x94\xa5\x8d\x1d"  # a count of 500 billion elements


def avro(schema: Any) -> Any:
    return reader_of(make_source(options={"value_format": "avro", "avro_schema": json.dumps(schema)}))


@pytest.mark.parametrize(
    "items",
    ["null", NOTHING, {"type": "record", "name": "none", "fields": []}, {"type": "null"}],
    ids=["null", "record of null", "record of nothing", "null in full"],
)
@pytest.mark.parametrize("is_inner", [True, False])
def test_a_schema_with_a_list_of_nothing_is_refused(items: Any, is_inner: bool) -> None:
    schema: Any = {"type": "array", "items": items}
    if is_inner:
        schema = {"type": "record", "name": "row", "fields": [{"name": "list", "type": ["null", schema]}]}
    with pytest.raises(
        PublisherError, match="places: its avro_schema has a list whose elements take no bytes"
    ):
        avro(schema)


def test_a_list_of_a_name_that_stands_for_nothing_is_refused() -> None:
    fields = [
        {"name": "one", "type": NOTHING},
        {"name": "list", "type": {"type": "array", "items": "nothing"}},
    ]
    with pytest.raises(PublisherError, match="take no bytes"):
        avro({"type": "record", "name": "row", "fields": fields})


@pytest.mark.parametrize("items", ["long", "bytes", ["null", "long"], {"type": "map", "values": "null"}])
def test_a_message_that_says_to_be_longer_than_it_is_is_poison(items: Any) -> None:
    with pytest.raises(PoisonError, match="no Avro of the source's schema"):
        avro({"type": "array", "items": items})(MANY)


def test_a_type_within_itself_is_read() -> None:
    fields = [{"name": "below", "type": {"type": "array", "items": "tree"}}]
    assert avro({"type": "record", "name": "tree", "fields": fields})(b"\x00") == '{"below": []}'
