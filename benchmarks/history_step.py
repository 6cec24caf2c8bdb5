"""The speed of the step into history, beside dbt snapshot and a hand-written full join.

    python -m benchmarks.history_step [--rows N] [--repeats N] [--json]

The second snapshot of `--rows` customers, 1 % changed, 0.5 % new and 0.5 % removed, is loaded alternately into
three histories that hold the first one, each time from a fresh copy of the database. Headwater's
checks of the delivery, which the others do not have, are measured, too.
"""

from __future__ import annotations

from benchmarks import full_join
from benchmarks.data import date_of, snapshot
from benchmarks.dbt_snapshot import DELIVERED, DbtSnapshot, change_counts
from benchmarks.measure import by_turns, median
from benchmarks.ours import Ours, require_change_counts
from benchmarks.profile import Profile
from benchmarks.project import make_project
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds, times

SOURCE = "customers"
FIRST, SECOND = 0, 1


def measure(setting: Setting) -> Report:
    database, rows = setting.database, setting.rows
    ours = Ours(make_project(setting.folder / "project", {SOURCE: "snapshot"}), database)
    peer = DbtSnapshot(setting.folder / "peer", setting.programs) if setting.has_peers else None
    profile = Profile(database)
    _load_first(setting, ours, peer)
    profiles = {}

    def by_headwater() -> tuple[float, float]:
        database.restore()
        profile.begin()
        checks = ours.check(SOURCE)
        profiles["checks"] = profile.statements()
        profile.begin()
        history = ours.load(SOURCE)
        profiles["history"] = profile.statements()
        return checks, history

    def by_dbt() -> tuple[float, float]:
        assert peer
        database.restore()
        profile.begin()
        took = peer.load()
        profiles["dbt snapshot"] = profile.statements()
        require_change_counts(change_counts(database), expected, "dbt snapshot")
        return 0.0, took

    def by_hand() -> tuple[float, float]:
        database.restore()
        profile.begin()
        took = full_join.load(database, DELIVERED, date_of(SECOND))
        profiles["full join by hand"] = profile.statements()
        require_change_counts(full_join.change_counts(database, date_of(SECOND)), expected, "the full join")
        return 0.0, took

    by_headwater()  # what both others must come to
    expected = ours.change_counts(SOURCE)
    turns = {"ours": by_headwater, "hand": by_hand} | ({"dbt": by_dbt} if peer else {})
    took = by_turns(turns, setting.repeats)
    checks = median(check for check, _ in took["ours"])
    history, hand = (median(step for _, step in took[way]) for way in ("ours", "hand"))
    dbt = median(step for _, step in took["dbt"]) if peer else None
    both = median(check + step for check, step in took["ours"])
    lines = [
        ("Headwater: history", history, history),
        ("Headwater: checks", checks, None),
        ("Headwater: checks and history", both, both),
        *([("dbt snapshot", dbt, dbt)] if dbt else []),
        ("full join by hand", hand, hand),
    ]
    return Report(
        name="history_step",
        title="The step into history",
        about=(
            f"The second snapshot of {rows:,} customers (12 columns), from staging into history:"
            f" {expected.changed:,} changed, {expected.new:,} new, {expected.removed:,} removed. dbt snapshot compares"
            " all columns and invalidates hard deletes, into a table without an index, as it makes it. The full join is"
            " what an expert would write by hand for one snapshot, with our indexes on its table: difference into a"
            " temporary table, close, insert, commit. The checks are those of the run, three expectations of the"
            " source among them; the others check nothing. Of both dbts the time of the node counts, start-up and"
            " parsing do not."
        ),
        command="python -m benchmarks.history_step",
        tables=[
            Table(
                "",
                ("way", "s", "of dbt snapshot", "of the full join"),
                [
                    (
                        what,
                        seconds(took),
                        times(took / dbt) if whole and dbt else "",
                        times(took / hand) if whole else "",
                    )
                    for what, took, whole in lines
                ],
            )
        ],
        aims=[
            *(
                [
                    Aim(
                        "history and checks, at least 3 times as fast as dbt snapshot",
                        times(dbt / both),
                        dbt >= 3 * both,
                    )
                ]
                if dbt
                else []
            ),
            Aim("history, at most 1.2 times the full join", times(history / hand), history <= 1.2 * hand),
        ],
        bars=[
            Bar("Headwater, without checks", history, True),
            Bar("Headwater, with all checks", both, True),
            *([Bar("dbt snapshot", dbt, False)] if dbt else []),
            Bar("full join by hand", hand, False),
        ],
        profiles=profiles,
        server=database.settings(),
    )


def _load_first(setting: Setting, ours: Ours, peer: DbtSnapshot | None) -> None:
    """Load the first snapshot into all histories, deliver the second one to each, and keep this state."""
    database, rows = setting.database, setting.rows
    ours.stage(SOURCE, date_of(FIRST), snapshot(rows, FIRST))
    ours.check(SOURCE)
    ours.load(SOURCE)
    ours.stage(SOURCE, date_of(SECOND), snapshot(rows, SECOND))
    full_join.create(database)
    for step in (FIRST, SECOND):
        database.execute(f"drop table if exists {DELIVERED}")
        database.execute(f"create table {DELIVERED} as {snapshot(rows, step)}")
        database.execute(f"analyze {DELIVERED}")
        if step == FIRST:
            full_join.load(database, DELIVERED, date_of(FIRST))
            if peer:
                peer.load()
    database.keep()


if __name__ == "__main__":
    publish(parser(__doc__, rows=1_000_000).parse_args(), measure)
