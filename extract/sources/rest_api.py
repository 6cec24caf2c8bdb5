"""The data source type `rest_api`: an API that answers in pages of JSON, as the conn_api says.

One reading is one delivery: a ZIP of the pages as they came. A source without `use_incremental` is read as a whole each
time; its delivery is called `<source>.zip` and dated by the server's clock when the reading began, never before the
one that landed last. A source with it is asked for what changed since the greatest watermark that landed, less the
lag_window; its delivery is called `<source>-since-<watermark>.zip`, so that names sort as windows began, and dated by
the greatest watermark of its records. Records that are all known from the delivery before make no delivery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from headwater.extract.connections.addresses import AddressGuard
from headwater.extract.connections.environment import expand
from headwater.extract.http.client import HttpClient
from headwater.extract.http.exchange import Patience
from headwater.extract.offers.offer import Offer, fetch_spooled
from headwater.extract.sources.api.address import below
from headwater.extract.sources.api.credentials import require_api
from headwater.extract.sources.api.pages import Pages
from headwater.extract.sources.api.reading import Reading, read_until_still
from headwater.extract.sources.api.watermark import Scale, Value, later, sortable
from headwater.metadata.process.deliveries import Delivery, newest_named
from headwater.metadata.static.model import Source

BEGINNING = "0"  # sorts before every moment, as what is read first applies first
A_SECOND = timedelta(seconds=1)


def discover(
    source: Source, landed: Sequence[Delivery] = (), patience: Patience | None = None
) -> Iterator[Offer]:
    """Yield what the API has now and did not have when it was read last: one offer, or none.

    Raises `PublisherError` when a page cannot be read, or the data does not hold still; `SecretUnavailable`.
    """
    api, scale = require_api(source), Scale.of(source)
    named = [expand(one.api_url, source) for one in (api, *source.token_apis)]
    allow_private = source.options.get("allow_private_addresses") == "true"
    client = HttpClient(patience, AddressGuard(*named, allow_private=allow_private))
    reached = scale.greatest(landed) if scale else None
    begin = scale.back(reached[0]) if scale and reached else None
    since = scale.write(begin) if scale and begin is not None else None
    reading = read_until_still(source, Pages(source, client, since), scale)
    address = below(api.api_url, source.options.get("endpoint"))
    newest = max((one.delivery_date for one in landed), default=None)
    if scale is None:
        offer = Offer(
            f"{source.name}.zip",
            address,
            reading.read_at,
            _fingerprint(reading),
            partial(fetch_spooled, [reading.spool]),
        )
        if newest is not None and offer.delivery_date < newest:
            offer = replace(offer, delivery_date=newest + A_SECOND)
        last = newest_named(landed, offer.publisher_name)
        if last is None or last.fingerprint.get("records_sha256") != reading.digest:
            yield offer
        return
    if not reading.record_count or (reached and reached[1].fingerprint.get("tail_sha256") == reading.digest):
        return
    greatest = _later(reading.greatest, reached[0] if reached else None)
    offer = Offer(
        publisher_name=f"{source.name}-since-{BEGINNING if begin is None else sortable(begin)}.zip",
        address=address,
        delivery_date=greatest
        if isinstance(greatest, datetime)
        else max(reading.read_at, newest or reading.read_at),
        fingerprint=_fingerprint(reading),
        fetch=partial(fetch_spooled, [reading.spool]),
        watermark_from=None if since is None else {scale.path: since},
        watermark_to=None if reading.greatest is None else scale.fact(reading.greatest),
    )
    yield offer


def _later(one: Value | None, other: Value | None) -> Value | None:
    """Return what only repeats the end of what was read is not older than it."""
    if one is None or other is None:
        return one or other
    return later(one, other)


def _fingerprint(reading: Reading) -> dict[str, str | int]:
    fingerprint: dict[str, str | int] = {
        "pages": reading.page_count, "records": reading.record_count, "records_sha256": reading.digest,
    }  # fmt: skip
    return fingerprint if reading.tail is None else {**fingerprint, "tail_sha256": reading.tail}
