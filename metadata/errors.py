"""Every error that a user may see, in one tree.

HeadwaterError              something a person can act on; its message is all that is shown
├── MetadataInvalid         the seeds break a rule; `problems` lists every one of them
├── SecretUnavailable       a secret that the metadata names cannot be read
├── DatabaseUnavailable     Postgres cannot be reached or refuses us
├── DatabaseRefused         Postgres refuses a statement, or is lost in the middle; carries its SQLSTATE
├── ProjectRefused          a project that this version of Headwater does not run
├── ProjectNotMade          a project cannot be made under a name or in a folder
├── ExtraMissing            packages of an extra are not installed
├── ExtensionUnusable       what an installed package adds cannot be used; carries what was expected
├── Unforeseen              what no part of Headwater foresaw, or a machine that is at its end
├── ExtractError            bringing a delivery in
│   ├── PublisherError      the publisher cannot be reached, or answers what makes no sense
│   ├── DeliveryIncomplete  fewer bytes came than were announced
│   ├── DeliveryTooLarge    more bytes came than the source's metadata allows
│   ├── FormatBroken        the file breaks its own format; carries file, line and reason
│   │   └── ColumnsBroken   its columns are not those that the metadata expects; carries what was found
│   └── StorageError        the object store refuses or contradicts us
│       └── ArchiveBroken   objects of a source's archive cannot be registered; carries what was registered
├── LedgerBroken            the counts of a delivery do not balance; carries its delivery_sqn
├── LoadFailed              a dbt model failed for a reason that is not a delivery's
├── NoJobInstance           a step of a job is run before its job instance was begun
├── StepFailed              a step of a job did not do all that it should
│   └── StepHalted          it halted deliveries; trying again changes nothing
├── StepNotDue              a step of a job is not run, since a script or callable before it did not succeed
├── CheckInvalid            a quality check of the metadata cannot be run as written
├── NewSourceRefused        a new source cannot be proposed, or would overwrite what is there
│   └── DoubtsUnsettled     a guess of the proposal could lose or change data, and nobody has settled it
└── ServiceError            an embedded server does not start or stop
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.metadata.redaction import redact_all
from headwater.metadata.storable import storable_all

# what may come of code that is not ours, or of one source's step; such code may end the process, and Ctrl-C ends a run
FAILURES = (Exception, SystemExit)


class HeadwaterError(Exception):
    """Root of the tree: a message for a person, without a stack trace, and without secrets."""

    def __init__(self, *message: object) -> None:
        super().__init__(*storable_all(redact_all(message)))


class MetadataInvalid(HeadwaterError):
    """The seeds break a rule. `problems` holds one printable object per broken rule."""

    def __init__(self, problems: Sequence[object]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} error{'s' if len(self.problems) != 1 else ''} in the metadata"
        super().__init__("\n".join([count, *map(str, self.problems)]))


class SecretUnavailable(HeadwaterError):
    """A secret that the metadata names cannot be read."""


class DatabaseUnavailable(HeadwaterError):
    """Postgres cannot be reached, or refuses us."""


class DatabaseRefused(HeadwaterError):
    """Postgres refuses a statement, or is lost in the middle: `sqlstate`, None when it could not say.

    `is_general` says that it meets whatever is tried next, too.
    """

    def __init__(self, message: str, *, sqlstate: str | None = None, is_general: bool = True) -> None:
        self.sqlstate, self.is_general = sqlstate, is_general
        super().__init__(message)


class ProjectRefused(HeadwaterError):
    """This Headwater does not run a project: its headwater.yml is broken, or asks for other versions."""


class ProjectNotMade(HeadwaterError):
    """A project cannot be made under a name or in a folder; nothing was left behind."""


class ExtraMissing(HeadwaterError):
    """Packages of an extra are not installed; the message says how to install them."""


class ExtensionUnusable(HeadwaterError):
    """A source type, transform or check of a package cannot be used: what is `wrong`, and what was `expected`."""

    def __init__(self, wrong: str, expected: str) -> None:
        self.wrong, self.expected = wrong, expected
        super().__init__(f"{wrong}, expected {expected}")


class Unforeseen(HeadwaterError):
    """An error that no part of Headwater foresaw, or a machine that is at its end."""


class ExtractError(HeadwaterError):
    """A delivery could not be brought in."""


class PublisherError(ExtractError):
    """The publisher cannot be reached, or answers what makes no sense."""


class DeliveryIncomplete(ExtractError):
    """Fewer bytes came than the publisher announced."""


class DeliveryTooLarge(ExtractError):
    """More bytes came than the metadata of the source allows."""


class FormatBroken(ExtractError):
    """A file breaks its own format: `file`, `line` (physical, from 1; None for the whole file), `reason`."""

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        self.file, self.line, self.reason = file, line, reason
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {reason}")


class ColumnsBroken(FormatBroken):
    """The columns of a file break the contract of its source.

    `header` holds the columns that came, `found` an object for each that is missing or not expected.
    `lacks_key` says that a column is missing without which rows cannot be distinguished.
    """

    def __init__(
        self,
        file: str,
        line: int | None,
        reason: str,
        *,
        header: Sequence[str],
        found: Sequence[Mapping[str, Any]],
        lacks_key: bool,
    ) -> None:
        self.header, self.found, self.lacks_key = tuple(header), tuple(found), lacks_key
        super().__init__(file, line, reason)


class StorageError(ExtractError):
    """The object store refuses, or contradicts what we know."""


class ArchiveBroken(StorageError):
    """Objects of a source's archive cannot be registered: `problems`, each with its address. All others are.

    `registered` holds the deliveries that were. `hides_deliveries` says that it is not known which ones a manifest
    speaks of: what S3 has would be fetched once more, were the publisher asked now.
    """

    SHOWN = 3  # problems

    def __init__(
        self, source: str, problems: Sequence[str], *, registered: Sequence[Any], hides_deliveries: bool
    ) -> None:
        self.problems, self.registered = tuple(problems), tuple(registered)
        self.hides_deliveries = hides_deliveries
        count = len(self.problems)
        more = f"; and {count - self.SHOWN} more" if count > self.SHOWN else ""
        meanwhile = "its publisher is not asked meanwhile" if hides_deliveries else "all else of it goes on"
        super().__init__(
            f"{source}: {count} object{'s' if count != 1 else ''} of its archive cannot be registered, and {meanwhile}."
            " Put back what was there, or move it to another prefix, then run again: "
            + "; ".join(self.problems[: self.SHOWN])
            + more
        )


class LedgerBroken(HeadwaterError):
    """The counts of one delivery do not balance in `layer`; the load was rolled back."""

    def __init__(self, delivery_sqn: int, layer: str, reason: str) -> None:
        self.delivery_sqn, self.layer, self.reason = delivery_sqn, layer, reason
        super().__init__(f"delivery {delivery_sqn}, {layer}: {reason}")


class LoadFailed(HeadwaterError):
    """A dbt model failed for a reason that is not one delivery's."""


class NoJobInstance(HeadwaterError):
    """A step of a job is run before its job instance was begun."""


class StepFailed(HeadwaterError):
    """A step of a job did not do all that it should; `failures` says of each thing why, a line of the message each."""

    def __init__(self, *failures: str) -> None:
        super().__init__("\n".join(failures))
        self.failures = tuple(storable_all(redact_all(failures)))


class StepHalted(StepFailed):
    """A step of a job halted deliveries; trying it again would change nothing."""


class StepNotDue(HeadwaterError):
    """A step of a job is not run, since a script or callable before it did not succeed."""


class CheckInvalid(HeadwaterError):
    """A quality check of the metadata cannot be run as written."""


class NewSourceRefused(HeadwaterError):
    """A new source cannot be proposed, or would overwrite what is there; nothing was written."""


class DoubtsUnsettled(NewSourceRefused):
    """Guesses of a proposal could lose or change data, and nobody has settled them; nothing was written."""

    def __init__(self, message: str, *doubts: str) -> None:
        super().__init__("\n".join([message, *doubts]))


class ServiceError(HeadwaterError):
    """An embedded server does not start or stop."""
