"""The names of the steps of a run: those of tasks on record and in Airflow, of messages, audits and lineage."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

EtlStep = Literal["E", "T", "L"]  # a phase of a source, as the seeds write it


class StepName(StrEnum):
    """The name of a step."""

    REGISTER = "register"  # read into Postgres what S3 has and Postgres lacks
    DISCOVER = "discover"  # ask the publisher what is new
    LAND = "land"  # publisher → S3
    LOAD_RAW = "load_raw"  # S3 → raw
    STAGE = "stage"  # raw → staging
    CHECK = "check"  # check what is staged
    RELOAD = "reload"  # bring back to staging what history needs again
    HISTORIZE = "historize"  # staging → historical
    CLEAN_UP = "clean_up"  # delete what the source's retention lets go
    MARTS = "marts"  # historical → marts
    RUN_SCRIPT = "run_script"  # a sql_script
    CALL = "call"  # a python_callable
    DRY_RUN = "dry_run"  # make history as if a decision were taken, and take it back
    VERIFY = "verify"  # read all that a rebuild is made of
    COMPILE = "compile"  # have dbt read the models of a rebuild
    SET_ASIDE = "set_aside"  # let tables make room for those of a rebuild
    PUT_BACK = "put_back"  # let the tables of before take the place of a rebuild that failed

    @property
    def phase(self) -> EtlStep | None:
        """Return the phase of a source that it belongs to; None for what belongs to none."""
        return phase_of(self)

    @property
    def needs_success(self) -> bool:
        """Return whether it is left out in a job where the step before it, of its phase, did not succeed.

        The others ask by themselves what there is to do.
        """
        return self is StepName.LAND


STEPS_OF_PHASE: dict[EtlStep, tuple[StepName, ...]] = {  # the tasks of a job's phase, in their order
    "E": (StepName.DISCOVER, StepName.LAND),  # a delivery is loaded into raw by the task that lands it
    "T": (StepName.STAGE, StepName.CHECK),
    "L": (StepName.HISTORIZE,),  # the last task of a run cleans up
}
NAMES_OF_PHASES: dict[EtlStep, str] = {"E": "extract", "T": "stage", "L": "historize"}  # as tasks have them
LAYER_OF_STEP = {StepName.STAGE: "staging", StepName.HISTORIZE: "historical"}  # of those that dbt does

_PHASES: dict[str, EtlStep] = {
    StepName.REGISTER: "E",
    StepName.LOAD_RAW: "E",
    StepName.CLEAN_UP: "L",
    **{name: phase for phase, names in STEPS_OF_PHASE.items() for name in names},
}


def phase_of(task: str) -> EtlStep | None:
    """Return the phase to which a task belongs by its name; None where the name is of none."""
    return _PHASES.get(task)
