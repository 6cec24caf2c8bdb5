"""The last one out: `python -m tests.support.last_one FOLDER` ends the servers in the folder when its starter is gone.

It waits at its standard input, whose other end that process alone holds; so it learns of a `kill -9`, too.
"""

import signal
import sys
from pathlib import Path

from tests.conftest import TestServers

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest
    sys.stdin.buffer.read()
    TestServers(Path(sys.argv[1])).stop()
