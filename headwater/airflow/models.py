"""dbt models as Cosmos task groups, run by our own operator: in the name of the run, and with halts where due."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

from airflow.sdk import Asset, BaseOperatorLink
from airflow.sdk.exceptions import AirflowSkipException
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import DbtResourceType, InvocationMode, LoadMode, TestBehavior
from cosmos.dbt import graph
from cosmos.operators.local import DbtRunLocalOperator

from headwater.airflow import tasks
from headwater.airflow.operator_links import OF_MODEL, OF_SOURCE
from headwater.airflow.quiet import is_verbose
from headwater.airflow.watch import Watched, wants_lineage
from headwater.dbt_project.dbt import (
    NO_ARTIFACTS,
    NO_CACHE_AHEAD,
    PROFILE,
    TARGET,
    ModelOutcome,
    model_outcomes,
    places,
    read_elsewhere,
    run_options,
    spare_flags_their_source,
)
from headwater.dbt_project.manifest_shards import shard
from headwater.dbt_project.project_subset import MARTS
from headwater.metadata.static.naming import PREFIXES
from headwater.metadata.static.plan import Step
from headwater.metadata.static.step_names import LAYER_OF_STEP, StepName
from headwater.pipeline.marts_run import MartsRun
from headwater.pipeline.step_audit import Place
from headwater.project import Project, find_project
from headwater.shared_airflow import job_of

# Cosmos reads dbt_project.yml anew for each task group, which is a third of the time of building it.
graph.get_dbt_packages_subpath = cache(graph.get_dbt_packages_subpath)


class ModelOperator(DbtRunLocalOperator):  # type: ignore[misc]  # Cosmos has no types
    """One model as a task, run in this process. What failed is not raised by Cosmos: our steps read the result."""

    model: str
    operator_extra_links: Collection[BaseOperatorLink] = OF_MODEL
    rows: int | None = None  # of the table that the model was made into, where Postgres counted them

    def calculate_openlineage_events_completes(self, *_: Any, **__: Any) -> bool:
        """Our own lineage has the numbers of the ledger; Cosmos would read dbt's files for one without."""
        return False

    def handle_exception_dbt_runner(self, result: Any) -> None:
        """Leave the result to who asked for it."""


class LayerOperator(Watched, ModelOperator):
    """The model of a source's layer: it runs when something of the source is pending for the layer.

    A delivery whose counts do not balance is halted, and the model run again for the others.
    """

    operator_extra_links = (*OF_SOURCE, *OF_MODEL)
    step_name: str
    does: StepName  # STAGE or HISTORIZE

    def execute(self, context: Any, **_: Any) -> None:
        with tasks.step_of(context, self.step_name) as (run, step):
            runner = _Runner(self, context, [step.source_or_fail.name])
            result = run.do(self.does, step, runner=runner)
            if self.does is StepName.HISTORIZE:
                tasks.say(
                    f"{result.source}: history took {result.loaded} deliveries in, {result.taken_out} out"
                )


class MartOperator(ModelOperator):
    """The model of a mart: it runs where the histories that it is made of are there, and are others than before."""

    made_of: Sequence[str]  # models
    built: tuple[Place, int | None] | None = None  # where, and of how many rows

    def get_openlineage_facets_on_complete(self, _task_instance: Any) -> Any:
        """Return what Airflow's provider of OpenLineage asks for."""
        from headwater.airflow.lineage.events import lineage_of, lineage_of_mart

        return lineage_of_mart(self.model, self.made_of, *self.built) if self.built else lineage_of(None)

    def execute(self, context: Any, **_: Any) -> None:
        with tasks.explained():
            run = MartsRun(find_project(), MartsRun.JOB, context["run_id"], tasks.say)
            with run.attempt(tasks.attempt_of(context)):
                reason = run.build(self.model, _Runner(self, context, [MARTS]))
            if reason is None and wants_lineage():
                self.built = run.place, self.rows
        if reason is not None:
            raise AirflowSkipException(reason)


class _Runner:
    """Runs the operator's model when a step asks for it; dbt reads no others than those of `sources`, if it can."""

    def __init__(self, operator: ModelOperator, context: Any, sources: Collection[str]) -> None:
        self._operator, self._context, self._sources = operator, context, sources

    def run(self, models: Sequence[str]) -> list[ModelOutcome]:
        assert list(models) == [self._operator.model], f"{models} is not what the task shows"
        job, run_id = job_of(self._context["dag"].dag_id), self._context["run_id"]
        project, remembered = find_project(), self._operator.cache_dir
        self._operator.env = {"PGOPTIONS": run_options(run_id, job), **read_elsewhere(project.root, models)}
        spare_flags_their_source()
        for place in places(project.root, project.home, self._sources):
            self._operator.project_dir = str(place)
            # a subset keeps what dbt remembers of it, for whoever runs a model there next
            self._operator.cache_dir = remembered if place == project.root else place
            outcome = self._operator.build_and_run_cmd(
                context=self._context, cmd_flags=self._operator.add_cmd_flags()
            )
            if outcome.result is not None and outcome.result.results:
                break
        outcomes = model_outcomes(outcome)
        self._operator.rows = outcomes[0].rows if outcomes else None
        return outcomes


def layer_group(project: Project, step: Step, name: StepName, outlets: Sequence[Asset] = ()) -> DbtTaskGroup:
    """The task group of one layer of a source, which the step of that name makes."""
    source = step.source_or_fail

    def to_task(*, task_args: dict[str, Any], node: Any, **more: Any) -> LayerOperator:
        operator = LayerOperator(
            **_of_node(node, task_args, more), trigger_rule=tasks.rule_of(name), outlets=list(outlets)
        )
        operator.model, operator.step_name, operator.does = node.resource_name, step.name, name
        return operator

    model = f"{PREFIXES[LAYER_OF_STEP[name]]}{source.name}"
    return _group(project, source.name, name.value, [model], to_task)


def marts_group(project: Project) -> DbtTaskGroup:
    """The task group of all marts, each after those it is made of."""

    def to_task(*, task_args: dict[str, Any], node: Any, **more: Any) -> MartOperator:
        operator = MartOperator(**_of_node(node, task_args, more))
        operator.model = node.resource_name
        models = [unique_id for unique_id in node.depends_on if unique_id.startswith("model.")]
        operator.made_of = [unique_id.rpartition(".")[2] for unique_id in models]
        return operator

    return _group(project, MARTS, "marts", [], to_task)


def _of_node(node: Any, task_args: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an operator needs to know of the model that it runs, and of where Cosmos puts it."""
    name = node.resource_name
    return {
        **task_args,
        "task_id": name,
        "select": [name],
        "dag": more["dag"],
        "task_group": more["task_group"],
    }


def _group(
    project: Project, of: str, group_id: str, select: list[str], to_task: Callable[..., ModelOperator]
) -> DbtTaskGroup:
    return DbtTaskGroup(
        group_id=group_id,
        project_config=project_config(project, of),
        profile_config=profile_config(project),
        execution_config=ExecutionConfig(
            dbt_project_path=project.root, invocation_mode=InvocationMode.DBT_RUNNER
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            select=select,
            test_behavior=TestBehavior.NONE,
            emit_datasets=False,
            node_converters={DbtResourceType.MODEL: to_task},
        ),
        operator_args={
            "should_store_compiled_sql": False,
            "append_env": True,
            "quiet": not is_verbose(),  # of what failed our steps say what there is to say
            # what dbt would write of a run, twice the whole manifest among it, nobody reads
            "dbt_cmd_global_flags": ["--no-use-colors", NO_CACHE_AHEAD, NO_ARTIFACTS],
        },
    )


def project_config(project: Project, of: str) -> ProjectConfig:
    """The project as Cosmos reads it: one piece of its manifest."""
    return ProjectConfig(
        manifest_path=shard(project, of),
        project_name=project.name,
        install_dbt_deps=False,
        partial_parse=True,
    )


def profile_config(project: Project) -> ProfileConfig:
    """The project's own profile, whose values libpq's variables give."""
    return ProfileConfig(
        profile_name=PROFILE,
        target_name=TARGET,
        profiles_yml_filepath=project.root / "profiles" / "profiles.yml",
    )
