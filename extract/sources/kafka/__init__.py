"""The data source type `kafka`: a delivery is a bounded range of offsets of every partition of a topic."""

from headwater.metadata.extras import require

require("kafka")  # before a module of this package imports the client
