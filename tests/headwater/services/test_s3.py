"""The embedded S3 in what it does otherwise than the package that it is made of."""

from __future__ import annotations

import socket

from extract.store import ObjectStore
from headwater.services import children


def test_of_a_client_that_dies_while_it_sends_nothing_is_kept(s3_server: children.Child, store: ObjectStore):
    for sent in (b"", b"half"):
        with socket.create_connection(("127.0.0.1", s3_server.port)) as client:
            client.sendall(
                f"PUT /{store.bucket}/key HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n".encode() + sent
            )
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100).startswith(b"HTTP/1.1 400 ")
        assert list(store.list("")) == []
    assert store.put_new("key", b"halfhalf")
    assert store.get("key") == b"halfhalf"
