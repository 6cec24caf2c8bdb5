"""Every check that can halt a delivery has a guide, and a guide names nothing that is not there."""

from __future__ import annotations

import re

from headwater.docs.guides import ACCEPT, GUIDES, OWN_CHECK, guide_of
from headwater.metadata.static.delivery_checks import DOUBTS
from headwater.pipeline.decide import EVENTS, NEVER_ACCEPTED
from tests.conftest import PROJECT


def test_every_check_that_can_halt_has_a_guide() -> None:
    sources = [path.read_text() for path in (PROJECT / "headwater" / "checks").glob("*.py")]
    built_in = set(re.findall(r'(?:check_)?name="([a-z_]+)"', "\n".join(sources)))
    assert len(built_in) > 5
    assert (built_in | set(DOUBTS) | {"format", "key_columns", "columns"}) - set(GUIDES) == set()


def test_what_cannot_be_accepted_is_not_to_be_accepted() -> None:
    for check, guide in GUIDES.items():
        decisions = {way.decision for way in guide.ways if way.decision}
        assert decisions <= set(EVENTS)
        assert (ACCEPT in decisions) is (check not in NEVER_ACCEPTED), check


def test_a_check_of_the_sources_own_has_a_guide_too() -> None:
    assert guide_of("values_between_price") is OWN_CHECK
