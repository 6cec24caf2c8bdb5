"""The plan of a job: its steps, in the order in which they run, read from its tasks and its sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater.metadata.static.model import Catalog, ConnStr, Job, JobTask, Source, SqlScript
from headwater.metadata.static.naming import PREFIXES
from headwater.metadata.static.step_names import LAYER_OF_STEP, STEPS_OF_PHASE, EtlStep, StepName


@dataclass(frozen=True)
class Step:
    """One step of a job: a phase of a source, a script on a connection, or a Python callable.

    Steps with the same `step_seq` run side by side, others one after the other.
    """

    name: str
    step_seq: int
    etl_step: EtlStep | None = None
    source: Source | None = None
    sql_script: SqlScript | None = None
    python_callable: str | None = None
    conn_str: ConnStr | None = None

    @property
    def is_of_source(self) -> bool:
        """Return whether it is a phase of a source: that one asks by itself what is there to do."""
        return self.source is not None

    @property
    def names(self) -> tuple[StepName, ...]:
        """Return the names of what it does, one after the other."""
        if self.sql_script:
            return (StepName.RUN_SCRIPT,)
        if self.python_callable:
            return (StepName.CALL,)
        assert self.etl_step is not None, f"{self.name} has nothing to run"
        return STEPS_OF_PHASE[self.etl_step]

    def task_id(self, name: StepName) -> str:
        """Return the name of the task in which it does that, in Airflow and on record.

        Cosmos puts a model into a group: `cities_stage.stage.stg_cities`.
        """
        if not self.is_of_source:
            return self.name
        model = f".{PREFIXES[LAYER_OF_STEP[name]]}{self.source_or_fail.name}" if name in LAYER_OF_STEP else ""
        return f"{self.name}.{name}{model}"

    @property
    def source_or_fail(self) -> Source:
        """Its source, where it must have one."""
        assert self.source is not None, f"{self.name} is no step of a source"
        return self.source


def plan(catalog: Catalog, job: Job) -> tuple[Step, ...]:
    """The active steps of a job, by step_seq and name."""
    steps = [_step(catalog, task) for task in catalog.tasks_of_jobs.get(job.name, ()) if task.is_active]
    return tuple(sorted(steps, key=lambda step: (step.step_seq, step.name)))


def levels(steps: Iterable[Step]) -> list[tuple[Step, ...]]:
    """Steps that run side by side, together; the levels in the order in which they run."""
    together: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        together[step.step_seq].append(step)
    return [tuple(together[step_seq]) for step_seq in sorted(together)]


def waits_for(steps: Iterable[Step]) -> dict[str, tuple[Step, ...]]:
    """The steps that each step, by its name, comes directly after; none for those with which a job begins.

    A script or callable comes after all steps of a lower step_seq. A step of a source comes after the source's own
    steps, the scripts and callables of a lower step_seq, and the same phase of other sources: extractions that are
    numbered one after the other do not meet at a publisher, and a slow source does not hold up what others do next.
    """
    found: dict[str, tuple[Step, ...]] = {}
    scripts: list[Step] = []  # of the last level that has any
    last: dict[str, list[Step]] = {}  # since then: the last steps of a source, and of a phase
    open_ends: dict[str, Step] = {}
    for level in levels(steps):
        before = tuple(open_ends.values())
        for step in level:
            if step.is_of_source:
                local = [*last.get(_source_line(step), ()), *last.get(_phase_line(step), ())]
                is_later = any(one.step_seq > (scripts[0].step_seq if scripts else -1) for one in local)
                nearest = local if is_later else [*scripts, *local]
                found[step.name] = tuple({one.name: one for one in nearest}.values())
            else:
                found[step.name] = before
        for step in level:
            for one in found[step.name]:
                open_ends.pop(one.name, None)
        open_ends |= {step.name: step for step in level}
        if new_scripts := [step for step in level if not step.is_of_source]:
            scripts, last = new_scripts, {}
        of_level: dict[str, list[Step]] = defaultdict(list)
        for step in level:
            if step.is_of_source:
                of_level[_source_line(step)].append(step)
                of_level[_phase_line(step)].append(step)
        last |= of_level
    return found


def _source_line(step: Step) -> str:
    return f"source {step.source_or_fail.name}"


def _phase_line(step: Step) -> str:
    return f"phase {step.etl_step}"


def begins_in(steps: Sequence[Step]) -> Step | None:
    """Return the only step with which a job begins, if it extracts a source: the run begins in its first task.

    Any other job has a task of its own for that.
    """
    before = waits_for(steps)
    first = [step for step in steps if not before[step.name]]
    return first[0] if len(first) == 1 and first[0].is_of_source and first[0].etl_step == "E" else None


def left_to_source(steps: Iterable[Step], after: Step) -> list[Step]:
    """Return the later steps of a step's source before which no script and no callable has its turn."""
    local, of_others = [], []
    for step in steps:
        if step.is_of_source and step.source == after.source and step.step_seq > after.step_seq:
            local.append(step)
        elif not step.is_of_source and step.step_seq >= after.step_seq:
            of_others.append(step.step_seq)
    return [step for step in local if not of_others or step.step_seq <= min(of_others)]


def sources_of(steps: Iterable[Step]) -> list[Source]:
    """The sources that a plan is about, in its order."""
    return list({step.source.name: step.source for step in steps if step.source}.values())


def _step(catalog: Catalog, task: JobTask) -> Step:
    return Step(
        name=task.name,
        step_seq=task.step_seq,
        etl_step=task.etl_step,
        source=catalog.sources[task.source] if task.source else None,
        sql_script=catalog.sql_scripts[task.sql_script] if task.sql_script else None,
        python_callable=task.python_callable,
        conn_str=catalog.conn_strs[task.conn_str] if task.conn_str else None,
    )
