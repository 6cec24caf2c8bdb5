"""The terminal's room: the `headwater` command, the local run, the embedded services."""
