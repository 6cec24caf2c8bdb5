"""A proposed source with its attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.datatypes import datatype_problem, format_problem
from headwater.metadata.static.naming import one_of
from headwater.metadata.static.spelling import spell
from headwater.new_source.doubt import Doubt
from headwater.new_source.keys import doubles
from headwater.new_source.look import Column
from headwater.new_source.sample import Sample
from headwater.new_source.table import CatalogedTable
from headwater.new_source.values import Typed

SHOWN = 3  # values


@dataclass
class ProposedAttribute:
    """A column that becomes an attribute."""

    column: Column
    target_name: str
    typed: Typed
    is_key: bool = False
    is_optional: bool = False
    comment: str | None = None  # of a database
    is_settled: bool = False  # the datatype, by its catalog, a flag or a person

    @property
    def null_tokens(self) -> str | None:
        """Return its own null tokens, in spelled form."""
        tokens = self.typed.null_tokens
        return "|".join(["<empty>", *map(spell, tokens)]) if tokens else None

    @property
    def examples(self) -> list[str]:
        """Return some of its values."""
        return list(dict.fromkeys(value for value in self.column.values[:200] if value))[:SHOWN]


@dataclass
class Proposal:
    """A proposed source. `options` are spelled as in source_attribute.csv."""

    name: str
    sample: Sample
    options: dict[str, str]
    attributes: list[ProposedAttribute]
    records: int
    is_whole: bool
    data_source: str
    owner: str
    schedule: str = "irregular"
    delivery_type: str = "snapshot"
    granularity: str = "unknown"
    left_out: list[str] = field(default_factory=list)  # columns that stay in _rest
    reading_doubts: tuple[Doubt, ...] = ()  # doubts about how it is found, dated and read
    settled: set[str] = field(
        default_factory=set
    )  # whether its catalog, a flag or a person gave key and delivery_type
    null_tokens: tuple[str, ...] = ()  # that were told
    incr_column: str | None = None  # that was told
    job: str | None = None  # that was told

    @property
    def job_name(self) -> str:
        """Return the job that it belongs to: a given one, or a new one."""
        return self.job or self.name

    @property
    def key(self) -> list[str]:
        """Return the target names of the key."""
        return [attribute.target_name for attribute in self.attributes if attribute.is_key]

    @property
    def table(self) -> CatalogedTable | None:
        """Return the description of its table in the catalog of a database."""
        if self.sample.table is None or self.incr_column is None:
            return self.sample.table
        return replace(self.sample.table, incr_column=self.incr_column)

    @property
    def size(self) -> int:
        """Return the approximate number of records."""
        return self.table.rows if self.table else self.records

    def choose_incr_column(self, name: str) -> None:
        """Use this column as the time of the last change of a row. Raises `NewSourceRefused`."""
        if self.table is None:
            raise NewSourceRefused(
                f"--incr-column {name}: {self.sample.publisher_name} is no table of a database"
            )
        self.incr_column = self._attribute(name).column.name

    def choose_type(self, name: str, datatype: str | None, form: str | None) -> None:
        """Set the datatype of a column, its format, or both. Raises `NewSourceRefused`."""
        attribute = self._attribute(name)
        datatype = datatype or attribute.typed.datatype
        if wrong := datatype_problem(datatype):
            raise NewSourceRefused(f"--datatype {name}: {wrong[0]}, expected {wrong[1]}")
        if form is not None and (wrong := format_problem(datatype, form)):
            raise NewSourceRefused(f"--format {name}: {wrong[0]}, expected {wrong[1]}")
        is_same = datatype == attribute.typed.datatype
        form = form if form is not None or not is_same else attribute.typed.format
        attribute.typed = Typed(datatype, form, attribute.typed.null_tokens)
        attribute.is_settled = True

    def _attribute(self, name: str) -> ProposedAttribute:
        """Return the attribute with that target or source name."""
        by_name = {a.column.name: a for a in self.attributes} | {a.target_name: a for a in self.attributes}
        if name not in by_name:
            raise NewSourceRefused(
                f"{name} is no column of {self.sample.publisher_name}, expected"
                f" {one_of([a.target_name for a in self.attributes], name)}"
            )
        return by_name[name]

    def choose_key(self, names: Sequence[str]) -> None:
        """Use these columns as the key, by target or source names. Raises `NewSourceRefused`."""
        chosen = [self._attribute(name) for name in names]
        for attribute in chosen:
            if attribute.column.nulls:
                raise NewSourceRefused(
                    f"{attribute.target_name} is null in {attribute.column.nulls} of {self.records} records, expected"
                    " columns that are never null for a key"
                )
        is_unique = (
            bool(chosen) and not self.sample.sampling.holds_changes
        )  # of which the last one of a key wins
        double = next(doubles([attribute.column for attribute in chosen]), None) if is_unique else None
        if double is not None:
            message = ", ".join(f"{a.target_name}={v}" for a, v in zip(chosen, double[1], strict=True))
            raise NewSourceRefused(
                f"{', '.join(names)} is no key of {self.sample.publisher_name}: {message} comes more than once (again"
                f" in record {double[0] + 1}), expected columns that tell all records apart"
            )
        for attribute in self.attributes:
            attribute.is_key = attribute in chosen
            attribute.is_optional = attribute.is_optional and not attribute.is_key
        self.settled.add("key")
