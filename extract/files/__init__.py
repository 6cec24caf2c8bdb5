"""Bytes, characters and records of files, whatever their format."""
