"""Whose connections arrive: on Linux the kernel tells which account holds the other end of one on this machine."""

from __future__ import annotations

from pathlib import Path

ESTABLISHED = "01"
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")  # a client of both kinds of addresses is in the second


def uid_of_peer(port: int, peer_port: int) -> int | None:
    """The account that holds the connection from `peer_port` to `port` of the loopback address; None when none does."""
    wanted = f":{peer_port:04X}", f":{port:04X}"
    for table in TABLES:
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            _, local, remote, state, _, _, _, uid, _, inode, *_ = line.split()
            if (
                local.endswith(wanted[0])
                and remote.endswith(wanted[1])
                and state == ESTABLISHED
                and inode != "0"
            ):
                return int(uid)
    return None
