"""The parts of a connection: its secrets, its addresses, and which errors of a network last."""
