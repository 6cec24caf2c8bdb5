"""The embedded Kafka: a broker (Tansu) with topics in memory. `python -m headwater.services.kafka FOLDER PORT`.

The broker forgets everything when it ends; `headwater.demo.producer` then writes the same messages again. It
supports no passwords for topics in memory. So on Linux it runs in a separate network namespace, which only
this process can reach, and this process accepts only connections of its own account. Where the kernel gives
no namespace (macOS, many containers) the broker listens on the loopback address for every account of the
machine; the log says so.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType

from headwater.services.guard import end_with
from headwater.services.kafka_enclosed import ASK, ENCLOSED
from headwater.services.peers import uid_of_peer
from headwater.services.processes import LOOPBACK

CHUNK = 1 << 16  # bytes


def serve(folder: Path, port: int) -> int:
    """Run the broker until it ends or this process is stopped; return its exit status."""
    ours, its = socket.socketpair()
    broker = subprocess.Popen(
        [sys.executable, "-m", "headwater.services.kafka_enclosed", str(its.fileno()), str(port)],
        pass_fds=[its.fileno()],
    )
    its.close()

    def stop(_number: int, _frame: FrameType | None) -> None:
        broker.kill()  # it stores nothing

    signal.signal(signal.SIGTERM, stop)
    end_with(folder, before=broker.kill)
    if ours.recv(1) != ENCLOSED:
        return broker.wait()
    with socket.create_server((LOOPBACK, port), backlog=128) as server:
        threading.Thread(target=_let_in, args=(server, port, ours), daemon=True).start()
        status = broker.wait()
        server.shutdown(socket.SHUT_RDWR)  # now, not some time after this process ends
    return status


def _let_in(server: socket.socket, port: int, broker: socket.socket) -> None:
    """Forward connections of our own account to the broker; close others."""
    lock = threading.Lock()
    with suppress(OSError):  # it was shut down
        while True:
            client, (_, peer_port, *_) = server.accept()
            threading.Thread(target=_serve, args=(client, port, peer_port, broker, lock), daemon=True).start()


def _serve(
    client: socket.socket, port: int, peer_port: int, broker: socket.socket, lock: threading.Lock
) -> None:
    with client:
        if uid_of_peer(port, peer_port) != os.geteuid():
            return
        with lock:
            broker.sendall(ASK)
            _, files, _, _ = socket.recv_fds(broker, 1, 1)
        with socket.socket(fileno=files[0]) as other:
            back = threading.Thread(target=_pass_on, args=(other, client), daemon=True)
            back.start()
            _pass_on(client, other)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """Forward data until the sender ends; then close the other direction."""
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), int(sys.argv[2])))
