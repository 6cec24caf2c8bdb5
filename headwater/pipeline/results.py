"""The outcome of a run: by step, by source, and as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headwater.metadata.process.deliveries import Delivery
from headwater.pipeline.retention import Purged
from headwater.queries.fallen_out import FallenOut
from headwater.queries.halts import Halt


@dataclass
class StepResult:
    """The outcome of one step for one source."""

    landed: list[Delivery] = field(default_factory=list)
    loaded: int = 0  # deliveries that came into history
    taken_out: int = 0  # deliveries that history holds no more: withdrawn, superseded, or halted by a replay
    halts: list[Halt] = field(default_factory=list)
    purged: list[Purged] = field(default_factory=list)
    fallen_out: FallenOut | None = None  # of the deliveries that were staged, judged or brought into history
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    is_left: bool = False  # not done, for a reason that a later step says

    @property
    def status(self) -> str:
        """The worst that happened: failed, halted or succeeded."""
        if self.failures or self.is_left:
            return "failed"
        return "halted" if self.halts else "succeeded"


@dataclass
class SourceResult:
    """The outcome of a run for one source: what its steps did, together."""

    source: str
    landed: int = 0
    loaded: int = 0
    taken_out: int = 0
    halts: list[Halt] = field(default_factory=list)
    purged: list[Purged] = field(default_factory=list)
    fallen_out: FallenOut | None = None
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(
        default_factory=list
    )  # that other tasks of a job have to land and load

    @property
    def status(self) -> str:
        """The worst that happened: failed, halted or succeeded."""
        return "failed" if self.failures else "halted" if self.halts else "succeeded"

    def add(self, step: StepResult) -> None:
        """Add what a step did; a failure that is there already is not there twice."""
        self.landed += len(step.landed)
        self.loaded += step.loaded
        self.taken_out += step.taken_out
        self.halts += step.halts
        self.purged += step.purged
        self.fallen_out = self.fallen_out if step.fallen_out is None else step.fallen_out
        self.warnings += step.warnings
        self.failures += [failure for failure in step.failures if failure not in self.failures]


@dataclass(frozen=True)
class RunResult:
    """The outcome of a run, by source."""

    run_id: str
    sources: tuple[SourceResult, ...]
    marts_failures: tuple[str, ...] = ()
    record_failures: tuple[str, ...] = ()  # of putting the run on record, and of its pages

    @property
    def halts(self) -> list[Halt]:
        """Every delivery that this run halted."""
        return [halt for result in self.sources for halt in result.halts]

    @property
    def failures(self) -> list[str]:
        """Everything that failed, as sentences."""
        of_sources = [failure for result in self.sources for failure in result.failures]
        return [*of_sources, *self.marts_failures, *self.record_failures]

    @property
    def exit_code(self) -> int:
        """0 all well, 3 something halted, 1 something failed."""
        return 1 if self.failures else 3 if self.halts else 0
