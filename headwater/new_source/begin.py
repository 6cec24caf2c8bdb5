"""From command line flags to a proposal, and from a proposal to files."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from headwater.metadata.errors import DoubtsUnsettled, FormatBroken, NewSourceRefused
from headwater.metadata.static.naming import one_of
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.rules.options import option_problem
from headwater.metadata.static.source_schedule import SOURCE_SCHEDULES
from headwater.metadata.static.source_types import all_options
from headwater.metadata.static.spelling import unspell
from headwater.new_source import write
from headwater.new_source.ask import DELIVERY_TYPES, Ask, Say, ask_about, ask_option, require_settled
from headwater.new_source.look import UNPIVOT_NEEDS
from headwater.new_source.proposal import Proposal
from headwater.new_source.proposal_doubts import harmful_doubts_of
from headwater.new_source.propose import propose
from headwater.new_source.sample import Sample, take_sample
from headwater.project import Project


@dataclass(frozen=True)
class Given:
    """The values of flags; None where a flag was not given."""

    key: Sequence[str] = ()
    delivery_type: str | None = None
    data_source: str | None = None
    owner: str | None = None
    schedule: str | None = None
    incr_column: str | None = None
    job: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)  # unspelled
    datatypes: Mapping[str, str] = field(default_factory=dict)  # by the name of a column
    formats: Mapping[str, str] = field(default_factory=dict)  # by the name of a column

    def __post_init__(self) -> None:
        for what, value, known in (
            ("--type", self.delivery_type, DELIVERY_TYPES),
            ("--schedule", self.schedule, SOURCE_SCHEDULES),
        ):
            if value is not None and value not in known:
                raise NewSourceRefused(f"{what} {value} is not known, expected {one_of(known, value)}")

    @property
    def names(self) -> list[str]:
        """Return the given values, by the names of a proposal."""
        return [name for name, value in vars(self).items() if value and not isinstance(value, Mapping)]


def parse_options(texts: Sequence[str]) -> dict[str, str]:
    """Parse `NAME=VALUE` as in source_attribute.csv into unspelled values. Raises `NewSourceRefused`."""
    options, known = {}, all_options()
    for name, value in parse_pairs(texts, "--option", "NAME=VALUE, such as header_line=4").items():
        if name not in known or name == "conn_str":
            raise NewSourceRefused(f"--option {name} is not an option, expected {one_of(known, name)}")
        options[name] = _unspelled(name, value)
    missing = [name for name in UNPIVOT_NEEDS if name not in options]
    if (len(missing) < len(UNPIVOT_NEEDS) and missing) or ("unpivot_skip" in options and missing):
        raise NewSourceRefused(
            f"--option {' and --option '.join(missing)}: missing, expected all that unpivot needs"
        )
    return options


def parse_pairs(texts: Sequence[str], flag: str, expected: str) -> dict[str, str]:
    """Parse the NAME=VALUE pairs of a flag. Raises `NewSourceRefused`."""
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not value or not name:
            raise NewSourceRefused(f"{flag} {text}: expected {expected}")
        pairs[name] = value
    return pairs


def _unspelled(name: str, value: str) -> str:
    option = all_options()[name]
    if wrong := option_problem(name, option, value):
        raise NewSourceRefused(f"--option {wrong[0]}, expected {wrong[1]}")
    return unspell(value) if option.is_spelled else value


def prepare_proposal(
    project: Project,
    name: str,
    origin: str,
    given: Given,
    ask: Ask | None = None,
    say: Say = lambda _: None,
    show: Callable[[Proposal], None] = lambda _: None,
) -> Proposal:
    """Sample `origin` and propose the source; `ask` asks a person, None without one.

    A person sees the proposal before the questions and, by the caller, after them. Raises `NewSourceRefused`,
    `MetadataInvalid`, `FormatBroken`, `PublisherError`; nothing is written before.
    """
    seeds = write.require_free(project, name)
    if given.job is not None:
        write.require_job(seeds, given.job)
    catalog = read_catalog(project.seeds)
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        sample = take_sample(origin, Path(folder), catalog, given.options)
        proposal = _proposed(name, sample, given)
        if ask is not None:
            show(proposal)
            proposal = _settled(name, sample, given, proposal, ask, say)
    belongs_to = sample.connection is not None
    if ask is not None:
        ask_about(proposal, ask, say, [*given.names, *(["data_source"] if belongs_to else [])])
        require_settled(proposal, ask)
    is_chosen = bool(given.data_source or belongs_to or ask)
    write.require_data_source(seeds, proposal, is_chosen=is_chosen)
    return proposal


def _proposed(name: str, sample: Sample, given: Given) -> Proposal:
    """Return the proposal with all given values."""
    belongs_to = sample.connection.data_source if sample.connection else None
    proposal = propose(
        name, sample, given.options, owner=given.owner or _user(), data_source=given.data_source or belongs_to
    )
    for column in dict.fromkeys([*given.datatypes, *given.formats]):
        proposal.choose_type(column, given.datatypes.get(column), given.formats.get(column))
    if given.key:
        proposal.choose_key(given.key)
    if given.incr_column:
        proposal.choose_incr_column(given.incr_column)
    if given.delivery_type:
        proposal.delivery_type = given.delivery_type
        proposal.settled.add("delivery_type")
    proposal.schedule = given.schedule or proposal.schedule
    proposal.job = given.job
    return proposal


def _settled(name: str, sample: Sample, given: Given, proposal: Proposal, ask: Ask, say: Say) -> Proposal:
    """Return the proposal after a person has answered each option with a harmful doubt."""
    while doubt := next(
        (one for one in harmful_doubts_of(proposal) if one.option and one.option not in given.options), None
    ):
        assert doubt.option is not None
        answer = ask_option(doubt, ask)
        try:
            more = replace(given, options={**given.options, doubt.option: _unspelled(doubt.option, answer)})
            proposal = _proposed(name, sample, more)
        except (NewSourceRefused, FormatBroken) as error:
            say(str(error))
            continue
        given = more
    return proposal


def require_no_harm(proposal: Proposal) -> None:
    """Raise `DoubtsUnsettled` if a doubt could lose or change data."""
    if doubts := harmful_doubts_of(proposal):
        raise DoubtsUnsettled(
            f"{len(doubts)} {'guess' if len(doubts) == 1 else 'guesses'} could lose or change data. Nothing was"
            " written; settle each by its flag, or take all with --accept-doubts:",
            *(
                f"  {doubt.flag}\n      {doubt.guess}: {doubt.rests_on}. If that is wrong, {doubt.risk}"
                for doubt in doubts
            ),
        )


def require_key(proposal: Proposal) -> None:
    """Raise `NewSourceRefused` if the proposal has no key."""
    if not proposal.key:
        names = ", ".join(attribute.target_name for attribute in proposal.attributes)
        raise NewSourceRefused(
            f"{proposal.sample.publisher_name}: no one or two columns without nulls tell its records apart, expected a"
            f" key: name its columns by --key, of {names}"
        )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
