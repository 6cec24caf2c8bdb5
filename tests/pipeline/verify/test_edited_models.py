"""Verification of a source whose models an author edited, and whose deliveries are complete for a part."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.engineer import HISTORICAL, STAGING, Engineer
from tests.pipeline.line import Line, cities
from tests.pipeline.project import SEEDS
from tests.pipeline.verify.verified import Verified, rules, the

OF_PARTS = {
    **SEEDS,
    "source": SEEDS["source"]
    .replace("source,job,", "source,partition_by,job,")
    .replace("cities,cities,town_hall", "cities,name,cities,town_hall")
    .replace("city,snapshot", "city,partition_snapshot")
    .replace("prices,market", "prices,,market", 1)
    .replace("ratings,market", "ratings,,market", 1),
    "attribute": SEEDS["attribute"]
    .replace("\n", ",\n")
    .replace("description,\n", "description,untracked_policy\n")
    .replace("first seen,\n", "first seen,keep_latest\n"),
}  # fmt: skip


def test_edited_models_of_a_source_of_parts_are_verified_as_they_make_history(
    line: Line, tmp_path: Path
) -> None:
    engineer = Engineer(tmp_path / "own", line, OF_PARTS)
    engineer.derive("people * 10", "tens")
    engineer.edit(f"{STAGING}.sql", "as tens from typed", "as tens from typed where people > 0")
    engineer.write(
        "models/intermediate/int_cities.sql",
        "{{ config(materialized='ephemeral') }}\n-- the small ones\n"
        "select * from {{ ref('stg_cities') }} where people < 9\n",
    )
    engineer.edit(f"{HISTORICAL}.sql", "ref('stg_cities')", "ref('int_cities')")
    line.deliver(
        "cities", cities(1, {"a": ("north", 1), "b": ("north", 0), "c": ("south", 9), "d": ("south", 3)})
    )
    line.deliver("cities", cities(2, {"a": ("north", 1), "b": ("north", 2)}), "e,north,many,")
    line.deliver("cities", cities(3, {"d": ("south", 4), "c": ("south", 5)}))
    line.deliver("cities", cities(4, {"b": ("north", 2)}))
    engineer.ran_well()
    assert engineer.history("city", "people", "tens", "seen", "end_type") == [
        ("a", 1, 10, "cities-20260102.csv", "removed"),
        ("b", 2, 20, "cities-20260104.csv", None),
        ("c", 5, 50, "cities-20260103.csv", None),
        ("d", 3, 30, "cities-20260101.csv", "changed"),
        ("d", 4, 40, "cities-20260103.csv", None),
    ]
    verified = Verified(line, {})
    report = verified.report("cities", reads_objects=True)
    assert report.is_clean, [finding for outcome in report.outcomes for finding in outcome.findings]
    assert report.unproven == []

    verified.damage("update historical.cities set tens = 51 where city = 'c'")
    verified.damage(
        "update metadata.delivery_status set left_out_count = 2 where layer = 'staging' and left_out_count = 1"
    )
    findings = verified.findings("cities")
    assert rules(findings) == {"history.version_differs", "ledger.staged", "lines.lines_of_staging"}
    assert the(findings, "history.version_differs").expected == "tens '50'"

    engineer.edit("models/intermediate/int_cities.sql", "< 9", "< 8")
    (message,) = verified.outcome("cities", "history").unproven
    assert "the models of the source were edited since history was made" in message
