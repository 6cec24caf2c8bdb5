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
    "Ask the publisher for a correct file.",
    "The next run fetches it. A corrected file with the same name and date supersedes this one.",
)
_LEAVE = Way(
    "Leave it halted.",
    "History does not include this delivery; later ones are loaded. You can decide at any time.",
)
_AS_IT_IS = Way("Accept it as it is.", "It enters history, and your reason is recorded.", ACCEPT)
_AGAIN = "Then replay the delivery (headwater replay): it is read again from S3 and checked again."


def _mend(what: str) -> Way:
    return Way(what, _AGAIN, REPLAY)


_GUIDES = (
    Guide("duplicate_keys", "Several rows of the delivery have the same key, so it is unclear which one is true.", (
        Way("Accept it.", "The last row of each key wins; the others go to the quarantine.", ACCEPT),
        _mend("If the rows describe different things, add a column to the key: is_key in attribute.csv, then rebuild."),
        _mend("Let the last row win in every delivery: on_duplicate_key = last_wins in source.csv."),
        _NEWER, _LEAVE,
    )),
    Guide("duplicate_rows", "Rows occur more than once, with the same values in all columns.", (
        Way("Accept it.", "One of the identical rows enters history.", ACCEPT), _NEWER, _LEAVE,
    )),
    Guide("null_keys", "Rows have no value in a key column, so they cannot be identified over time.", (
        _AS_IT_IS, _mend("Let such rows fall out without a halt: on_null_key = fall_out in source.csv."),
        _NEWER, _LEAVE,
    )),
    Guide("fallen_out", "More rows fell out than max_fallen_out_pct allows.", (
        _mend("If the values are right, correct the type, format or null tokens of the column in attribute.csv."),
        Way("Accept it.", "The valid rows enter history; the keys of the others keep their versions.", ACCEPT),
        _mend("If so many may fall out of every delivery, raise max_fallen_out_pct in source.csv."), _NEWER, _LEAVE,
    )),
    Guide("removed", "The snapshot lacks more current keys than max_removed_pct allows. It may be truncated.", (
        Way("Accept it, if the keys are really gone.", "History ends the versions of the missing keys.", ACCEPT),
        _NEWER, _mend("If so many may go in every delivery, raise max_removed_pct in source.csv."), _LEAVE,
    )),
    Guide("type_changed", "(Nearly) all values of a column have another type or format than in the metadata.", (
        _mend("Change target_datatype or format in attribute.csv, then rebuild."), _AS_IT_IS, _LEAVE,
    )),
    Guide("empty", "The delivery has no valid row.", (_NEWER, _AS_IT_IS, _LEAVE)),
    Guide("min_rows", "The delivery has fewer rows than min_rows. It may be truncated.", (
        _NEWER, _AS_IT_IS, _mend("Set another min_rows in source_attribute.csv."), _LEAVE,
    )),
    Guide("other_part", "Rows are of another part than the name of the file says.", (
        Way("Accept it.", "All its rows enter history; what it lacks of the part in its name is removed.", ACCEPT),
        _mend("If the name says another part, correct the groups of file_pattern in source_attribute.csv."),
        _NEWER, _LEAVE,
    )),
    Guide("nothing_new", "The snapshot changes nothing in history. It may be an old one.", (
        _AS_IT_IS, _NEWER, _LEAVE,
    )),
    Guide("gap", "A period of expected_every passed without a delivery.", (_AS_IT_IS, _NEWER, _LEAVE)),
    Guide("delivery_date_in_future", "The delivery is dated more than a day after it came.", (
        _mend("Correct how the date is read: file_pattern or date options in source_attribute.csv."), _AS_IT_IS, _LEAVE,
    )),
    Guide("delivery_date_before_start", "The delivery is dated before first_delivery_date.", (
        _mend("Correct how the date is read, or set another first_delivery_date."), _AS_IT_IS, _LEAVE,
    )),
    Guide("columns", "The publisher has added, renamed or left out columns.", (
        _mend("Add the column to the seeds, or declare it as renamed (renamed_columns) or optional (is_optional)."),
        Way("Accept it.", "Its known columns are loaded, and all other checks run.", ACCEPT),
        _LEAVE,
    )),
    Guide("key_columns", "A key column, or the delete column, is missing. You cannot accept the delivery.", (
        _mend("Declare the column's new name: renamed_columns in source_attribute.csv."), _NEWER, _LEAVE,
    )),
    Guide("format", "The file breaks its own format, so it has no rows. You cannot accept the delivery.", (
        _NEWER, _mend("Correct the options for reading it (delimiter, encoding, sheet …) in source_attribute.csv."),
        _LEAVE,
    )),
    Guide("ledger", "Rows were lost or doubled between two layers. You cannot accept the delivery.", (
        _mend("Look at the log of the run and at the last edited model, and correct the model."), _LEAVE,
    )),
)  # fmt: skip
GUIDES = {guide.check: guide for guide in _GUIDES}
OWN_CHECK = Guide(
    "own", "An extra check of the source failed (a row of quality_check.csv).",
    (_AS_IT_IS, _mend("Correct the check in source.csv, if it is too strict."), _NEWER, _LEAVE),
)  # fmt: skip


def guide_of(check: str) -> Guide:
    """Return the guide of a check; for unknown names that of a source's extra checks."""
    return GUIDES.get(check, OWN_CHECK)
