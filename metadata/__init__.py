"""The framework's memory: static metadata (seeds) and process metadata (what was delivered, checked and run)."""
