"""Verification on the whole line: a clean project is clean, and every planted damage is named."""
