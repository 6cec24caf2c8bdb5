"""The package `headwater`: the command, the pipeline, the embedded services, the pages."""

__version__ = "0.2.0"
