"""The types of data sources that are built in, a declaration each; `metadata/static/extensions.py` has their names."""
