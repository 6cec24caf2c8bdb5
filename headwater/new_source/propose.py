"""Creation of a proposal from a sample, in the terms of the metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.cell_types import spelling_problem
from headwater.metadata.static.formats import USUAL
from headwater.metadata.static.model import ConnApi
from headwater.metadata.static.source_types import find_option, options_of, usual_options
from headwater.metadata.static.spelling import spell
from headwater.new_source.file_names import NamePattern, pattern_of, pattern_told
from headwater.new_source.header import header_doubts
from headwater.new_source.keys import find_key
from headwater.new_source.look import Look, look_at
from headwater.new_source.names import safe_name, target_name
from headwater.new_source.proposal import Proposal, ProposedAttribute
from headwater.new_source.sample import Sample
from headwater.new_source.table import CatalogedTable


def propose(
    name: str, sample: Sample, given: Mapping[str, str], *, owner: str, data_source: str | None = None
) -> Proposal:
    """Analyze the sample and propose a source of that name; `given` are fixed options, unspelled."""
    usual = usual_options(sample.data_source_type)
    found = look_at(sample.path, sample.publisher_name, {**usual, **given})
    if not found.columns:
        raise NewSourceRefused(f"{sample.publisher_name}: no column in it, expected at least one")
    if not found.records and not (sample.table and sample.table.datatypes):
        raise NewSourceRefused(
            f"{sample.publisher_name}: no record below its header, expected some: they show which columns to propose"
        )
    names = _names(sample, given)
    doubts = [*found.doubts, *header_doubts(found, sample.publisher_name, given)]
    if _lists_files(sample):
        doubts += [one for one in names.doubts if one.about not in given]
    proposal = Proposal(
        name=name,
        sample=sample,
        options=_options(found, sample, given, names),
        attributes=[],
        records=found.records,
        is_whole=found.is_whole and sample.is_whole,
        data_source=data_source or safe_name(sample.guessed_data_source, name),
        owner=owner,
        delivery_type=_delivery_type(sample),
        reading_doubts=tuple(doubts),
        null_tokens=tuple(given["null_tokens"].split("|")) if "null_tokens" in given else (),
    )
    _add_attributes(proposal, found)
    key = (
        _key_of_table(sample.table)
        or _key_of_messages(proposal)
        or [column.name for column in find_key([a.column for a in proposal.attributes], found.records)]
    )
    if _key_of_table(sample.table) or _key_of_messages(proposal):
        proposal.settled.add("key")
    for attribute in proposal.attributes:
        attribute.is_key = attribute.column.name in key
        attribute.is_optional = attribute.is_optional and not attribute.is_key
    return proposal


def _lists_files(sample: Sample) -> bool:
    """Return whether a file_pattern says which files are those of the source."""
    return "file_pattern" in options_of(sample.data_source_type)


def _names(sample: Sample, given: Mapping[str, str]) -> NamePattern:
    if "file_pattern" in given:
        return pattern_told(given["file_pattern"], sample.publisher_name, given.get("date_format"))
    is_linked = sample.sampling.names_have_folders
    name = Path(sample.publisher_name).name
    return pattern_of(name, sample.names, given.get("date_format"), anywhere=is_linked)


def _key_of_table(table: CatalogedTable | None) -> list[str]:
    return list(table.key) if table else []


def _key_of_messages(proposal: Proposal) -> list[str]:
    """Return the column that the type of the source says to be the key, if no record lacks it."""
    key = proposal.sample.sampling.key
    return [a.column.name for a in proposal.attributes if a.column.name == key and not a.column.nulls]


def _delivery_type(sample: Sample) -> str:
    is_window = isinstance(sample.connection, ConnApi) and sample.connection.use_incremental
    return "delta" if is_window or sample.sampling.holds_changes else "snapshot"


def _options(found: Look, sample: Sample, given: Mapping[str, str], names: NamePattern) -> dict[str, str]:
    """Return all options of the source except its connection, in reading order; format csv is the default."""
    if not _lists_files(sample):
        usual = usual_options(sample.data_source_type)
        given = {**given, "tbl": sample.table.tbl} if sample.table else given
        all_said = {**sample.sampling.options, **found.options, **given}
        options = {
            name: value for name, value in all_said.items() if {"format": USUAL, **usual}.get(name) != value
        }
        return {option: _spelled(sample, option, value) for option, value in options.items()}
    options = {**names.options, **found.options, **given}
    if "(?P<date>" not in options["file_pattern"] and "date_from" not in given:
        options["date_from"] = "header"
    if options.get("format") == "csv":
        del options["format"]
    return {option: _spelled(sample, option, value) for option, value in options.items()}


def _spelled(sample: Sample, name: str, value: str) -> str:
    option = find_option(name, sample.data_source_type)
    if option is None or not option.is_spelled:
        return value
    return "|".join(map(spell, value.split("|"))) if value and value != "|" else value or "<none>"


def _add_attributes(proposal: Proposal, found: Look) -> None:
    taken: set[str] = set()
    table = proposal.table
    seen: set[str] = set()
    has_header = found.line is not None
    for column in found.columns:
        if column.name.partition(".")[0] in proposal.sample.sampling.columns_left_out:
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
            ProposedAttribute(
                column,
                target,
                typed,
                is_optional=is_optional,
                comment=comment,
                is_settled=table is not None and column.name in table.datatypes,
            )
        )
