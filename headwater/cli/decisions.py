"""Commands by which a person decides about a delivery: `withdraw`, `restore`, `accept`, `replay`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.terminal import paragraph

if TYPE_CHECKING:
    pass

from headwater.cli.app import MISUSE, AsJson, app, err, opened_project, out, print_json, say

Why = Annotated[str, typer.Option("--why", help="The reason, for the record.")]


DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show the effect on history.")]


Number = Annotated[
    int, typer.Argument(metavar="SQN", help="The delivery's number; `headwater deliveries` lists them.")
]


@app.command(epilog='Example: headwater withdraw 12 --why "the publisher took it back" --dry-run')
def withdraw(sqn: Number, why: Why, is_dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Remove a delivery from history as if it had never come."""
    _decide("withdraw", sqn, why, is_dry_run, as_json)


@app.command(epilog='Example: headwater restore 12 --why "it was right after all"')
def restore(sqn: Number, why: Why, is_dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Undo a withdrawal."""
    _decide("restore", sqn, why, is_dry_run, as_json)


@app.command(
    epilog='Example: headwater accept 30 --why "the last of the two hours will do" --check duplicate_keys'
)
def accept(
    sqn: Number,
    why: Why,
    check: Annotated[
        list[str] | None,
        typer.Option(help="A failed check to accept; repeatable. By default all."),
    ] = None,
    is_dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let a halted delivery pass in spite of its failed checks. Of rows with a duplicate key the last one wins."""
    _decide("accept", sqn, why, is_dry_run, as_json, despite=check or ())


@app.command(epilog='Example: headwater replay 30 --why "the key has the time zone now"')
def replay(sqn: Number, why: Why, is_dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Load a delivery again through every layer, from S3, and run its checks again.

    With --dry-run today's checks run on the rows in staging. The effect of a corrected model or file format
    shows only in the replay itself.
    """
    _decide("replay", sqn, why, is_dry_run, as_json)


@app.command(
    "accept-definition",
    epilog='Example: headwater accept-definition airports --why "only renamed a CTE"',
)
def accept_definition(
    source: Annotated[
        str, typer.Argument(help="The source whose models or transform say it in other words.")
    ],
    why: Why,
) -> None:
    """Keep a source's tables after its code changed, where no row would be another one. On record, with the reason.

    A changed column, type or key needs `headwater rebuild` instead.
    """
    from headwater.pipeline import decide
    from headwater.pipeline.accept_definition import accept_definition as accept

    with opened_project() as project:
        try:
            accept(project, source, why, say)
        except decide.NotDecidable as error:
            err.print(paragraph(f"Error: {error}"), style="red", markup=False)
            raise typer.Exit(MISUSE) from None


def _decide(
    decision: str, sqn: int, why: str, is_dry_run: bool, as_json: bool, *, despite: Sequence[str] = ()
) -> None:
    from headwater.cli import render
    from headwater.pipeline import decide
    from headwater.pipeline.preparation import prepare
    from headwater.queries import status as source_status

    with opened_project() as project:
        try:
            if is_dry_run:
                would = decide.dry_run(project, decision, sqn, say, despite=despite)
                print_json(asdict(would)) if as_json else render.dry_run(out, decision, sqn, would)
                return
            result = decide.decide(project, decision, sqn, why, say, despite=despite)
        except decide.NotDecidable as error:
            err.print(paragraph(f"Error: {error}"), style="red", markup=False)
            raise typer.Exit(MISUSE) from None
        delivery = source_status.delivery(prepare(project)[1], sqn)
        if as_json:
            print_json({**render.result_as_dict(result), "delivery": delivery})
        else:
            render.decided(out, result, delivery)
        raise typer.Exit(result.exit_code)
