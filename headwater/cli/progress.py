"""Progress in a terminal: a bar with bytes, rows and rates for each transfer. Elsewhere the lines of `say` must do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from headwater.metadata.progress import Transfer, watched_by
from headwater.metadata.redaction import redact
from headwater.metadata.visible import in_line

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextmanager
def bars(console: Console) -> Iterator[None]:
    """Draw a bar for each transfer within the block, if the console is a terminal."""
    if not console.is_terminal:
        yield
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), DownloadColumn(),
        TransferSpeedColumn(), TextColumn("{task.fields[rows]}", markup=False),
    )  # fmt: skip
    with (
        Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress,
        watched_by(_Bars(progress)),
    ):
        yield


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @contextmanager
    def transfer(self, what: str, total: int | None) -> Iterator[Transfer]:
        task = self._progress.add_task(in_line(redact(what)), total=total, rows="")
        try:
            yield _Bar(self._progress, task)
        finally:
            self._progress.refresh()  # a short transfer is over before rich draws by itself
            self._progress.remove_task(task)


class _Bar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task, self._rows = progress, task, 0

    def advance(self, *, size: int = 0, rows: int = 0) -> None:
        self._rows += rows
        self._progress.update(self._task, advance=size, rows=self._shown_rows() if self._rows else "")

    def restart(self) -> None:
        self._rows = 0
        self._progress.reset(self._task, rows="")

    def _shown_rows(self) -> str:
        elapsed = next(task.elapsed for task in self._progress.tasks if task.id == self._task)
        rate = f", {self._rows / elapsed:,.0f}/s" if elapsed else ""
        return f"{self._rows:,} rows{rate}"
