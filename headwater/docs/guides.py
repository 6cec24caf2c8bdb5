"""Guides for halted deliveries: for each check its meaning and the possible actions."""

from __future__ import annotations

from dataclasses import dataclass

ACCEPT, REPLAY, WITHDRAW = "accept", "replay", "withdraw"


@dataclass(frozen=True)
class Way:
    """A possible action: what to do, and its effect. `decision` is the decision that completes it, if any."""

    what: str
    then: str
    decision: str | None = None


@dataclass(frozen=True)
class Guide:
    """The meaning of a failed check, and the possible actions, the usual one first."""

    check: str
    meaning: str
    ways: tuple[Way, ...]


_NEWER = Way(
    "Have the publisher publish it again.",
    "The next run fetches what is new. A mended file of the same name and date takes the place of this one.",
)
_LEAVE = Way(
    "Leave it halted.",
    "History goes on without this delivery, and later ones are not held up. You can decide at any time.",
)
_AS_IT_IS = Way("Accept it as it is.", "It goes to history, and your reason is on record.", ACCEPT)
_AGAIN = "it is read again from S3 and judged anew."


def _mend(what: str) -> Way:
    return Way(what, _AGAIN, REPLAY)


_GUIDES = (
    Guide("duplicate_keys", "Several rows of the delivery have one key, so it is not clear what is true of it.", (
        Way("Accept it.", "Of each key the last row wins; the others go to the quarantine.", ACCEPT),
        _mend("Add a column to the key, where the rows are different things: is_key in attribute.csv, then rebuild."),
        _mend("Let the last row win in every delivery: on_duplicate_key = last_wins in source.csv."),
        _NEWER, _LEAVE,
    )),
    Guide("duplicate_rows", "Rows come more than once and are the same in all columns.", (
        Way("Accept it.", "One of the copies is as good as the other.", ACCEPT), _NEWER, _LEAVE,
    )),
    Guide("null_keys", "Rows have no value in a column of the key, so they cannot be told apart over time.", (
        _AS_IT_IS, _mend("Let such rows fall out without a halt: on_null_key = fall_out in source.csv."),
        _NEWER, _LEAVE,
    )),
    Guide("fallen_out", "More rows fell out than max_fallen_out_pct allows.", (
        _mend("Mend the type, format or null tokens of the column in attribute.csv, where the values are right."),
        Way("Accept it.", "The rows that can be read go to history; the keys of the others stay as they were.", ACCEPT),
        _NEWER, _LEAVE,
    )),
    Guide("removed", "The snapshot lacks more current keys than max_removed_pct allows. It may be cut off.", (
        Way("Accept it, where the keys are really gone.", "History ends what the delivery lacks.", ACCEPT),
        _NEWER, _LEAVE,
    )),
    Guide("type_changed", "(Nearly) all values of a column are of another type or format than the metadata says.", (
        _mend("Change target_datatype or format in attribute.csv, then rebuild."), _AS_IT_IS, _LEAVE,
    )),
    Guide("empty", "No row of the delivery can go on.", (_NEWER, _AS_IT_IS, _LEAVE)),
    Guide("min_rows", "The delivery has fewer rows than min_rows says. It may be cut off.", (
        _NEWER, _AS_IT_IS, _mend("Set another min_rows in source_attribute.csv."), _LEAVE,
    )),
    Guide("nothing_new", "The snapshot says nothing that history does not know. It may be an old one.", (
        _AS_IT_IS, _NEWER, _LEAVE,
    )),
    Guide("gap", "A period of expected_every went by without a delivery.", (_AS_IT_IS, _NEWER, _LEAVE)),
    Guide("delivery_date_in_future", "The delivery is dated more than a day after it came.", (
        _mend("Mend how the date is read: file_pattern or date options in source_attribute.csv."), _AS_IT_IS, _LEAVE,
    )),
    Guide("delivery_date_before_start", "The delivery is dated before first_delivery_date.", (
        _mend("Mend how the date is read, or set another first_delivery_date."), _AS_IT_IS, _LEAVE,
    )),
    Guide("columns", "The publisher has added, renamed or left out columns.", (
        _mend("Add the column, or say that it is renamed (renamed_columns) or optional (is_optional), in the seeds."),
        Way("Accept it.", "It is loaded as far as its columns are known, and judged by all other checks.", ACCEPT),
        _LEAVE,
    )),
    Guide("key_columns", "A column of the key, or the one that marks deletions, is not there. It cannot be accepted.", (
        _mend("Say what the column is called now: renamed_columns in source_attribute.csv."), _NEWER, _LEAVE,
    )),
    Guide("format", "The file breaks its own format, so there are no rows to judge. It cannot be accepted.", (
        _NEWER, _mend("Mend the options by which it is read (delimiter, encoding, sheet …) in source_attribute.csv."),
        _LEAVE,
    )),
    Guide("ledger", "Rows got lost or doubled between two layers. It cannot be accepted.", (
        _mend("Look at the log of the run and at the model that was edited last; mend it."), _LEAVE,
    )),
)  # fmt: skip
GUIDES = {guide.check: guide for guide in _GUIDES}
OWN_CHECK = Guide(
    "own", "A check of the source's own failed (quality_checks in source.csv).",
    (_AS_IT_IS, _mend("Mend the check in source.csv, where it asks too much."), _NEWER, _LEAVE),
)  # fmt: skip


def guide_of(check: str) -> Guide:
    """Return the guide of a check; for unknown names that of a source's extra checks."""
    return GUIDES.get(check, OWN_CHECK)
