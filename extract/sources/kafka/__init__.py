"""The data source type `kafka`: a delivery is a bounded range of offsets of every partition of a topic."""
