"""Verification of all of history: every promise about versions, ledger and archive, checked against what is there."""
