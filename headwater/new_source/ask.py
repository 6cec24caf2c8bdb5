"""Questions to a person about doubts of the proposal and about facts that no file contains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.source_schedule import SOURCE_SCHEDULES
from headwater.new_source.doubt import Doubt
from headwater.new_source.proposal import Proposal
from headwater.new_source.proposal_doubts import harmful_doubts_of
from headwater.new_source.values import USUAL_NUMBER

DELIVERY_TYPES = ("snapshot", "delta")

# asks a question; takes the default answer, and the valid answers, () for any
Ask = Callable[[str, str, Sequence[str]], str]
Say = Callable[[str], None]


def ask_about(proposal: Proposal, ask: Ask, say: Say, given: Sequence[str]) -> None:
    """Ask for everything that no flag settled, and put the answers into the proposal."""
    if "key" not in given:
        _ask_key(proposal, ask, say)
    for attribute in proposal.attributes:
        if others := attribute.typed.others:
            ways = {form: datatype for datatype, form in others}
            shown = ", ".join(attribute.examples)
            form = ask(f"How is {attribute.target_name} written ({shown})", "text", ("text", *ways))
            if form != "text":
                attribute.typed = replace(
                    attribute.typed,
                    datatype=ways[form],
                    format=None if form == USUAL_NUMBER else form,
                    others=(),
                )
                attribute.is_settled = True
    if "delivery_type" not in given:
        question = "Does each delivery hold everything (snapshot) or what changed (delta)"
        proposal.delivery_type = ask(question, proposal.delivery_type, DELIVERY_TYPES)
        proposal.settled.add("delivery_type")
    if "data_source" not in given:
        proposal.data_source = ask("Name of the data source", proposal.data_source, ())
    if "owner" not in given:
        proposal.owner = ask("Owner", proposal.owner, ())
    if "schedule" not in given:
        proposal.schedule = ask("How often is it published", proposal.schedule, SOURCE_SCHEDULES)


def ask_option(doubt: Doubt, ask: Ask) -> str:
    """Return the answer for an option with a doubt, in its spelled form."""
    return ask(f"{doubt}\n{doubt.option}", doubt.choices[0], ())


def require_settled(proposal: Proposal, ask: Ask) -> None:
    """Ask whether to continue in spite of each remaining harmful doubt. Raises `NewSourceRefused` if not."""
    for doubt in harmful_doubts_of(proposal):
        if ask(f"{doubt}\nGo on with it", "no", ("yes", "no")) == "no":
            raise NewSourceRefused(
                f"{doubt.guess}: not taken. Settle it by {doubt.flag}; nothing was written"
            )


def _ask_key(proposal: Proposal, ask: Ask, say: Say) -> None:
    while True:
        answer = ask("Key: one column, or several with commas between them", ",".join(proposal.key), ())
        names = [name.strip() for name in answer.split(",") if name.strip()]
        try:
            if not names:
                raise NewSourceRefused(
                    "a source needs a key, expected the columns that tell its records apart"
                )
            proposal.choose_key(names)
        except NewSourceRefused as error:
            say(str(error))
            continue
        return
