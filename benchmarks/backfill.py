"""The speed of loading many snapshots into history at once, and one by one.

    python -m benchmarks.backfill [--rows N] [--snapshots N] [--repeats N] [--json]

A hundred snapshots of `--rows` customers, already in staging, each with 1 % changed, 0.5 % new and 0.5 % removed: in
one historical step, one by one by a hand-written full join that commits each, and by one run of Headwater for each
(of which the first ten are measured).
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from benchmarks import full_join
from benchmarks.data import COLUMNS, MOST_STEPS, date_of, snapshot
from benchmarks.measure import by_turns, median, timed
from benchmarks.ours import Ours, require_ran_well, run_of_landed
from benchmarks.profile import Profile
from benchmarks.project import make_project
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds, times
from headwater.extract.landing.store import ObjectStore

SOURCE = "customers"
RUNS = 10


def measure(setting: Setting, snapshots: int) -> Report:
    database, rows = setting.database, setting.rows
    project = make_project(setting.folder / "project", {SOURCE: "snapshot"})
    ours = Ours(project, database)
    profile = Profile(database)
    staged = {step: ours.stage(SOURCE, date_of(step), snapshot(rows, step)) for step in range(snapshots)}
    counted = f"select delivery_sqn, count(*) from staging.stg_{SOURCE} group by delivery_sqn"
    counts = {int(str(sqn)): int(str(count)) for sqn, count in database.rows(counted)}
    full_join.create(database)
    database.execute("vacuum (analyze)")
    profiles = {}

    def at_once() -> tuple[float, float]:
        _forget(ours, staged)
        profile.begin()
        checks = ours.check(SOURCE)
        profiles["checks of all snapshots"] = profile.statements()
        profile.begin()
        history = ours.load(SOURCE)
        profiles["history of all snapshots"] = profile.statements()
        return checks, history

    def by_hand() -> tuple[float, float]:
        database.execute(f"truncate {full_join.TABLE}")
        database.execute("checkpoint")
        columns = ", ".join(COLUMNS)

        def each() -> None:
            for step, sqn in staged.items():
                delivered = f"(select {columns} from staging.stg_{SOURCE} where delivery_sqn = {sqn})"
                full_join.load(database, delivered, date_of(step))
                if step == 0:
                    database.execute(f"analyze {full_join.TABLE}")

        seconds_of_all = timed(each)
        full_join.require_same(database, f"historical.{SOURCE}")
        return 0.0, seconds_of_all

    def by_runs() -> float:
        """Return the mean seconds of a run, over several runs after the first one."""
        _forget(ours, {})
        took = []
        for step, sqn in list(staged.items())[: RUNS + 1]:
            with database.engine.begin() as connection:
                ours.register(connection, SOURCE, date_of(step), sqn)
                ours.record_staged(connection, SOURCE, sqn, counts[sqn])
            took.append(timed(lambda: require_ran_well(run_of_landed(project).whole())))
        return sum(took[1:]) / len(took[1:])

    turns: dict[str, Callable[[], tuple[float, float]]] = {"ours": at_once, "hand": by_hand}
    took = by_turns(turns, setting.repeats)
    one_run = by_runs()
    checks = median(check for check, _ in took["ours"])
    history, hand = (median(step for _, step in took[way]) for way in turns)
    both = median(check + step for check, step in took["ours"])
    runs = one_run * snapshots
    lines = [
        ("Headwater at once: history", history),
        ("Headwater at once: checks", checks),
        ("Headwater at once: checks and history", both),
        ("full join by hand, one by one", hand),
        (f"one run of Headwater for each ({RUNS} measured)", runs),
    ]
    return Report(
        name="backfill",
        title="Many snapshots at once",
        about=(
            f"{snapshots} snapshots of {rows:,} customers, in staging already; from each to the next 1 % are changed,"
            " 0.5 % new and 0.5 % removed. At once: one checks step and one historical step. By hand: a full join with"
            " what is current, close, insert and commit for each snapshot, from the same staged rows. One run for each:"
            f" `headwater run` in process, which checks and historizes one snapshot; the mean of {RUNS} runs after the"
            f" first, times {snapshots}."
        ),
        command="python -m benchmarks.backfill",
        tables=[
            Table(
                "",
                ("way", "s", "s per snapshot", "of the full join"),
                [
                    (what, seconds(took), f"{took / snapshots:.3f}", times(took / hand))
                    for what, took in lines
                ],
            )
        ],
        aims=[
            Aim(
                "history, at least twice as fast as the full join one by one",
                times(hand / history),
                2 * history <= hand,
            ),
            Aim("history and checks, at least as fast as the full join", times(hand / both), both <= hand),
            Aim(
                "with checks, at least 3 times as fast as one run for each",
                times(runs / both),
                runs >= 3 * both,
            ),
        ],
        bars=[
            Bar("Headwater at once, without checks", history, True),
            Bar("Headwater at once, with all checks", both, True),
            Bar("one by one by hand", hand, False),
            Bar("one run of Headwater for each", runs, False),
        ],
        profiles=profiles,
        server=database.settings(),
    )


def _forget(ours: Ours, kept: dict[int, int]) -> None:
    """Reset history and verdicts, and of deliveries that are not `kept` everything but their staged rows."""
    these = f"'{{{','.join(map(str, kept.values()))}}}'::bigint[]"
    statements = (
        f"truncate historical.{SOURCE}",
        "delete from metadata.data_quality_checks",
        "delete from metadata.delivery_event where event <> 'landed' or delivery_sqn <> all({these})",
        "delete from metadata.delivery_status where layer in ('checks', 'historical') or delivery_sqn <> all({these})",
        "delete from metadata.delivery where delivery_sqn <> all({these})",
    )
    with ours.database.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement.format(these=these)))
    store = ObjectStore.from_environment()
    for key in list(store.list("events/")):  # a run would register them again
        store.delete(key)
    ours.database.execute("vacuum (analyze) metadata.delivery_status, metadata.delivery_event")
    ours.database.execute("checkpoint")


def main() -> None:
    options = parser(__doc__, rows=100_000)
    options.add_argument("--snapshots", type=int, default=100, help="how many, at most 100; by default 100")
    chosen = options.parse_args()
    if not RUNS < chosen.snapshots <= MOST_STEPS + 1:
        raise SystemExit(f"--snapshots {chosen.snapshots}: expected {RUNS + 1} to {MOST_STEPS + 1}")
    publish(chosen, lambda setting: measure(setting, chosen.snapshots))


if __name__ == "__main__":
    main()
