"""One of Airflow's processes: `python -m headwater.services.airflow_component PARENT COMPONENT [OPTION …]`.

It is told to end when PARENT, the process that started it, is gone, however that ended: Linux tells it so.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def become(parent: int, arguments: list[str]) -> None:
    """Turn this process into `airflow ARGUMENTS`; nothing after it is run."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() == parent:  # else it went before it could be told
        os.execv(sys.executable, [sys.executable, "-P", "-m", "airflow", *arguments])


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
