"""The proposal: what a look at a sample says about a source, as the metadata will say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headwater.new_source import topic
from headwater.new_source.keys import doubles, find_key
from headwater.new_source.look import Column, Look, look_at
from headwater.new_source.names import pattern_of, safe_name, target_name
from headwater.new_source.sample import Sample
from headwater.new_source.table import CatalogedTable
from headwater.new_source.values import Typed
from metadata.errors import NewSourceRefused
from metadata.static.formats import USUAL_OPTIONS
from metadata.static.kinds import spelling_problem
from metadata.static.layout import SPELLED_OPTIONS
from metadata.static.model import ConnApi
from metadata.static.naming import one_of
from metadata.static.spelling import spell

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

    @property
    def null_tokens(self) -> str | None:
        """Its own null tokens, as they are spelled."""
        tokens = self.typed.null_tokens if self.typed.datatype != "text" else ()
        return "|".join(["<empty>", *map(spell, tokens)]) if tokens else None

    @property
    def examples(self) -> list[str]:
        """Some of its values."""
        return list(dict.fromkeys(value for value in self.column.values[:200] if value))[:SHOWN]


@dataclass
class Proposal:
    """A source to be. `options` are spelled as in source_attribute.csv."""

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

    @property
    def key(self) -> list[str]:
        """The target names of the key."""
        return [attribute.target_name for attribute in self.attributes if attribute.is_key]

    @property
    def doubts(self) -> list[str]:
        """What a person should look at."""
        said = []
        if self.table is not None:
            said += self._doubts_of_table(self.table)
        elif not self.is_whole:
            said.append(f"key and types are judged by the first {self.records:,} records")
        for attribute in self.attributes:
            if attribute.typed.others:
                ways = " or ".join(f"{datatype} {form}" for datatype, form in attribute.typed.others)
                said.append(
                    f"{attribute.target_name} stays text: it may be {ways} (such as {attribute.examples[0]})"
                )
            elif not attribute.column.distinct:
                said.append(f"{attribute.target_name} stays text: it has no value")
        if self.left_out:
            said.append(f"in _rest alone, as they can be no attributes: {', '.join(self.left_out)}")
        return said

    @property
    def table(self) -> CatalogedTable | None:
        """What the catalog of a database says of its table."""
        return self.sample.table

    @property
    def size(self) -> int:
        """About how many records there are."""
        return self.table.rows if self.table else self.records

    def _doubts_of_table(self, table: CatalogedTable) -> list[str]:
        said = []
        if not table.key:
            said.append(f"{table.tbl} has no primary key: it is judged by {self.records:,} of its rows")
        if not table.datatypes and self.records < table.rows:
            said.append(f"types are judged by {self.records:,} of about {table.rows:,} rows")
        if self.delivery_type == "delta":
            said.append("rows that are deleted are not seen; a snapshot sees them")
            if table.incr_column is None:
                said.append(
                    "no column says when a row changed: all of it is read each time (incr_column in tbl.csv)"
                )
        elif table.incr_column is not None:
            said.append(f"all is read each time; --type delta reads what changed, by {table.incr_column}")
        return said

    def choose_key(self, names: Sequence[str]) -> None:
        """Make these columns the key, by our names or the publisher's. Raises `NewSourceRefused`."""
        by_name = {a.column.name: a for a in self.attributes} | {a.target_name: a for a in self.attributes}
        for name in names:
            if name not in by_name:
                raise NewSourceRefused(
                    f"{name} is no column of {self.sample.publisher_name}, expected"
                    f" {one_of([a.target_name for a in self.attributes], name)}"
                )
        chosen = [by_name[name] for name in names]
        for attribute in chosen:
            if attribute.column.nulls:
                raise NewSourceRefused(
                    f"{attribute.target_name} is null in {attribute.column.nulls} of {self.records} records, expected"
                    " columns that are never null for a key"
                )
        is_unique = (
            bool(chosen) and self.sample.data_source_type != "kafka"
        )  # of a key the last message counts
        double = next(doubles([attribute.column for attribute in chosen]), None) if is_unique else None
        if double is not None:
            said = ", ".join(f"{a.target_name}={v}" for a, v in zip(chosen, double[1], strict=True))
            raise NewSourceRefused(
                f"{', '.join(names)} is no key of {self.sample.publisher_name}: {said} comes more than once (again in"
                f" record {double[0] + 1}), expected columns that tell all records apart"
            )
        for attribute in self.attributes:
            attribute.is_key = attribute in chosen
            attribute.is_optional = attribute.is_optional and not attribute.is_key


def propose(
    name: str, sample: Sample, told: Mapping[str, str], *, owner: str, data_source: str | None = None
) -> Proposal:
    """Look at the sample and propose a source of that name; `told` are options, unspelled, that are given."""
    usual = USUAL_OPTIONS.get(sample.data_source_type, {})
    found = look_at(sample.path, sample.publisher_name, {**usual, **told})
    if not found.columns:
        raise NewSourceRefused(f"{sample.publisher_name}: no column in it, expected at least one")
    if not found.records and not (sample.table and sample.table.datatypes):
        raise NewSourceRefused(
            f"{sample.publisher_name}: no record below its header, expected some: nothing can be said of its columns"
        )
    _require_header(found, sample.publisher_name, told)
    proposal = Proposal(
        name=name,
        sample=sample,
        options=_options(found, sample, told),
        attributes=[],
        records=found.records,
        is_whole=found.is_whole and sample.is_whole,
        data_source=data_source or safe_name(sample.guessed_data_source, name),
        owner=owner,
        delivery_type=_delivery_type(sample),
    )
    _add_attributes(proposal, found)
    key = (
        _key_of_table(sample.table)
        or _key_of_messages(proposal)
        or [column.name for column in find_key([a.column for a in proposal.attributes], found.records)]
    )
    for attribute in proposal.attributes:
        attribute.is_key = attribute.column.name in key
        attribute.is_optional = attribute.is_optional and not attribute.is_key
    return proposal


def _key_of_table(table: CatalogedTable | None) -> list[str]:
    return list(table.key) if table else []


def _key_of_messages(proposal: Proposal) -> list[str]:
    """The key that the producer of a topic gives its messages, where all have one."""
    if proposal.sample.data_source_type != "kafka":
        return []
    return [a.column.name for a in proposal.attributes if a.column.name == topic.KEY and not a.column.nulls]


def _delivery_type(sample: Sample) -> str:
    is_window = isinstance(sample.connection, ConnApi) and sample.connection.use_incremental
    return "delta" if is_window or sample.data_source_type == "kafka" else "snapshot"


def _options(found: Look, sample: Sample, told: Mapping[str, str]) -> dict[str, str]:
    """All options of the source but its connection, in the order of reading them; format csv is the usual one."""
    if usual := USUAL_OPTIONS.get(sample.data_source_type):
        of_type = topic.OPTIONS if sample.data_source_type == "kafka" else {}
        all_said = {**of_type, **found.options, **told}
        said = {name: value for name, value in all_said.items() if usual.get(name) != value}
        return {option: _spelled(option, value) for option, value in said.items()}
    said = {**pattern_of(Path(sample.publisher_name).name).options, **found.options, **told}
    if (
        sample.data_source_type in ("http_files", "object_store") and "file_pattern" not in told
    ):  # pages link to folders, too
        said["file_pattern"] = f"(^|/){said['file_pattern'].removeprefix('^')}"
    if "(?P<date>" not in said["file_pattern"] and "date_from" not in told:
        said["date_from"] = "header"
    if said.get("format") == "csv":
        del said["format"]
    return {option: _spelled(option, value) for option, value in said.items()}


def _spelled(option: str, value: str) -> str:
    if option not in SPELLED_OPTIONS:
        return value
    return "|".join(map(spell, value.split("|"))) if value and value != "|" else value or "<none>"


def _add_attributes(proposal: Proposal, found: Look) -> None:
    taken: set[str] = set()
    table = proposal.table
    seen: set[str] = set()
    has_header = found.line is not None
    for column in found.columns:
        if proposal.sample.data_source_type == "kafka" and topic.is_of_messages(column.name):
            continue
        if not column.name.strip() or column.name in seen or spelling_problem(spell(column.name)):
            proposal.left_out.append(column.name.strip() or f"column {column.place}, which has no name")
            continue
        target = target_name(column.name, column.place, taken)
        taken.add(target)
        seen.add(column.name)
        is_optional = not has_header and any(value is None for value in column.values)
        typed, comment = column.typed, None
        if table is not None:
            typed, comment = table.datatypes.get(column.name, typed), table.comments.get(column.name)
        proposal.attributes.append(
            ProposedAttribute(column, target, typed, is_optional=is_optional, comment=comment)
        )


def _require_header(found: Look, file: str, told: Mapping[str, str]) -> None:
    """Where the names of all columns that are not text look like their values, the first record was taken for it."""
    if (
        found.line is None
        or "header_line" in told
        or found.options.get("format", "csv") not in ("csv", "excel")
    ):
        return
    typed = [column for column in found.columns if column.typed.datatype != "text"]
    if typed and all(_looks_like_value(column) for column in typed):
        names = ", ".join(column.name for column in typed[:SHOWN])
        raise NewSourceRefused(
            f"{file}:{found.line}: {names} looks like values, expected the names of the columns (header_line): a file"
            f" without a header cannot be read. If these are names, say --option header_line={found.line}"
        )


def _looks_like_value(column: Column) -> bool:
    """A year is a good name for a column."""
    datatype = Typed() if column.name in column.typed.null_tokens else _type_with_name(column)
    is_year = column.name.isdigit() and len(column.name) == 4
    return not is_year and datatype.datatype != "text"


def _type_with_name(column: Column) -> Typed:
    return Column(column.name, column.place, [*column.distinct, column.name]).typed
