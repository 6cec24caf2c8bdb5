"""Entry point: `python -m headwater.cli ARGUMENTS` does what `headwater ARGUMENTS` does."""

from headwater.cli.commands import app

app()
