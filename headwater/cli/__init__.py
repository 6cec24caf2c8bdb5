"""The command `headwater` and its output in a terminal."""
