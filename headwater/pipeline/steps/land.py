"""Land what is new: publisher → S3."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.extract.offers.offer import Offer
from headwater.extract.offers.payload import Payload
from headwater.extract.run import Extraction
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.context import RunContext
from headwater.pipeline.steps.discover import add_extracted, discover, extraction_of


def extract(context: RunContext, source: Source) -> None:
    """Discover and land what is new in this process: nobody else asks the publisher meanwhile."""
    extraction = extraction_of(context, source)
    with extraction.asking():
        if offers := discover(context, source, extraction):
            land(context, source, extraction, offers)


def land(context: RunContext, source: Source, extraction: Extraction, offers: list[Offer]) -> None:
    """Land what `discover` found; the caller is still `extraction.asking`."""
    with context.record.step(source, StepName.LAND) as done:
        try:
            extraction.land_new(offers)
        finally:
            add_extracted(context, source, extraction.take_summary(), done)


def land_payloads(
    context: RunContext, source: Source, payloads: Sequence[Payload], landed: list[Delivery]
) -> set[str]:
    """Land what another process discovered, others of it being landed side by side.

    `landed` receives what lands, as it lands. Returns the names of offers that had been landed already, by an earlier
    try, which may have died before it could load them.
    """
    known = set()
    for payload in payloads:
        with context.record.step(source, StepName.LAND) as done:
            extraction = extraction_of(context, source)
            try:
                extraction.land_payload(payload)
            finally:
                summary = extraction.take_summary()
                add_extracted(context, source, summary, done)
                landed += summary.landed
            if summary.known:
                known.add(payload["publisher_name"])
    return known
