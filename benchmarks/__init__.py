"""Measurements, each one command, side by side with what they are to be compared with."""
