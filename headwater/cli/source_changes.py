"""Commands that take a source away or give it another name: `remove-source`, `rename-source`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.app import AsJson, app, err, explained, misuse, opened_project, out, print_json
from headwater.project import Project, find_project

if TYPE_CHECKING:
    from headwater.new_source.remove import Removal

Why = Annotated[str, typer.Option("--why", help="The reason, for the record.")]
NOT_ASKED = "nobody can be asked here, expected --yes. Nothing was {done}."


# long: most of it are options with their help texts
@app.command("remove-source", epilog="Example: headwater remove-source libraries --dry-run")
def remove_source(
    name: Annotated[str, typer.Argument(help="Name of the source.")],
    is_with_data: Annotated[
        bool,
        typer.Option(
            "--with-data",
            help="Also remove what is loaded: raw, staging, history, records of deliveries, and objects on S3.",
        ),
    ] = False,
    why: Why = "",
    also: Annotated[
        list[str] | None,
        typer.Option(help="A model that reads the source and goes with it, such as a mart; repeatable."),
    ] = None,
    is_edited_too: Annotated[
        bool, typer.Option("--edited", help="Also delete models of the source that somebody edited.")
    ] = False,
    is_yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove the rows of a source in seeds/ and its models; with --with-data also what is loaded of it.

    Rows that another source uses stay. The command refuses while a model, a job or a script needs the source. With
    --with-data it asks for the name of the source, needs a reason, and records who removed how much, when and why. A
    killed command is finished by the same command.
    """
    from headwater.cli import render_source_changes as render
    from headwater.new_source.remove import plan_removal, remove

    if is_with_data:
        _remove_with_data(name, why, also or [], is_edited_too, is_yes, is_dry_run, as_json)
        return
    with explained():
        project = find_project()
        removal = plan_removal(project, name, also or [])
        if as_json:
            print_json(render.removal_as_dict(removal, project.root))
        else:
            render.removal(out, removal, project.root)
        if is_dry_run:
            return
        _require_edited_too(removal, project, is_edited_too or (not is_yes and _can_ask(as_json)))
        if not is_yes and not _can_ask(as_json):
            misuse(NOT_ASKED.format(done="removed"))
        if not is_yes and not typer.confirm("Take this away?", default=False, err=True):
            err.print("Nothing was removed.")
            return
        remove(project, removal)
        if not as_json:
            out.print(f"{name} is gone from seeds/ and models/.", markup=False)


def _remove_with_data(
    name: str, why: str, also: list[str], is_edited_too: bool, is_yes: bool, is_dry_run: bool, as_json: bool
) -> None:
    from headwater.cli import render_source_changes as render
    from headwater.extract.landing.store import ObjectStore
    from headwater.new_source.remove import plan_left_removal, still_there
    from headwater.new_source.remove_data import plan_data_removal, remove_with_data
    from headwater.pipeline.preparation import open_database

    with opened_project() as project:
        engine, store = open_database(project), ObjectStore.from_environment()
        planned = plan_data_removal(engine, store, name)
        with_files = still_there(project, also) if planned.unfinished else also
        is_needed = planned.is_empty and not planned.finished
        removal = plan_left_removal(project, name, with_files, is_needed=is_needed)
        facts = {
            "source": name,
            "files": render.removal_as_dict(removal, project.root) if removal else None,
            "data": dict(planned.counts),
        }
        if not as_json:
            if removal:
                render.removal(out, removal, project.root, is_data_staying=False)
            render.data_removal(out, planned)
        if (removal is None and planned.is_empty) or is_dry_run:
            print_json({**facts, "removed": False}) if as_json else None
            return
        if removal:
            _require_edited_too(removal, project, is_edited_too or (not is_yes and _can_ask(as_json)))
        if not why.strip() and not planned.unfinished:
            misuse("--with-data needs a reason for the record: --why …. Nothing was removed.")
        if not is_yes:
            if not _can_ask(as_json):
                misuse(NOT_ASKED.format(done="removed"))
            typed = typer.prompt(f"This cannot be undone. Type {name} to remove it", default="", err=True)
            if typed.strip() != name:
                err.print("Nothing was removed.")
                return
        counts = remove_with_data(project, engine, store, removal, planned, why, also)
        if as_json:
            print_json({**facts, "removed": True, "counts": counts})
        else:
            out.print(
                f"{name} is gone: {render.data_counts(counts)}. metadata.source_change has the record.",
                markup=False,
            )


@app.command(
    "rename-source",
    epilog='Example: headwater rename-source libraries branches --why "as the city calls them"',
)
def rename_source(
    old: Annotated[str, typer.Argument(help="The name that the source has.")],
    new: Annotated[str, typer.Argument(help="The name that it gets.")],
    why: Why = "",
    is_yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a source another name: in seeds/, models, tests and macros, in its tables and records, and on S3.

    History stays as it is, and nothing is fetched again. A job of the same name is renamed, too. Landed objects keep
    their keys; manifests and events move below the new name. Lines that have the old name as a word are listed for a
    person to look at. A killed command is finished by the same command.
    """
    from headwater.cli import render_source_changes as render
    from headwater.extract.landing.store import ObjectStore
    from headwater.new_source.rename_data import plan_or_resume, rename_with_data
    from headwater.pipeline.preparation import open_database

    with opened_project() as project:
        engine, store = open_database(project), ObjectStore.from_environment()
        renaming, resumed = plan_or_resume(project, engine, old, new)
        facts = render.renaming_as_dict(renaming, project.root, old, new)
        if not as_json:
            render.renaming(out, renaming, project.root, resumed)
        if is_dry_run:
            print_json({**facts, "renamed": False}) if as_json else None
            return
        if not is_yes:
            if not _can_ask(as_json):
                misuse(NOT_ASKED.format(done="renamed"))
            if not typer.confirm(f"Rename {old} to {new}?", default=False, err=True):
                err.print("Nothing was renamed.")
                return
        counts = rename_with_data(project, engine, store, renaming, old, new, why)
        _show_renamed(facts, counts, as_json)


def _show_renamed(facts: Mapping[str, object], counts: Mapping[str, int], as_json: bool) -> None:
    from headwater.cli import render_source_changes as render

    if as_json:
        print_json({**facts, "renamed": True, "counts": counts})
        return
    out.print(
        f"{facts['old']} is {facts['new']} now, with {render.data_counts(counts)}. Commit the changed files; in Airflow"
        f" its DAG has the new name, and runs of the old one stay below {facts['old']}.",
        markup=False,
    )


def _require_edited_too(removal: Removal, project: Project, is_allowed: bool) -> None:
    if removal.edited and not is_allowed:
        names = ", ".join(str(path.relative_to(project.root)) for path in removal.edited)
        misuse(f"{names}: edited by somebody, expected --edited to delete it too. Nothing was removed.")


def _can_ask(as_json: bool) -> bool:
    return sys.stdin.isatty() and not as_json
