"""Damage on S3, and between S3 and Postgres: the object, the delivery and the event are named."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from headwater.extract.landing.manifest import manifest_key
from headwater.metadata.process.deliveries import lock_source
from tests.pipeline.verify.verified import Verified, rules, the


def replace_object(verified: Verified, key: str, body: bytes) -> None:
    """Change an object, as somebody does who may write the bucket."""
    verified.line.store.delete(key)
    assert verified.line.store.put_new(key, body)


def object_of(verified: Verified, name: str) -> tuple[int, str]:
    """The number of a delivery, and the key of its object."""
    sqn = verified.line.sqn(name)
    [(address,)] = verified.line.query(
        "select delivery_filename from metadata.delivery where delivery_sqn = :sqn", sqn=sqn
    )
    return sqn, verified.line.store.key(address)


def event_of(verified: Verified, source: str, kind: str) -> str:
    """The key of the first event of a kind."""
    return next(key for key in verified.line.store.list(f"events/{source}/") if key.endswith(f"-{kind}.json"))


def test_a_changed_object_is_found_by_reading_it_and_not_without(verified: Verified) -> None:
    sqn, key = object_of(verified, "ratings-20260101.csv")
    body = verified.line.store.get(key)
    replace_object(verified, key, body.replace(b"5", b"4"))
    assert verified.findings("ratings") == []
    found = the(verified.findings("ratings", reads_objects=True), "contents.content_changed")
    assert (found.delivery_sqn, found.publisher_name) == (sqn, "ratings-20260101.csv")
    assert found.address == verified.line.store.address(key)
    assert f"{len(body)} bytes, sha256 " in found.expected
    assert found.found != found.expected


def test_a_missing_object_is_found(verified: Verified) -> None:
    sqn, key = object_of(verified, "ratings-20260101.csv")
    verified.line.store.delete(key)
    found = verified.findings("ratings", reads_objects=True)
    assert rules(found) == {"objects.object_missing"}
    assert found[0].delivery_sqn == sqn


def test_an_object_of_no_delivery_is_a_note_and_no_damage(verified: Verified) -> None:
    verified.line.store.put_new("landed/ratings/0000000099/left.csv", b"reader,stars\n")
    outcome = verified.outcome("ratings", "objects")
    assert outcome.status == "clean"
    [notice] = outcome.notices
    assert "landed/ratings/0000000099/left.csv belongs to no delivery. A guess:" in notice


def test_a_missing_manifest_is_found(verified: Verified) -> None:
    sqn, _ = object_of(verified, "ratings-20260101.csv")
    verified.line.store.delete(manifest_key("ratings", sqn))
    found = verified.findings("ratings")
    assert rules(found) == {"manifests.manifest_missing"}
    assert (found[0].delivery_sqn, found[0].publisher_name) == (sqn, "ratings-20260101.csv")


def test_a_delivery_that_postgres_has_lost_is_found_by_its_manifest(verified: Verified) -> None:
    sqn, _ = object_of(verified, "ratings-20260101.csv")
    verified.drop_foreign_keys()
    verified.damage(f"delete from metadata.delivery where delivery_sqn = {sqn}")
    found = verified.findings("ratings")
    assert the(found, "manifests.delivery_missing").delivery_sqn == sqn
    assert {
        "events.event_missing_in_postgres", "orphans.delivery_status", "orphans.delivery_event",
        "versions_and_deliveries.opened_by_none", "status.unregistered_rows",
    } <= rules(found)  # fmt: skip


def test_a_changed_manifest_is_found_by_reading_it(verified: Verified) -> None:
    sqn, _ = object_of(verified, "ratings-20260101.csv")
    key = manifest_key("ratings", sqn)
    body = verified.line.store.get(key)
    replace_object(verified, key, body.replace(b'"snapshot"', b'"delta"'))
    found = the(verified.findings("ratings", reads_objects=True), "contents.manifest_changed")
    assert found.delivery_sqn == sqn
    assert found.found == "delivery_type 'delta' on S3, 'snapshot' in Postgres"


@pytest.mark.parametrize("kind", ["passed", "halted", "accepted", "withdrawn"])
def test_an_event_that_s3_lost_is_found(verified: Verified, kind: str) -> None:
    key = event_of(verified, "cities", kind)
    verified.line.store.delete(key)
    found = the(verified.findings("cities"), "events.event_missing_on_s3")
    assert found.address == verified.line.store.address(key)
    assert f"the event {kind}" in found.expected
    assert found.publisher_name


@pytest.mark.parametrize("kind", ["landed", "passed", "accepted", "withdrawn"])
def test_an_event_that_postgres_lost_is_found(verified: Verified, kind: str) -> None:
    event = f"source = 'cities' and event = '{kind}' order by event_at limit 1"
    [(event_id,)] = verified.line.query(
        f"select event_id from metadata.delivery_event join metadata.delivery using (delivery_sqn) where {event}"
    )
    verified.damage(f"delete from metadata.delivery_event where event_id = '{event_id}'")
    found = the(verified.findings("cities"), "events.event_missing_in_postgres")
    assert str(event_id) in (found.address or "")
    assert f"the event {kind}" in found.expected
    assert found.action == "headwater run cities registers the event, and history follows it"


def test_an_event_with_another_reason_is_found_by_reading_it(verified: Verified) -> None:
    verified.damage("update metadata.delivery_event set why = 'another' where event = 'withdrawn'")
    found = the(verified.findings("cities", reads_objects=True), "contents.event_changed")
    assert found.found == "why 'a test' on S3, 'another' in Postgres"


def test_what_a_load_under_way_may_still_write_is_not_proven_and_no_damage(verified: Verified) -> None:
    verified.damage("delete from metadata.delivery_event where event = 'withdrawn'")
    with verified.line.database.begin() as connection:
        lock_source(connection, "cities")
        connection.execute(sa.text("select 1"))
        outcome = verified.outcome("cities", "events")
    assert outcome.status == "unproven"
    assert "the load of cities that is under way" in outcome.unproven[0]
