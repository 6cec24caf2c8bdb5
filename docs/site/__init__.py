"""The pages of the reference, generated from the code and the metadata's contract: `python -m docs.site`."""
