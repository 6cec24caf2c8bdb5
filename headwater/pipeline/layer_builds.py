"""A layer's models, built for all sources in one dbt run; what fails one of them is its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import LedgerBroken
from headwater.metadata.failures import FAILURES
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.events import write_event
from headwater.metadata.process.recorded_run import Outcome
from headwater.metadata.static.model import Source
from headwater.metadata.static.naming import PREFIXES
from headwater.metadata.static.step_names import LAYER_OF_STEP, StepName
from headwater.pipeline import layers
from headwater.pipeline.model_code import ModelCode
from headwater.pipeline.model_runner import ModelRunner, run_models
from headwater.pipeline.preparation import listed_names
from headwater.pipeline.run_record import RunRecord
from headwater.queries.halts import Halt

Sources = Mapping[str, Source]  # by name
IsReload = Callable[[StepName, LedgerBroken], bool]


class LayerBuilds:
    """The dbt runs of one run's layers. A source that failed in a layer is not tried again in it.

    A delivery whose ledger breaks is halted, and the rest of its source tried again; unless `is_reload` tells of a
    step and an error that the delivery was checked before, since that changes no verdict.
    """

    def __init__(
        self, engine: Engine, store: ObjectStore, record: RunRecord, code: ModelCode, is_reload: IsReload,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._engine, self._store, self._record = engine, store, record
        self._code, self._is_reload, self._say = code, is_reload, say
        self._failed: set[tuple[StepName, str]] = set()  # and source

    def build(self, step: StepName, sources: Sources, runner: ModelRunner) -> None:
        """Have `runner` run the models of a step's layer, for those of the sources that are due."""
        todo = self.due(step, sources, lambda name: self.is_due(step, sources[name]))
        try:
            with self._record.shared_step(step, todo) as outcomes:
                self._build(step, todo, outcomes, runner)
        except FAILURES as error:  # none of the sources in particular: all that were to be built
            self._record.keep_trace(f"{step} of {', '.join(todo)}", error)
            for name in todo:
                self._fail(step, name, error)

    def due(self, step: StepName, sources: Sources, is_due: Callable[[str], bool]) -> list[str]:
        """Return the sources of which that holds; one of which it cannot be told has failed."""
        due = []
        for name in sources:
            with self._record.spared(name, step):
                if is_due(name):
                    due.append(name)
        return due

    def is_due(self, step: StepName, source: Source) -> bool:
        """Return whether dbt has to build the layer that a step makes of a source."""
        layer = LAYER_OF_STEP[step]
        if (step, source.name) in self._failed:
            return False
        return (
            bool(layers.pending(self._engine, source.name, layer))
            or not layers.has_table(self._engine, layer, source.name)
            or layers.has_other_definition(self._engine, source)
            or self._code.is_other(source.name, layer)
        )

    def _build(
        self, step: StepName, todo: Sequence[str], outcomes: Mapping[str, Outcome], runner: ModelRunner
    ) -> None:
        prefix = PREFIXES[LAYER_OF_STEP[step]]
        while todo:
            self._say(f"{step}: {listed_names(todo)}")
            again = []
            for model in run_models(runner, [f"{prefix}{name}" for name in todo]):
                name = model.name.removeprefix(prefix)
                with self._record.spared(name, step) as spared:
                    if isinstance(model.error, LedgerBroken) and not self._is_reload(step, model.error):
                        self._halt(name, model.error)
                        again.append(name)
                        outcomes[name].worsen("halted")
                    elif model.error is not None:
                        self._fail(step, name, model.error)
                        outcomes[name].worsen("failed")
                    else:
                        self._code.keep(name, LAYER_OF_STEP[step])
                outcomes[name].worsen(spared.status)
            todo = again

    def _fail(self, step: StepName, name: str, error: BaseException) -> None:
        self._failed.add((step, name))
        self._record.fail(name, step, error)

    def _halt(self, name: str, broken: LedgerBroken) -> None:
        sqn, why = broken.delivery_sqn, f"{broken.layer}: {broken.reason}"
        with self._engine.begin() as connection:
            lock_source(connection, name)
            found = connection.execute(
                sa.text(
                    "select publisher_name, verdict from metadata.delivery_state where delivery_sqn = :sqn"
                ),
                {"sqn": sqn},
            ).one()
            if found.verdict != "halted":  # else another process has met the same
                write_event(connection, self._store, sqn, name, "halted", checks=("ledger",), why=why)
        self._record.results[name].halts.append(Halt(sqn, name, found.publisher_name, ("ledger",), why))
        self._record.jobs[name].log("error", f"{name}: {broken}", check="ledger")
