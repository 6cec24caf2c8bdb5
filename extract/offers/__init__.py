"""Offers of a publisher: found by a source type, fetched by landing."""
