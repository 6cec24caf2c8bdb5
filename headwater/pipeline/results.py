"""The outcome of a run: by step, by source, and as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from headwater.pipeline.retention import Purged
from headwater.queries.fallen_out import FallenOut
from headwater.queries.halts import Halt


@dataclass
class _Result:
    """The outcome of work on one source."""

    landed: int = 0  # deliveries
    loaded: int = 0  # deliveries that came into history
    taken_out: int = 0  # deliveries that history holds no more: withdrawn, superseded, or halted by a replay
    halts: list[Halt] = field(default_factory=list)
    purged: list[Purged] = field(default_factory=list)
    fallen_out: FallenOut | None = None  # of the deliveries that were staged, checked or brought into history
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The worst that happened: failed, halted or succeeded."""
        return "failed" if self.failures else "halted" if self.halts else "succeeded"


@dataclass
class StepResult(_Result):
    """The outcome of one step for one source."""

    is_left: bool = False  # not done, for a reason that a later step says

    @property
    def status(self) -> str:
        """The worst that happened: failed, halted or succeeded."""
        return "failed" if self.is_left else super().status


@dataclass
class SourceResult(_Result):
    """The outcome of a run for one source: what its steps did, together."""

    source: str = field(kw_only=True)

    def add(self, step: StepResult) -> None:
        """Add what a step did; a failure that is there already is not there twice."""
        self.landed += step.landed
        self.loaded += step.loaded
        self.taken_out += step.taken_out
        self.halts += step.halts
        self.purged += step.purged
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
