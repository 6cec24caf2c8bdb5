"""Runners of models: dbt in this process, or a task of Airflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headwater.dbt_project.dbt import ModelOutcome
from headwater.metadata.failures import FAILURES, failure_of


class ModelRunner(Protocol):
    """A runner of models: `Models` here, or a task of Airflow."""

    def run(self, models: Sequence[str]) -> list[ModelOutcome]:
        """Run the named models and say how each one ended."""


def run_models(runner: ModelRunner, models: Sequence[str]) -> list[ModelOutcome]:
    """Have a runner run models; what it raises is the error of each of them."""
    try:
        return runner.run(models)
    except FAILURES as error:
        return [ModelOutcome(model, failure_of(error), 0) for model in models]
