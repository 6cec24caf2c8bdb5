"""One of Airflow's processes: `python -m headwater.services.airflow_component PARENT COMPONENT [OPTION …]`.

Linux signals it to end when PARENT, the process that started it, is gone, even after a kill.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def become(parent: int, arguments: list[str]) -> None:
    """Replace this process by `airflow ARGUMENTS`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() == parent:  # else the parent ended before the request took effect
        os.execv(sys.executable, [sys.executable, "-P", "-m", "airflow", *arguments])


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
