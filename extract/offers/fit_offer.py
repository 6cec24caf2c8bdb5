"""Validation of an offer's facts before anything lands.

A name and a watermark are accepted unchanged or refused, because two changed names might become equal. A
fingerprint is only compared, so a digest replaces a value that cannot be stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from headwater.extract.connections.safe_address import shown
from headwater.extract.offers.offer import Offer
from headwater.extract.offers.part_in_name import part_in_name
from headwater.metadata.errors import PublisherError
from headwater.metadata.process.deliveries import Fingerprint
from headwater.metadata.static.model import Source
from headwater.metadata.storable import is_storable, storable_all
from headwater.metadata.visible import shortened

LONGEST_NAME = 1024  # bytes, as a key on S3 may have; an index of Postgres takes some 2,700
LONGEST_COMPARED = 1024  # characters of a value that is only compared


def fitting(source: Source, offers: Iterable[Offer], refuse: Callable[[str], None]) -> Iterator[Offer]:
    """Yield the offers that can be recorded; calls `refuse` with the reason for others."""
    for offer in offers:
        try:
            yield fit_offer(source, offer)
        except PublisherError as error:
            refuse(str(error))


def fit_offer(source: Source, offer: Offer) -> Offer:
    """Return the offer in a form that can be recorded. Raises `PublisherError` for an invalid name, date, part or
    watermark.
    """
    wrong = _name_problem(offer.publisher_name) or _date_problem(offer) or _watermark_problem(offer)
    if wrong:
        raise PublisherError(
            f"{source.name}: the publisher offers {shortened(offer.publisher_name)!r} at"
            f" {shortened(shown(offer.address), 200)}: {wrong}. It is left out until that is mended"
        )
    part_in_name(source, offer.publisher_name)
    return replace(offer, fingerprint=fit_fingerprint(offer.fingerprint))


def fit_fingerprint(payload: Fingerprint) -> dict[str, Any]:
    """Return a fingerprint with values that can be stored and compared."""
    return {
        name: value if not isinstance(value, str) or _is_plain(value) else _digest(value)
        for name, value in payload.items()
    }


def _is_plain(value: str) -> bool:
    return len(value) <= LONGEST_COMPARED and is_storable(value)


def _digest(value: str) -> str:
    return f"sha256:{hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _name_problem(name: str) -> str | None:
    if "\0" in name:
        return "its name has a NUL, which no table can have, expected a name that is text"
    if not is_storable(name):
        return "its name is no text in UTF-8, expected one that is"
    size = len(name.encode())
    if size > LONGEST_NAME:
        return f"its name has {size:,} bytes, expected {LONGEST_NAME:,} at most"
    return None


def _date_problem(offer: Offer) -> str | None:
    if offer.delivery_date.tzinfo is None:
        return f"its date {offer.delivery_date} has no time zone, expected one in UTC (extract_function)"
    return None


def _watermark_problem(offer: Offer) -> str | None:
    for watermark in (offer.watermark_from, offer.watermark_to):
        if watermark is not None and storable_all(watermark) != dict(watermark):
            return f"its watermark {_shown(watermark)} has a NUL or half a character, expected text"
    return None


def _shown(watermark: Mapping[str, Any]) -> str:
    return shortened(", ".join(f"{path} {value}" for path, value in watermark.items()))
