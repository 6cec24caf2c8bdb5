"""From what a person says on the command line to a proposal, and from a proposal to files."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headwater.new_source import write as writing
from headwater.new_source.ask import DELIVERY_TYPES, Ask, Say, ask_about
from headwater.new_source.propose import Proposal, propose
from headwater.new_source.sample import take_sample
from headwater.project import Project
from metadata.errors import NewSourceRefused
from metadata.static.check_options import option_problem
from metadata.static.layout import OPTIONS, SOURCE_SCHEDULES, SPELLED_OPTIONS
from metadata.static.naming import one_of
from metadata.static.read import read_catalog
from metadata.static.spelling import unspell


@dataclass(frozen=True)
class Told:
    """What was said by flags; None is what was not."""

    key: Sequence[str] = ()
    delivery_type: str | None = None
    data_source: str | None = None
    owner: str | None = None
    schedule: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)  # unspelled

    def __post_init__(self) -> None:
        for what, value, known in (
            ("--type", self.delivery_type, DELIVERY_TYPES),
            ("--schedule", self.schedule, SOURCE_SCHEDULES),
        ):
            if value is not None and value not in known:
                raise NewSourceRefused(f"{what} {value} is not known, expected {one_of(known, value)}")

    @property
    def names(self) -> list[str]:
        """What was said, by the names of a proposal."""
        return [name for name, value in vars(self).items() if value and name != "options"]


def parse_options(texts: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` as in source_attribute.csv, spelled; gives values unspelled. Raises `NewSourceRefused`."""
    options = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not value:
            raise NewSourceRefused(f"--option {text}: expected NAME=VALUE, such as header_line=4")
        if name not in OPTIONS or name == "conn_str":
            raise NewSourceRefused(f"--option {name} is not an option, expected {one_of(OPTIONS, name)}")
        if wrong := option_problem(name, value):
            raise NewSourceRefused(f"--option {wrong[0]}, expected {wrong[1]}")
        options[name] = unspell(value) if name in SPELLED_OPTIONS else value
    return options


def prepare_proposal(
    project: Project,
    name: str,
    origin: str,
    told: Told,
    ask: Ask | None = None,
    say: Say = lambda _: None,
    show: Callable[[Proposal], None] = lambda _: None,
) -> Proposal:
    """Look at `origin` and propose the source; `ask` is how to ask a person, None where there is none.

    A person is shown the proposal before and, by the caller, after.

    Raises `NewSourceRefused`, `MetadataInvalid`, `FormatBroken`, `PublisherError`; nothing was written then.
    """
    seeds = writing.require_free(project, name)
    catalog = read_catalog(project.seeds)
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        sample = take_sample(origin, Path(folder), catalog, told.options)
        belongs_to = sample.connection.data_source if sample.connection else None
        proposal = propose(
            name, sample, told.options,
            owner=told.owner or _user(), data_source=told.data_source or belongs_to,
        )  # fmt: skip
    if told.key:
        proposal.choose_key(told.key)
    proposal.delivery_type = told.delivery_type or proposal.delivery_type
    proposal.schedule = told.schedule or proposal.schedule
    if ask is not None:
        show(proposal)
        known = [*told.names, *(["data_source"] if belongs_to else [])]
        ask_about(proposal, ask, say, known)
    is_chosen = bool(told.data_source or belongs_to or ask)
    writing.require_data_source(seeds, proposal, is_chosen=is_chosen)
    return proposal


def require_key(proposal: Proposal) -> None:
    """Raise `NewSourceRefused` where the proposal has no key."""
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
