"""The embedded Kafka. `python -m headwater.services.kafka FOLDER PORT`: a broker (Tansu) with its topics in memory.

It forgets everything when it ends; `headwater.demo.producer` then writes the same messages again.

The broker knows no passwords for topics in memory. So on Linux it runs in a network namespace of its own, which nobody
reaches but by this process, and this process lets in connections of its own account alone. Where the kernel gives no
namespace (macOS, many containers) the broker listens on the loopback address for every account of the machine; the
log says so.
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
    """Run the broker until it ends or this process is stopped; its exit status."""
    ours, its = socket.socketpair()
    broker = subprocess.Popen(
        [sys.executable, "-m", "headwater.services.kafka_enclosed", str(its.fileno()), str(port)],
        pass_fds=[its.fileno()],
    )
    its.close()

    def stop(_number: int, _frame: FrameType | None) -> None:
        broker.kill()  # it keeps nothing

    signal.signal(signal.SIGTERM, stop)
    end_with(folder, before=broker.kill)
    if ours.recv(1) != ENCLOSED:
        return broker.wait()
    with socket.create_server((LOOPBACK, port), backlog=128) as server:
        threading.Thread(target=_let_in, args=(server, port, ours), daemon=True).start()
        status = broker.wait()
        server.shutdown(socket.SHUT_RDWR)  # now, and not some time after this process is gone
    return status


def _let_in(server: socket.socket, port: int, broker: socket.socket) -> None:
    """Bring connections of our own account to the broker; others are closed."""
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
    """Send what comes until no more does; then tell the other end."""
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), int(sys.argv[2])))
