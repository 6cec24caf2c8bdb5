"""Queries on the process metadata and on history, for commands and pages."""
