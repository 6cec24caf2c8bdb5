"""Pages for people: the project's documentation by dbt, and an index of all there is to read."""

from headwater.docs.build import build_docs

__all__ = ["build_docs"]
