"""Texts of publishers reach the terminal as text, whichever command shows them."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.table import Table
from typer.testing import CliRunner

from headwater.cli import app, render
from headwater.cli.terminal import Terminal, escape, paragraph
from headwater.metadata.errors import HeadwaterError
from headwater.services.airflow_log import Line
from tests.metadata.test_visible import EVERYTHING, steers
from tests.support import hostile

OWN_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ROOMS = ("headwater", "dags", "extract", "metadata")
PROJECT = Path(__file__).resolve().parents[3]


def printed(*what: object, markup: bool | None = None) -> str:
    """Return what a screen gets, without our own colours."""
    out = io.StringIO()
    Terminal(file=out, force_terminal=True, width=400).print(*what, markup=markup)
    return OWN_COLOURS.sub("", out.getvalue())


@pytest.mark.parametrize("text", hostile.params(EVERYTHING, leaving_out=["deep_list", "deep_object"]))
def test_no_text_steers_the_screen_wherever_it_stands(text: str) -> None:
    table = Table("name", "[red]status[/]", box=None)
    table.add_row(escape(text), text.replace("[", ""))
    for shown in (printed(text, markup=False), printed(f"[red]halted[/] {escape(text)}"), printed(table)):
        assert steers(shown.replace("\n", "").replace("\t", "")) == []


@pytest.mark.parametrize("name", hostile.params(hostile.NAMES))
def test_a_name_makes_no_line_of_its_own(name: str) -> None:
    assert printed(f"[bold red]halted[/] {escape(name)}").count("\n") == 1


def test_names_are_shown_as_they_are_but_for_that() -> None:
    assert printed(escape("[bold]:smile: {{ x }}"), "\n").startswith("[bold]:smile: {{ x }}")


def test_a_line_within_an_error_passes_for_none_of_ours() -> None:
    assert paragraph("Error: column 'a\nError: all is well'") == "Error: column 'a\n  Error: all is well'"


def delivery(name: str) -> dict[str, object]:
    return {
        "delivery_sqn": 1, "source": "places", "delivery_date": datetime(2026, 1, 1, tzinfo=UTC), "why": name,
        "publisher_name": name, "status": "halted", "layers": None, "new": 1, "changed": 0, "removed": 0, "checks": [],
        "unchanged": 0, "fallen_out": None,
        "decisions": [{"event": "accepted", "checks": [name], "event_at": "2026-01-01T00:00:00+00:00", "who": name,
                       "why": name}],
    }  # fmt: skip


@pytest.mark.parametrize("name", hostile.params({**hostile.FILE_NAMES, **hostile.NAMES}))
def test_deliveries_and_logs_are_shown_in_as_many_lines_as_there_are(name: str) -> None:
    out = io.StringIO()
    screen = Terminal(file=out, force_terminal=True, width=20_000)
    render.deliveries(screen, [delivery(name)])
    render.standing_halts(screen, [delivery(name)])
    render.airflow_line(screen, Line("12:00:00", "scheduler", "error", name))
    shown = OWN_COLOURS.sub("", out.getvalue())
    assert shown.count("\n") == 5
    assert steers(shown.replace("\n", "")) == []


@pytest.mark.parametrize("name", hostile.params(hostile.FILE_NAMES))
def test_an_error_and_json_of_the_command_steer_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise HeadwaterError(f"{name} cannot be read")

    monkeypatch.setattr("headwater.cli.files.find_project", fail)
    message = CliRunner().invoke(app.app, ["check"]).stderr
    assert message.startswith("Error: ")
    assert steers(message.replace("\n", "")) == []
    app.print_json({"name": name})
    assert json.loads(out := capsys.readouterr().out) == {"name": name}
    assert steers(out.replace("\n", "")) == []


def test_nothing_else_prints_to_a_screen() -> None:
    """A console of rich's own, or its escape, would go past what makes texts visible."""
    another_way = (
        r"rich\.markup import escape|\bConsole\(|typer\.echo|json\.dumps\(.*ensure_ascii=False.*write"
    )
    found = [
        f"{path.relative_to(PROJECT)}: {line.strip()}"
        for room in ROOMS
        for path in (PROJECT / room).rglob("*.py")
        if path.name not in ("terminal.py", "recording.py")
        for line in path.read_text().splitlines()
        if re.search(another_way, line)
    ]
    assert found == []
