"""Guarded addresses: a publisher may lead only to the public internet, and to addresses in the metadata.

A redirect, a link or a next page could lead to an internal service, or to one on this machine, that trusts
its clients. So Headwater resolves a host once, checks each address, and connects to one of the checked
addresses: the name cannot resolve to another address in between.

Addresses in the metadata may be anywhere, but may not change from public to private, because the owner of a
domain could redirect us. `remembering` passes the hosts that were public from one process to later ones.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import requests.adapters
import urllib3
from urllib3.exceptions import NameResolutionError

from headwater.metadata.errors import PublisherError

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")


Place = tuple[str, int]  # host and port

_remembered: ContextVar[set[Place] | None] = ContextVar("places that were public", default=None)


@contextmanager
def remembering(known: Iterable[Place]) -> Iterator[set[Place]]:
    """Give guards in the body the set of formerly public hosts, to which they add."""
    places = set(known)
    token = _remembered.set(places)
    try:
        yield places
    finally:
        _remembered.reset(token)


class AddressGuard:
    """Decides which addresses may be contacted. `named` are addresses in the metadata, which may be private."""

    def __init__(self, *named: str, allow_private: bool = False) -> None:
        self._named = {place for address in named if (place := _place(address))}
        self._allow_private = allow_private
        remembered = _remembered.get()
        # named, and public at the first request
        self._public: set[Place] = set() if remembered is None else remembered

    def require(self, host: str, port: int, found: list[IpAddress]) -> None:
        """Raise `PublisherError` unless all addresses of a host are allowed."""
        place = (_bare(host), port)
        inside = [ip for ip in found if not is_public(ip)]
        if not inside:
            self._public |= {place} & self._named
        elif place in self._public and not self._allow_private:
            raise PublisherError(
                f"{host}:{port} was in the public internet, and its name now stands for {inside[0]},"
                f" {_kind(inside[0])}: expected a name that keeps its meaning, or allow_private_addresses = true in"
                " source_attribute.csv for a publisher that has moved into our own network"
            )
        elif place not in self._named and not self._allow_private:
            raise PublisherError(
                f"the publisher leads to {host}:{port}, which is {inside[0]}, {_kind(inside[0])}: expected an address"
                " of the public internet, or allow_private_addresses = true in source_attribute.csv"
            )


class GuardedAdapter(requests.adapters.HTTPAdapter):
    """Connects only to addresses that a guard allows.

    It does not check connections through a proxy of the environment, which has its own rules and resolves
    names itself.
    """

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        guard = self._guard

        class Connection(_Guarded, urllib3.connection.HTTPConnection):
            pass

        class TlsConnection(_Guarded, urllib3.connection.HTTPSConnection):
            pass

        class Pool(urllib3.HTTPConnectionPool):
            ConnectionCls = Connection

        class TlsPool(urllib3.HTTPSConnectionPool):
            ConnectionCls = TlsConnection

        Connection.guard = TlsConnection.guard = guard
        self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": TlsPool}


class _Guarded:
    """A connection that resolves its host itself and connects to the checked address."""

    guard: AddressGuard
    _dns_host: str
    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            found = list(dict.fromkeys(_addresses(name, self.port)))
        except (socket.gaierror, UnicodeError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, reason) from error  # type: ignore[arg-type]
        self.guard.require(name, self.port, found)
        try:
            for place, ip in enumerate(found):
                self._dns_host = str(ip)
                try:
                    made: socket.socket = super()._new_conn()  # type: ignore[misc]
                except urllib3.exceptions.HTTPError:
                    if place == len(found) - 1:
                        raise
                else:
                    return made
        finally:
            self._dns_host = name  # certificates contain names
        raise AssertionError("a name that was found has an address")


def is_public(ip: IpAddress) -> bool:
    """Return whether an address is public, also if it is embedded in an IPv6 address."""
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in NAT64:
            wrapped = ipaddress.IPv4Address(ip.packed[-4:])
        if wrapped:
            return is_public(wrapped)
    return ip.is_global and not ip.is_multicast


def _kind(ip: IpAddress) -> str:
    """Return the special kind of an address, for a message."""
    kinds = ("loopback", "link_local", "multicast", "unspecified", "private")
    kind = next((kind for kind in kinds if getattr(ip, f"is_{kind}")), "special")
    return f"a {kind.replace('_', '-')} address" if kind != "unspecified" else "no address of a host"


def _addresses(host: str, port: int) -> list[IpAddress]:
    found = socket.getaddrinfo(
        _bare(host), port, urllib3.util.connection.allowed_gai_family(), socket.SOCK_STREAM
    )
    return [ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found]


def _place(address: str) -> Place | None:
    """Return host and port of an address; None if it has none."""
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (_bare(parts.hostname), port) if parts.hostname and port else None


def _bare(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()
