"""Discovery: what a source's publisher offers, and what of it is not landed yet.

A data source type has a function `discover(source)` that lists offers; one that asks for what changed since takes
`landed` too, the source's deliveries so far. A source with a publisher unlike all others names its own in
`extract_function`, as `package.module:function`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from headwater.extract.connections.safe_address import shown
from headwater.extract.offers.offer import Offer
from headwater.metadata.errors import FAILURES, ExtensionUnusable, ExtraMissing, PublisherError
from headwater.metadata.process.deliveries import Delivery, Fingerprint
from headwater.metadata.static.extensions import SOURCES, find, names
from headwater.metadata.static.model import Source
from headwater.metadata.static.source_type import SourceType, resolved
from headwater.metadata.static.source_types import require_type
from headwater.metadata.visible import shortened

STRONGEST_FIRST = ("etag", "last_modified", "size")


def discover(source: Source, landed: Callable[[], Sequence[Delivery]] = tuple) -> list[Offer]:
    """All that the publisher offers now, in the order in which it applies: by delivery_date, then by name.

    `landed` is called where the type wants to know what there is.

    Raises `PublisherError` when it cannot be asked or answers what makes no sense.
    """
    function = extractor(source)
    more = {"landed": landed()} if "landed" in inspect.signature(function).parameters else {}
    found = list(function(source, **more))
    identities: dict[tuple[str, datetime], Offer] = {}
    for offer in found:
        other = identities.setdefault((offer.publisher_name, offer.delivery_date), offer)
        if other is not offer:
            raise PublisherError(
                f"{source.name}: {shortened(offer.publisher_name, 200)} of {offer.delivery_date:%Y-%m-%d}"
                " is offered twice, "
                f"at {shown(other.address)} and at {shown(offer.address)}: expected one name for one delivery"
            )
    return sorted(found, key=lambda offer: (offer.delivery_date, offer.publisher_name))


def extractor(source: Source) -> Callable[..., Iterable[Any]]:
    """The function that lists what the source's publisher offers. Raises `PublisherError` when there is none."""
    name = type_or_function(source)
    if is_function(name):
        return named_function(name, source, "extract_function", SOURCES)
    return function_of(source, "discover")


def type_or_function(source: Source) -> str:
    """The type that asks the source's publisher, or a function of one's own, as `package.module:function`."""
    return source.extract_function or source.data_source.data_source_type


def is_function(name: str) -> bool:
    """Return whether a name is that of a function, not of an extension."""
    return ":" in name


def declared_type(source: Source) -> SourceType | None:
    """The type that asks the source's publisher; None where a function of one's own does.

    Raises `PublisherError` when the type cannot be used.
    """
    name = type_or_function(source)
    if is_function(name):
        return None
    try:
        return require_type(name)
    except ExtensionUnusable as unusable:
        raise PublisherError(f"{source.name}: {unusable}") from None


def function_of(source: Source, field: str) -> Callable[..., Any]:
    """A function of the source's type, by a field of its declaration. Raises `PublisherError` when it is not there."""
    declared = declared_type(source)
    assert declared is not None
    reference = getattr(declared, field)
    try:
        return resolved(reference)
    except ExtraMissing:
        raise
    except FAILURES as error:  # a module may fail in any way while it is imported
        raise PublisherError(
            f"{source.name}: {field} of the {find(SOURCES, declared.name)} cannot be used, {reference} raises"
            f" {type(error).__name__}: {error}; expected a package that can be imported"
        ) from None


def is_known(offer: Offer, landed: Mapping[tuple[str, datetime], Fingerprint]) -> bool:
    """Return whether the newest landing of the offer's identity has its content, by all that the publisher tells."""
    fingerprint = landed.get((offer.publisher_name, offer.delivery_date))
    return fingerprint is not None and same_content(fingerprint, offer.fingerprint)


def same_content(one: Fingerprint, other: Fingerprint) -> bool:
    """Return whether two fingerprints speak of one content: what both tell is equal, and one tells all of it.

    Equal etags suffice; a publisher's mirrors often disagree about the rest.
    """
    messages = [name for name in STRONGEST_FIRST if name in one and name in other]
    if not messages:
        return not one and not other
    if messages[0] == "etag" and one["etag"] == other["etag"]:
        return True
    return all(one[name] == other[name] for name in messages)


def named_function(name: str, source: Source, column: str, group: str) -> Callable[..., Iterable[Any]]:
    """The function `package.module:function`. Raises `PublisherError` when there is none of that name.

    `group` is that of the extensions that the column may name, too.
    """
    module, _, function = name.partition(":")
    try:
        found: Callable[..., Iterable[Any]] = getattr(importlib.import_module(module), function)
    except FAILURES as error:  # a module may fail in any way while it is imported
        known = ", ".join(names(group))
        raise PublisherError(
            f"{source.name}: {column} {name!r} cannot be used ({type(error).__name__}: {error}), "
            f"expected package.module:function or one of {known}"
        ) from None
    return found
