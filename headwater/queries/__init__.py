"""Queries of the record and of history, as commands and pages show it."""
