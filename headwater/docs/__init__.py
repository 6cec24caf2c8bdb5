"""Pages for people: dbt's documentation of the project, and an index of all documents."""

from headwater.docs.build import build_docs

__all__ = ["build_docs"]
