"""The sampler of `rest_api`: all records of an API, read in the way of a source."""

from __future__ import annotations

from headwater.extract.offers.discover import discover
from headwater.extract.offers.offer import Sink
from headwater.extract.offers.sampled import Sampled
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.model import Source


def sample(source: Source, sink: Sink) -> Sampled:
    """Write the records to `sink`. Raises `NewSourceRefused` or `PublisherError`."""
    if (
        source.conn_api is not None
        and source.conn_api.use_incremental
        and "watermark_path" not in source.options
    ):
        raise NewSourceRefused(
            f"{source.name}: it is asked for what changed (use_incremental), expected where each record says when it"
            " changed: --option watermark_path=PATH"
        )
    offer = next(iter(discover(source)), None)
    if offer is None:
        raise NewSourceRefused(
            f"{source.name}: gives no record now, expected some: they show which columns to propose"
        )
    offer.fetch(offer, sink)
    return Sampled(offer.publisher_name)
