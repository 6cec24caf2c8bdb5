"""The command, tied to the process that starts it, which holds the other end of standard input.

`python -m headwater.cli.tied ARGUMENTS` does what `headwater ARGUMENTS` does, and ends when standard input
ends.
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
    os.kill(
        os.getpid(), signal.SIGINT
    )  # so that Postgres rolls back the transaction and the run closes its record
    time.sleep(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main()
