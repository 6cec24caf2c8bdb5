"""Offers of a publisher: a source type discovers them, landing fetches them."""
