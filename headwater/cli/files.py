"""Commands about the files of a project: `check`, `generate`, `manifest`, `docs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headwater.metadata.errors import MetadataInvalid
from headwater.project import find_project

if TYPE_CHECKING:
    pass

from headwater.cli.app import FAILED, app, err, explained, opened_project, out, say, say_what_is_unfinished


@app.command(epilog="Example: headwater check && headwater manifest")
def manifest() -> None:
    """Prepare the project for Airflow: at set-up, at deploy, and after a job or source was added.

    Generates the missing files beside the models, as `headwater generate` does, and lets dbt parse the
    project. A running Airflow shows a new job within a minute. If rows are broken, the command does
    everything else and exits with code 1.
    """
    from headwater.dbt_project.manifest_shards import make_ready

    with explained():
        made = make_ready(project := find_project())
        for path in made.written:
            out.print(f"wrote {path.relative_to(project.root)}", markup=False)
        say(f"wrote the manifests of {len(made.pieces) - 1} sources and of the marts")
        if made.problems:
            raise MetadataInvalid(made.problems)


@app.command(epilog="Example: headwater check")
def check() -> None:
    """Check the static metadata in seeds/ and list all errors, each with file, line and expected value."""
    from headwater.metadata.static.check import check as problems_of

    with explained():
        problems = problems_of(find_project().seeds)
        for problem in problems:
            err.print(str(problem), style="red", markup=False)
        if problems:
            say_what_is_unfinished()
            err.print(f"{len(problems)} error{'s' if len(problems) > 1 else ''}")
            raise typer.Exit(FAILED)
        out.print("seeds: all well")


@app.command(epilog="Example: headwater upgrade-seeds --dry-run")
def upgrade_seeds(
    is_dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; list what would change.")
    ] = False,
) -> None:
    """Drop the rows of seeds/ that follow from sources, and move checks from source.csv to quality_check.csv.

    The metadata is the same before and after. A second time there is nothing to do.
    """
    from headwater.new_source.upgrade import plan_upgrade, upgrade

    with explained():
        project = find_project()
        planned = plan_upgrade(project)
        for table, names in planned.dropped.items():
            rows = f"{len(names)} row{'s' if len(names) > 1 else ''} that follow from sources"
            out.print(f"seeds/{table}.csv: {rows}: {', '.join(names)}", markup=False)
        if planned.moved_checks:
            out.print(f"seeds/source.csv: {planned.moved_checks} checks go to seeds/quality_check.csv")
        if not is_dry_run:
            upgrade(planned)
        for change in planned.changes:
            verb = "would write" if is_dry_run else "wrote"
            out.print(f"{verb} {change.path.relative_to(project.root)}", markup=False)
        if not planned.changes:
            out.print("seeds: nothing to upgrade")
        described = project.seeds / "_seeds.yml"
        if planned.moved_checks and "quality_check" not in described.read_text(encoding="utf-8"):
            say("seeds/_seeds.yml says nothing of quality_check: take the file as this version has it")


@app.command(epilog="Example: headwater generate && git diff models")
def generate(
    is_check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file is stale.")
    ] = False,
) -> None:
    """Generate the files that dbt needs from seeds/, beside the models. Existing SQL is never overwritten."""
    from headwater.dbt_project.generate import generated_files, stale_files, write_files
    from headwater.metadata.static.read import read_catalog

    with explained():
        project = find_project()
        files = generated_files(read_catalog(project.seeds).sources.values(), project.models)
        stale = [file.path for file in stale_files(files)]
        if not is_check:
            write_files(files)
        for path in stale:
            out.print(f"{'stale' if is_check else 'wrote'} {path.relative_to(project.root)}", markup=False)
        if is_check and stale:
            err.print("Run `headwater generate` and commit what it writes.", style="red")
            raise typer.Exit(FAILED)
        if not stale:
            out.print("models: as the seeds say")


@app.command(epilog="Example: headwater docs")
def docs() -> None:
    """Write the documentation pages: dbt's, with lineage and every column; the Data Docs; an index of both."""
    from headwater.docs import build_docs
    from headwater.pipeline.preparation import prepare

    with opened_project() as project:
        prepare(project)
        out.print(f"file://{build_docs(project.root, project.home, say)}", markup=False)
