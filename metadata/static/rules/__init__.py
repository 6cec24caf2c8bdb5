"""Rules for the rows of the static metadata, one module a concern."""
