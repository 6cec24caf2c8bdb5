"""What a set of records is, whatever their order: equal for equal records, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

_MODULUS = 2**256


class Digest:
    """A sum over the sha256 of each record, so that parts can be added up."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, hashed: bytes) -> None:
        """Take a record in by its sha256."""
        self._sum = (self._sum + int.from_bytes(hashed)) % _MODULUS

    def add_all(self, records: Iterable[bytes]) -> None:
        """Take records in."""
        found = sum([int.from_bytes(sha256(record).digest()) for record in records])
        self._sum = (self._sum + found) % _MODULUS

    def merge(self, other: Digest) -> None:
        """Take in what another digest has."""
        self._sum = (self._sum + other._sum) % _MODULUS

    def __str__(self) -> str:
        return f"{self._sum:064x}"
