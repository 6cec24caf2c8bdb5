"""The commands that run, decide and tell of runs: what they print, and their exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.command import ran
from tests.support.pages import commands_of

LAYERS = {"landed", "raw", "staging", "checks", "historical"}


@pytest.mark.usefixtures("database", "store")
def test_runs_end_with_0_or_3_or_1_and_tell_what_happened_to_people_and_machines(publisher: Path) -> None:
    (publisher / "cities" / "cities-20260101.csv").write_text(
        "City Code,name,people,seen\na,A,1,x\nb,B,2,x\n"
    )
    (publisher / "prices" / "prices-20260101.csv").write_text("shop,item,price,gone\nx,1,1.50,\n")
    well = ran(0, "run", "cities", "prices")
    assert re.search(r"^cities +1 +1 +0 +succeeded", well.stdout, re.MULTILINE)

    (publisher / "cities" / "cities-20260102.csv").write_text(
        "City Code,name,people,seen\na,A,3,x\na,A,4,x\n"
    )
    halted = ran(3, "run", "cities", "--json")
    facts = json.loads(halted.stdout)
    assert facts["exit_code"] == 3
    (source,) = facts["sources"]
    assert set(source) == {
        "source", "status", "landed", "loaded", "taken_out", "halts", "purged", "fallen_out", "warnings", "failures",
    }  # fmt: skip
    assert (source["source"], source["status"], source["landed"], source["loaded"]) == (
        "cities",
        "halted",
        1,
        0,
    )
    (halt,) = source["halts"]
    assert (halt["publisher_name"], halt["checks"]) == ("cities-20260102.csv", ["duplicate_keys"])

    failed = ran(1, "run", "ratings")
    assert "failed ratings: no file in" in failed.stdout

    everything = json.loads(ran(0, "deliveries", "--json").stdout)
    assert [(d["source"], d["publisher_name"], d["status"]) for d in everything] == [
        ("cities", "cities-20260101.csv", "loaded"),
        ("cities", "cities-20260102.csv", "halted"),
        ("prices", "prices-20260101.csv", "loaded"),
    ]
    first, second = json.loads(ran(0, "deliveries", "cities", "--json").stdout)
    assert [first, second] == everything[:2]
    assert first["delivery_filename"].startswith("s3://")
    assert first["delivery_filename"].endswith(
        f"landed/cities/{first['delivery_sqn']:010d}/cities-20260101.csv"
    )
    assert (first["delivery_type"], first["delivery_date"]) == ("snapshot", "2026-01-01T00:00:00+00:00")
    assert [first[change] for change in ("new", "changed", "removed", "unchanged")] == [2, 0, 0, 0]
    assert [second[change] for change in ("new", "changed", "removed", "unchanged")] == [None] * 4
    assert {
        layer: (facts["status"], facts.get("record_count")) for layer, facts in first["layers"].items()
    } == {
        "landed": ("loaded", None),
        "raw": ("loaded", 2),
        "staging": ("loaded", 2),
        "checks": ("passed", None),
        "historical": ("loaded", 2),
    }
    assert second["layers"]["checks"]["status"] == "halted"
    assert set(second["layers"]) == LAYERS - {"historical"}

    table = ran(0, "deliveries", "cities").stdout
    assert "cities-20260102.csv" in table
    assert "halted" in table

    standing = json.loads(ran(0, "status", "--json").stdout)
    by_source = {row["source"]: row for row in standing["sources"]}
    cities = by_source["cities"]
    assert [cities[name] for name in ("deliveries", "loaded", "pending", "halted", "versions", "current")] == [
        2, 1, 0, 1, 2, 2,
    ]  # fmt: skip
    assert (cities["last_run"], by_source["ratings"]["last_run"]) == ("halted", "failed")
    assert [halt["publisher_name"] for halt in standing["halts"]] == ["cities-20260102.csv"]
    for_people = ran(0, "status").stdout
    assert re.search(
        r"halted cities: delivery \d+, cities-20260102\.csv: duplicate_keys: .*city=a", for_people
    )

    ran(0, "run", "cities")  # nothing new: what was halted before is no halt of this run


@pytest.mark.usefixtures("database", "store")
def test_decisions_are_told_to_people_and_machines_and_what_does_not_fit_is_misuse(publisher: Path) -> None:
    (publisher / "cities" / "cities-20260101.csv").write_text(
        "City Code,name,people,seen\na,A,1,x\na,Aa,2,x\n"
    )
    halted = json.loads(ran(3, "run", "cities", "--json").stdout)["sources"][0]["halts"][0]
    sqn = str(halted["delivery_sqn"])

    for arguments, message in (
        (("accept", sqn, "--why", " "), "Error: a decision goes on record with its reason"),
        (
            ("accept", sqn, "--why", "x", "--check", "empty"),
            f"Error: delivery {sqn} of cities did not fail empty.",
        ),
        (("restore", sqn, "--why", "x"), f"Error: delivery {sqn} of cities is halted, not withdrawn"),
        (("withdraw", "999", "--why", "x"), "Error: there is no delivery 999."),
        (("as-of", "prices", "--on", "2026-01-01"), "Error: prices has no history yet"),
    ):
        refused = ran(1 if "as-of" in arguments else 2, *arguments)
        assert refused.stdout == ""
        assert refused.stderr.startswith(message)

    assert (
        "would be halted today: duplicate_keys: " in ran(0, "replay", sqn, "--why", "x", "--dry-run").stdout
    )
    would = json.loads(ran(0, "accept", sqn, "--why", "x", "--dry-run", "--json").stdout)
    sample = {"added": [{"key": {"city": "a"}, "valid_from": "2026-01-01T00:00:00+00:00"}]}
    assert would == {
        "added": 1, "dropped": 0, "ended": 0, "reopened": 0, "verdict": None, "why": None, "sample": sample,
    }  # fmt: skip
    accepted = ran(0, "accept", sqn, "--why", "the last [one]", "--check", "duplicate_keys").stdout
    assert accepted.splitlines()[-1] == f"delivery {sqn} of cities, cities-20260101.csv, is now loaded"

    record = (
        rf"accepted cities: delivery {sqn}, cities-20260101\.csv, in spite of duplicate_keys: \S+, "
        r"\d{4}-\d\d-\d\d \d\d:\d\d: the last \[one\]$"
    )
    deliveries = ran(0, "deliveries", "cities").stdout
    assert re.search(record, deliveries, re.MULTILINE)
    assert re.search(r"cities-20260101\.csv +loaded +2 +1 +accepted ", deliveries)
    assert re.search(record, ran(0, "status").stdout, re.MULTILINE)

    withdrawn = json.loads(ran(0, "withdraw", sqn, "--why", "gone", "--json").stdout)
    assert withdrawn["delivery"]["status"] == "withdrawn"
    assert [found["why"] for found in withdrawn["delivery"]["decisions"]] == ["the last [one]", "gone"]
    (decided,) = json.loads(ran(0, "status", "--json").stdout)["decided"]
    assert decided == withdrawn["delivery"]


@pytest.mark.usefixtures("database", "store")
def test_runs_and_their_logs_are_told_and_a_dry_run_is_no_last_run(publisher: Path) -> None:
    (publisher / "cities" / "cities-20260101.csv").write_text(
        "City Code,name,people,seen\na,A,1,x\na,A,2,x\n"
    )
    halt = json.loads(ran(3, "run", "cities", "--json").stdout)["sources"][0]["halts"][0]
    ran(1, "run", "ratings")
    ran(0, "accept", str(halt["delivery_sqn"]), "--why", "x", "--dry-run")
    standing = {row["source"]: row for row in json.loads(ran(0, "status", "--json").stdout)["sources"]}
    assert [standing[name]["last_run"] for name in ("cities", "prices", "ratings")] == [
        "halted",
        None,
        "failed",
    ]

    dry, failed, halted = json.loads(ran(0, "runs", "--json").stdout)
    assert [(run["job"], run["kind"], run["status"], run["etl_steps"]) for run in (dry, failed, halted)] == [
        ("cities", "dry_run", "succeeded", None), ("market", "run", "failed", "ETL"),
        ("cities", "run", "halted", "ETL"),
    ]  # fmt: skip
    shown = ran(0, "runs").stdout
    number = failed["job_inst_id"]
    assert re.search(rf"^ *{number} +market +run +terminal +\S+ \S+ +\S+ s +failed *$", shown, re.MULTILINE)
    assert re.search(rf"^ *{dry['job_inst_id']} +cities +dry run ", shown, re.MULTILINE)
    assert f"run {number} {failed['last_error']}" in shown
    assert len(json.loads(ran(0, "runs", "cities", "--limit", "1", "--json").stdout)) == 1

    (message,) = json.loads(ran(0, "log", halted["run_id"][:13], "--json", "--level", "detail").stdout)
    assert message["job_inst_id"] == halted["job_inst_id"]
    checks = next(task for task in message["tasks"] if task["task"] == "check")
    assert (checks["etl_step"], checks["status"], checks["delivery_sqns"]) == (
        "T",
        "halted",
        [halt["delivery_sqn"]],
    )
    assert [row["layers"] for row in message["deliveries"]] == [["landed", "raw", "staging", "checks"]]
    assert {"detail", "error"} <= {line["level"] for line in message["log"]}
    text = ran(0, "log", str(halted["job_inst_id"])).stdout
    assert text.startswith(f"run {halted['job_inst_id']} of cities: halted (run, ETL, by terminal)\n")
    assert re.search(r"^check +T +cities +1 +\S+ s +halted *$", text, re.MULTILINE)
    assert f"check cities: delivery {halt['delivery_sqn']} is halted: duplicate_keys" in text
    errors = ran(0, "log", str(number), "--level", "error").stdout
    assert errors.splitlines()[-1].endswith(f"discover {failed['last_error']}")
    assert "Error: no run '4711'. Expected" in ran(1, "log", "4711").stderr
    commands = commands_of("how-to/failed-runs")
    assert [command[0] for command in commands] == ["runs", "runs", "log", "log"]
    for command in commands:
        assert "duplicate_keys" in ran(0, *command).stdout


@pytest.mark.usefixtures("database", "store")
def test_a_job_is_run_and_told_to_people_and_machines(publisher: Path) -> None:
    (publisher / "cities" / "cities-20260101.csv").write_text("City Code,name,people,seen\na,A,1,x\n")
    well = ran(0, "run", "--job", "cities", "--no-follow")
    assert re.search(r"^ *\d+ +cities +6 +1 +\S+ s +succeeded", well.stdout, re.MULTILINE)
    assert re.search(r"^ *\d+ +marts +2 +0 +\S+ s +succeeded", well.stdout, re.MULTILINE)

    (publisher / "cities" / "cities-20260102.csv").write_text(
        "City Code,name,people,seen\na,A,3,x\na,A,4,x\n"
    )
    payload = json.loads(ran(3, "run", "--job", "cities", "--del-temp-data", "--json").stdout)
    (job,), (run,) = payload["jobs"][:1], payload["runs"][:1]
    assert (job["job"], job["status"], run["run_id"]) == ("cities", "halted", job["run_id"])
    assert (run["kind"], run["runner"], run["del_temp_data"]) == ("run", "terminal", True)
    assert [task["task"] for task in run["tasks"] if task["status"] == "halted"] == [
        "cities_stage.check",
        "check",
    ]
    shown = ran(1, "run", "--job", "market")
    assert re.search(r"^failed market: (prices|ratings): ", shown.stdout, re.MULTILINE)


@pytest.mark.usefixtures("database", "store")
def test_seeds_that_break_a_rule_or_models_that_are_stale_fail_a_run_before_anything_is_done(
    own_project: Path,
) -> None:
    seed = own_project / "seeds" / "attribute.csv"
    good = seed.read_text()
    seed.write_text(good.replace("Its name", "Its official name"))
    stale = ran(1, "run").stderr
    assert "models/staging/town_hall/_cities__docs.md" in stale
    assert "headwater generate" in stale
    seed.write_text(good.replace("smallint", "smalint"))
    broken = ran(1, "run").stderr
    assert broken.startswith("1 error in the metadata\nseeds/attribute.csv:10: target_datatype: ")
