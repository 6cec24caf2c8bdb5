"""The models of a run: run by dbt for all sources together, and where dbt cannot, for each source by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from sqlalchemy import Engine

from headwater.dbt_project.dbt import Dbt, ModelOutcome
from headwater.dbt_project.dry_run import DryRunResult
from headwater.dbt_project.project_subset import MARTS
from headwater.metadata.errors import LoadFailed
from headwater.metadata.failures import FAILURES, failure_of
from headwater.project import Project

Invoke = Callable[[Dbt, Sequence[str]], list[ModelOutcome]]


class Models:
    """The models of one run, one call at a time: two dbt in one process take each other's settings.

    `sources` are those whose models dbt reads; None: all of the project. `keep_trace` gets the errors that are of no
    source in particular. dbt reads nothing before it is asked.
    """

    def __init__(
        self, project: Project, run_id: str, sources: Sequence[str] | None, say: Callable[[str], None],
        keep_trace: Callable[[str, BaseException], None], *, job: str | None = None, at_once: int | None = None,
    ) -> None:  # fmt: skip
        self._project, self._run_id, self._say, self._keep_trace = project, run_id, say, keep_trace
        self._job, self._at_once = job, at_once
        self._is_alone = sources is not None and len(sources) == 1
        self._dbt = self._dbt_of(sources)
        self._dbt_of_marts = self._dbt if sources is None else self._dbt_of([MARTS])
        self._apart: dict[str, Dbt] | None = None  # by source, once dbt cannot read the sources together
        self._lock = Lock()

    def run(self, models: Sequence[str]) -> list[ModelOutcome]:
        """Run models, each of one source; where dbt cannot read or run all of them together, each by itself."""
        return self._each(models, Dbt.run)

    def compile(self, models: Sequence[str]) -> list[ModelOutcome]:
        """Compile models, each of one source, as `run` would run them."""
        return self._each(models, Dbt.compile)

    def run_marts(self, names: Sequence[str]) -> list[ModelOutcome]:
        """Run some marts, each after those it is made of. Raises `LoadFailed` when dbt cannot read them."""
        with self._lock:
            try:
                return self._dbt_of_marts.run(names)
            except LoadFailed:
                if self._dbt_of_marts is not self._dbt:
                    raise
                # others may read what they do not
                return self._dbt_of([MARTS]).run(names)

    def dry_run(self, source: str, event: str, delivery_sqn: int, checks: Sequence[str]) -> DryRunResult:
        """Return what an event would do to the history of a source. Raises `LoadFailed`."""
        with self._lock:
            return self._dbt.dry_run(source, event, delivery_sqn, checks)

    def load_seeds(self, engine: Engine) -> bool:
        """Load the static metadata into Postgres, if it is not what is there already; True when it was loaded."""
        with self._lock:
            try:
                return self._dbt.load_seeds(engine)
            except LoadFailed:  # a model that cannot be read is no seed
                return self._dbt_of([]).load_seeds(engine)

    def _each(self, models: Sequence[str], invoke: Invoke) -> list[ModelOutcome]:
        with self._lock:
            if self._apart is None:
                try:
                    return invoke(self._dbt, models)
                except FAILURES as error:
                    if self._is_alone:
                        return [ModelOutcome(model, failure_of(error), 0) for model in models]
                    self._keep_trace(f"dbt run of {', '.join(models)}", error)
                    self._say("dbt cannot run the models of all sources together: each source by itself")
                    self._apart = {}
            return [outcome for model in models for outcome in self._each_apart(model, self._apart, invoke)]

    def _each_apart(self, model: str, apart: dict[str, Dbt], invoke: Invoke) -> list[ModelOutcome]:
        source = model.partition("_")[2]
        dbt = apart.setdefault(source, self._dbt_of([source]))
        try:
            return invoke(dbt, [model])
        except FAILURES as error:
            self._keep_trace(f"dbt run of {model}", error)
            return [ModelOutcome(model, failure_of(error), 0)]

    def _dbt_of(self, sources: Sequence[str] | None) -> Dbt:
        """Return a dbt that reads the models of some sources alone; of all by None."""
        return Dbt(
            self._project.root, self._project.home, self._run_id, job=self._job, sources=sources,
            threads=self._at_once,
        )  # fmt: skip
