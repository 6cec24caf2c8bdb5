"""The parts of a connection: its secrets, its addresses, and the permanent errors of a network."""
