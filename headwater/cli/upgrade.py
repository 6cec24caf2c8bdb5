"""The command that brings a project and its database to this version: `upgrade`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.app import FAILED, AsJson, app, opened_project, out, print_json
from headwater.project import Project, locate_project

if TYPE_CHECKING:
    from headwater.new_source.upgrade_project import ProjectUpgrade


@app.command(epilog="Example: headwater upgrade --check && headwater upgrade")
def upgrade(
    is_check: Annotated[
        bool,
        typer.Option("--check", help="Change nothing; list what would change, and fail if something would."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a project and its database to this version of Headwater, and list what a person has to look at.

    That is: migrations of the database, seeds (as `headwater upgrade-seeds`, and columns that came since), generated
    files, and the versions in headwater.yml. Nothing is loaded or fetched, and history stays as it is. A project or
    database of a newer version is refused. A second time there is nothing to do.
    """
    import headwater
    from headwater.metadata.connection import engine as new_engine
    from headwater.metadata.connection import require_reachable
    from headwater.new_source.upgrade_project import plan_project_upgrade, upgrade_project

    with opened_project(locate_project) as project:
        engine = new_engine()
        require_reachable(engine)
        planned = plan_project_upgrade(project, engine)
        look_at = planned.look_at if is_check else upgrade_project(project, engine, planned)
        facts = _facts(planned, project, look_at, is_done=not is_check)
        if as_json:
            print_json(facts)
        else:
            _show(facts, headwater.__version__)
        if is_check and not planned.is_done:
            raise typer.Exit(FAILED)


def _facts(
    planned: ProjectUpgrade, project: Project, look_at: tuple[str, ...], *, is_done: bool
) -> dict[str, Any]:
    return {
        "is_changed": is_done and not planned.is_done,
        "is_needed": not planned.is_done,
        "database_version": planned.database.version,
        "migrations": planned.database.migrations,
        "replaces_functions": planned.database.has_other_functions or bool(planned.database.migrations),
        "files": [str(path.relative_to(project.root)) for path in planned.files],
        "look_at": look_at,
    }


def _show(facts: dict[str, Any], version: str) -> None:
    verb = "did" if facts["is_changed"] else "would"
    if facts["migrations"]:
        applied = "applied" if verb == "did" else "would apply"
        out.print(f"database: {applied} {', '.join(facts['migrations'])}", markup=False)
    elif facts["replaces_functions"]:
        out.print(f"database: {'replaced' if verb == 'did' else 'would replace'} functions and views")
    for path in facts["files"]:
        out.print(f"{'wrote' if verb == 'did' else 'would write'} {path}", markup=False)
    for message in facts["look_at"]:
        out.print(f"look at: {message}", markup=False)
    count = len(facts["look_at"])
    things = "nothing" if not count else f"{count} thing{'s' if count > 1 else ''}"
    state = "the project is" if not facts["is_needed"] else "brought to" if verb == "did" else "not yet"
    out.print(f"{state} version {version}; {things} for a person to look at. CHANGELOG.md says what is new.")
