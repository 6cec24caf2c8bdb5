"""The columns of a source: those of the metadata beside those that a delivery has."""
