"""The command for as long as whoever started it lives: they hold the other end of our standard input.

`python -m headwater.cli.tied ARGUMENTS` does what `headwater ARGUMENTS` does. When standard input ends, so does it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

GRACE_S = 5


def main() -> None:
    """Run the command."""
    from headwater.cli.commands import app

    threading.Thread(target=_end_with_starter, args=(sys.stdin.fileno(),), daemon=True).start()
    app()


def _end_with_starter(file: int) -> None:
    while os.read(file, 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)  # so that a transaction is rolled back and the record is closed
    time.sleep(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main()
