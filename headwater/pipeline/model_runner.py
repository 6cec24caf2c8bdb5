"""Runners of models: dbt in this process, or a task of Airflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from headwater.dbt_project.dbt import ModelOutcome


class ModelRunner(Protocol):
    """A runner of models: `Dbt` here, or a task of Airflow."""

    def run(self, models: Sequence[str]) -> list[ModelOutcome]:
        """Run the named models and say how each one ended."""


RunModels = Callable[[ModelRunner, Sequence[str]], list[ModelOutcome]]


def run_models(runner: ModelRunner, models: Sequence[str]) -> list[ModelOutcome]:
    """Have a runner run models, as most steps of a run do."""
    return runner.run(models)
