"""Doubts about a proposed source as a whole: its key, its types, the content of each delivery."""

from __future__ import annotations

from headwater.metadata.static.spelling import spell
from headwater.new_source.doubt import Doubt, listed, option_flag, quoted
from headwater.new_source.keys import is_named, rivals
from headwater.new_source.proposal import Proposal, ProposedAttribute
from headwater.new_source.table import CatalogedTable
from headwater.new_source.values import SIGNS

FEW = 100  # records; fewer prove little


def doubts_of(proposal: Proposal) -> list[Doubt]:
    """Return everything that the sample does not prove, harmful doubts first."""
    messages = [*proposal.reading_doubts, *_of_key(proposal), *_of_delivery_type(proposal)]
    messages += [doubt for attribute in proposal.attributes for doubt in _of_attribute(proposal, attribute)]
    messages += _of_types(proposal)
    if proposal.table is not None:
        messages += _of_table(proposal, proposal.table)
    if proposal.left_out:
        messages.append(
            Doubt(
                "attributes",
                f"in _rest alone: {listed(proposal.left_out)}",
                "they can be no attributes",
                "history lacks them; raw keeps them",
                "rows of attribute.csv",
            )
        )
    return sorted(messages, key=lambda doubt: not doubt.is_harmful)


def harmful_doubts_of(proposal: Proposal) -> list[Doubt]:
    """Return the doubts that could lose or change data."""
    return [doubt for doubt in doubts_of(proposal) if doubt.is_harmful]


def _of_key(proposal: Proposal) -> list[Doubt]:
    key = [attribute.column for attribute in proposal.attributes if attribute.is_key]
    if "key" in proposal.settled or not key:
        return []
    names = ", ".join(proposal.key)
    others = rivals(key, [attribute.column for attribute in proposal.attributes], proposal.records)
    by_column = {id(attribute.column): attribute.target_name for attribute in proposal.attributes}
    so = f"no two of {_records_of(proposal)} have the same"
    if others:
        so += f", nor the same {listed(by_column[id(column)] for column in others)}"
    is_weak = len(key) > 1 or not is_named(key[0])
    return [
        Doubt(
            "key",
            f"{names} is the key",
            so if not is_weak else f"{so}; its name does not say so",
            "versions of different things become one history, or a delivery halts for duplicate keys",
            f"--key {','.join(proposal.key)}",
            is_harmful=is_weak,
        )
    ]


def _records_of(proposal: Proposal) -> str:
    few = ", which is few" if proposal.records < FEW else ""
    first = "" if proposal.is_whole else "the first "
    return f"{first}{proposal.records:,} record{'s' if proposal.records != 1 else ''}{few}"


def _of_delivery_type(proposal: Proposal) -> list[Doubt]:
    if "delivery_type" in proposal.settled or proposal.sample.sampling.tells_delivery_type:
        return []
    return [
        Doubt(
            "delivery_type",
            f"each delivery is a {proposal.delivery_type}",
            "no file says it",
            "what changed is taken for all there is, and the rest ends"
            if proposal.delivery_type == "snapshot"
            else "what is gone never ends",
            f"--type {proposal.delivery_type}",
            is_harmful=True,
        )
    ]


def _of_attribute(proposal: Proposal, attribute: ProposedAttribute) -> list[Doubt]:
    name, typed = attribute.target_name, attribute.typed
    messages = []
    examples = listed(map(quoted, attribute.examples))
    if attribute.is_settled:
        return []
    if typed.others:
        ways = " or ".join(f"{datatype} {form}" for datatype, form in typed.others)
        messages.append(
            _of_type(name, "text", f"it may be {ways}, such as {examples}", "it is no more than text")
        )
    elif not attribute.column.distinct:
        messages.append(_of_type(name, "text", "it has no value", "it is no more than text"))
    elif typed.identifies:
        why = f"its digits look like those of an identifier, such as {examples}"
        messages.append(_of_type(name, "text", why, "it is no more than text"))
    if typed.nearly:
        datatype, nearly_format = typed.nearly
        messages.append(
            Doubt(
                "datatype",
                f"{name} stays text",
                f"it would be {datatype}, but for {listed(map(quoted, typed.odd))}",
                "a typo decides its type; with the flag such a row falls out, and is counted",
                _type_flag(name, datatype, nearly_format),
            )
        )
    if typed.rival:
        datatype, form = typed.rival
        messages.append(
            Doubt(
                "datatype",
                f"{name} is {typed.datatype}{f' {typed.format}' if typed.format else ''}",
                f"it may be {datatype} {form}, too: {examples}",
                "all of its numbers are others",
                _type_flag(name, typed.datatype, typed.format),
                is_harmful=True,
            )
        )
    signs = [token for token in typed.null_tokens if token in SIGNS and token not in proposal.null_tokens]
    words = [token for token in typed.null_tokens if token not in SIGNS and token not in proposal.null_tokens]
    if signs or words:
        tokens = [*signs, *words]
        every = "|".join(["<empty>", *map(spell, tokens)])
        messages.append(
            Doubt(
                "null_tokens",
                f"{listed(map(quoted, tokens))} in {name} {'means' if len(tokens) == 1 else 'mean'} nothing",
                f"all other values are {'digits' if typed.identifies else typed.datatype}",
                "what it does mean is lost: it becomes null",
                f"{option_flag('null_tokens', every)}, or --datatype {name}=text",
                is_harmful=bool(signs),
            )
        )
    return messages


def _of_types(proposal: Proposal) -> list[Doubt]:
    guessed = [a for a in proposal.attributes if a.typed.datatype != "text" and not a.is_settled]
    if not guessed:
        return []
    return [
        Doubt(
            "datatype",
            listed(f"{a.target_name} is {a.typed.datatype}" for a in guessed),
            f"so are their values in {_records_of(proposal)}",
            "a row with another value falls out, and is counted",
            f"--datatype {guessed[0].target_name}=text",
        )
    ]


def _of_table(proposal: Proposal, table: CatalogedTable) -> list[Doubt]:
    messages = []
    read_all = "more is read than needs to be"
    if not table.datatypes and proposal.records < table.rows:
        messages.append(
            Doubt(
                "datatype",
                "all rows are like the first",
                f"{proposal.records:,} of about {table.rows:,} were read",
                "rows with other values fall out",
                "--datatype COLUMN=text",
            )
        )
    if proposal.delivery_type == "delta":
        messages.append(
            Doubt(
                "delivery_type",
                "no row is deleted",
                "rows that are deleted are not seen; a snapshot sees them",
                "they stay current",
                "--type snapshot",
            )
        )
        if table.incr_column is None:
            messages.append(
                Doubt(
                    "incr_column",
                    "all of it is read each time",
                    "no column says when a row changed",
                    read_all,
                    "--incr-column NAME",
                )
            )
        elif proposal.incr_column is None:
            messages.append(
                Doubt(
                    "incr_column",
                    f"{table.incr_column} says when a row changed",
                    "its name does",
                    "changes are not seen",
                    f"--incr-column {table.incr_column}",
                    is_harmful=True,
                )
            )
    elif table.incr_column is not None:
        messages.append(
            Doubt(
                "delivery_type",
                "all is read each time",
                f"--type delta reads what changed, by {table.incr_column}",
                read_all,
                "--type delta",
            )
        )
    return messages


def _type_flag(name: str, datatype: str, form: str | None) -> str:
    return f"--datatype {name}={datatype}" + (f" --format '{name}={form}'" if form else "")


def _of_type(name: str, datatype: str, rests_on: str, risk: str) -> Doubt:
    return Doubt("datatype", f"{name} stays {datatype}", rests_on, risk, f"--datatype {name}=DATATYPE")
