"""The command `init`, which makes a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import headwater
from headwater.cli.app import app, explained, out


@app.command(epilog="Example: headwater init town --with-example && cd town && headwater run")
def init(
    name: Annotated[
        str, typer.Argument(help="Name of the project, and of its new folder: lower-case letters, digits, _.")
    ],
    with_example: Annotated[
        bool, typer.Option("--with-example", help="Add a small source with two deliveries.")
    ] = False,
) -> None:
    """Make a project in a new folder: seeds, models, DAGs, a package for functions, tests, CI.

    It works at once: `headwater new-source`, `run` and `docs` in its folder need nothing else, `airflow` its extra.
    """
    from headwater.new_project import make_project

    with explained():
        root = make_project(Path.cwd(), name, with_example=with_example)
        out.print(f"made {root.name}, a project of Headwater {headwater.__version__}. Next:", markup=False)
        out.print(f"  cd {root.name}")
        if not with_example:
            out.print("  headwater new-source NAME --from FILE")
        out.print("  headwater run")
