"""The command `headwater`, and how it shows things in a terminal."""
