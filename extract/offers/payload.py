"""An offer as JSON, passed from the process that discovers it to the one that lands it.

The address is included if it contains no possible secret and the source type can fetch by it; otherwise the
landing process asks the publisher once more.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Any

from headwater.extract.connections.safe_address import shown
from headwater.extract.offers.discover import (
    declared_type,
    discover,
    extractor,
    function_of,
    type_or_function,
)
from headwater.extract.offers.fit_offer import fit_offer
from headwater.extract.offers.offer import Offer
from headwater.metadata.errors import PublisherError
from headwater.metadata.redaction import redact
from headwater.metadata.static.model import Source

Payload = dict[str, Any]


def reads_as_it_asks(source: Source) -> bool:
    """Return whether discovery reads the delivery itself, so that the same process has to land it."""
    declared = declared_type(source)
    if declared is not None:
        return declared.reads_while_asking
    return "landed" in inspect.signature(extractor(source)).parameters


def payload_of(offer: Offer) -> Payload:
    """Return what another process needs to know of an offer."""
    payload: Payload = {
        "publisher_name": offer.publisher_name,
        "delivery_date": offer.delivery_date.isoformat(),
        "fingerprint": dict(offer.fingerprint),
    }
    return {**payload, "address": offer.address} if _is_plain(offer.address) else payload


def refusal_payload(message: str) -> Payload:
    """Return what another process needs to know of an offer, or of the archive, that is refused:
    why, to say it for us."""
    return {"publisher_name": "refused", "refused": message}


def is_offer(payload: Payload) -> bool:
    """Return whether something is to be fetched."""
    return "refused" not in payload


def offer_of(source: Source, payload: Payload) -> Offer:
    """The offer that another process told of. Raises `PublisherError` when the publisher offers it no more."""
    date = datetime.fromisoformat(payload["delivery_date"])
    fetch_by_address = _fetch_by_address(source)
    if "address" in payload and fetch_by_address is not None:
        fetch = fetch_by_address(source)
        return Offer(payload["publisher_name"], payload["address"], date, payload["fingerprint"], fetch)
    for offer in discover(source):
        if (offer.publisher_name, offer.delivery_date) == (payload["publisher_name"], date):
            return fit_offer(source, offer)
    raise PublisherError(
        f"{source.name}: {payload['publisher_name']} of {date:%Y-%m-%d} was offered when it was asked for, and is no"
        " more: the next run lists again"
    )


def _fetch_by_address(source: Source) -> Callable[[Source], Any] | None:
    """How the source's type fetches by address; of a function of one's own, the one that stands beside it."""
    declared = declared_type(source)
    if declared is not None:
        return function_of(source, "fetch_by_address") if declared.fetch_by_address else None
    module = importlib.import_module(type_or_function(source).partition(":")[0])
    found: Callable[[Source], Any] | None = getattr(module, "fetch_by_address", None)
    return found


def _is_plain(address: str) -> bool:
    return shown(address) == address.partition("#")[0] and redact(address) == address
