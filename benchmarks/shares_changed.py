"""The speed from a file to history by the share of the rows that changed, with and without recognition.

    python -m benchmarks.shares_changed [--rows N] [--repeats N] [--json]

A second snapshot of `--rows` customers, of which 0, 2, 20 or 100 % changed, by a run of Headwater: once as it is, and
once with HEADWATER_RECOGNISE=off, which casts, checks and compares rows too that say what the current version says.
"""

from __future__ import annotations

from functools import partial

from benchmarks.data import snapshot, with_share_changed
from benchmarks.measure import by_turns
from benchmarks.ours import ChangeCounts, require_change_counts
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds, times
from benchmarks.to_history import RECOGNISE, ToHistory, Took, Ways

SHARES = (0, 2, 20, 100)
MOST_AT_ALL = 1.1  # times what it takes without recognition, where every row changed


def measure(setting: Setting) -> Report:
    line = ToHistory(setting)
    first = line.write(0, snapshot(setting.rows, 0))
    files = {share: line.write(1 + share, with_share_changed(setting.rows, share)) for share in SHARES}
    profiles = {}
    line.begin(first)

    def load(share: int, recognise: str) -> Took:
        took = line.by_headwater(files[share], {RECOGNISE: recognise})
        changed = sum(number % 100 < share for number in range(1, setting.rows + 1))
        expected = ChangeCounts(new=0, changed=changed, removed=0, unchanged=setting.rows - changed)
        require_change_counts(line.change_counts(), expected, f"{share} %, {RECOGNISE}={recognise},")
        profiles[f"{share} % changed, recognition {recognise}"] = line.profiles["a run of Headwater"]
        return took

    cases = {(share, recognise): f"{share} {recognise}" for share in SHARES for recognise in ("on", "off")}
    found = by_turns({name: partial(load, *case) for case, name in cases.items()}, setting.repeats)
    took = Ways.of(found).took
    rows = [
        (share, *(took[cases[share, recognise]].seconds for recognise in ("on", "off"))) for share in SHARES
    ]
    most = rows[-1][1] / rows[-1][2]
    return Report(
        name="shares_changed",
        title="How much changed",
        about=(
            f"A second snapshot of {setting.rows:,} customers, of which a share changed; none is new, none removed."
            " Headwater recognises rows that say what the current version says, and does not cast, check and compare"
            f" them again. Without recognition ({RECOGNISE}=off) it loads all rows alike. The rest is as from file to"
            " history."
        ),
        command="python -m benchmarks.shares_changed",
        tables=[
            Table(
                "",
                ("changed", "Headwater s", "without recognition s", "ratio"),
                [(f"{share} %", seconds(on), seconds(off), times(on / off)) for share, on, off in rows],
            ),
            Table(
                "Headwater's steps:",
                ("step", *(f"{share} %, {recognise}" for share, recognise in cases)),
                [
                    (part, *(seconds((took[name].parts or {})[part]) for name in cases.values()))
                    for part in next(iter(took.values())).parts or {}
                ],
            ),
        ],
        aims=[
            Aim(
                f"100 % changed: at most {MOST_AT_ALL} times what it takes without recognition",
                times(most),
                most <= MOST_AT_ALL,
            )
        ],
        bars=[
            bar
            for share, on, off in rows
            for bar in (
                Bar(f"{share} % changed", on, is_ours=True),
                Bar(f"{share} % changed, without recognition", off, is_ours=False),
            )
        ],
        profiles=profiles,
        server=setting.database.settings(),
    )


if __name__ == "__main__":
    publish(parser(__doc__, rows=1_000_000).parse_args(), measure)
