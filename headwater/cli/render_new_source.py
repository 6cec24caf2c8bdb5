"""A proposal of `new-source`, rendered for people and for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from headwater.cli.terminal import escape
from headwater.new_source.proposal import Proposal
from headwater.new_source.proposal_doubts import doubts_of

LONGEST = 28  # characters of a value


def proposal(out: Console, proposed: Proposal) -> None:
    """Print the source, its attributes, and the doubts."""
    records = "records" if proposed.is_whole else "records of more"
    out.print(
        f"[bold]{proposed.name}[/]: {escape(proposed.sample.publisher_name)}, {proposed.records:,} {records}"
    )
    facts = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, value in _facts(proposed).items():
        facts.add_row(f"  {name}", escape(value))
    out.print(facts)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("  column", "target", "datatype", "format", "null tokens", "key", "nulls", "such as"):
        table.add_column(column, justify="right" if column == "nulls" else "left", overflow="fold")
    for attribute in proposed.attributes:
        table.add_row(
            f"  {escape(_short(attribute.column.name))}",
            attribute.target_name,
            attribute.typed.datatype,
            escape(attribute.typed.format or ""),
            escape(attribute.null_tokens or ""),
            "[green]key[/]" if attribute.is_key else "",
            f"{attribute.column.nulls:,}" if attribute.column.nulls else "",
            escape(_short(", ".join(attribute.examples))),
        )
    out.print(table)
    for doubt in doubts_of(proposed):
        colour = "red" if doubt.is_harmful else "yellow"
        out.print(f"[{colour}]{'doubt' if doubt.is_harmful else 'guess'}[/] {escape(str(doubt))}")


def as_dict(proposed: Proposal) -> dict[str, Any]:
    """Return the proposal for JSON."""
    return {
        "source": proposed.name,
        "file": proposed.sample.publisher_name,
        "records": proposed.records,
        "is_whole": proposed.is_whole,
        **_facts(proposed),
        "options": proposed.options,
        "key": proposed.key,
        "attributes": [
            {
                "source_name": attribute.column.name,
                "target_name": attribute.target_name,
                "target_datatype": attribute.typed.datatype,
                "format": attribute.typed.format,
                "null_tokens": attribute.null_tokens,
                "is_key": attribute.is_key,
                "is_optional": attribute.is_optional,
                "nulls": attribute.column.nulls,
            }
            for attribute in proposed.attributes
        ],
        "doubts": [asdict(doubt) for doubt in doubts_of(proposed)],
    }


def _facts(proposed: Proposal) -> dict[str, str]:
    return {
        "data source": f"{proposed.data_source} ({proposed.sample.data_source_type})",
        "address": proposed.sample.address,
        **proposed.options,
        "delivery type": proposed.delivery_type,
        "key": ", ".join(proposed.key) or "none",
        "owner": proposed.owner,
        "schedule": proposed.schedule,
    }


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"
