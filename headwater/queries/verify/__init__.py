"""Verification of history: versions, ledger and archive are compared with what the metadata promises."""
