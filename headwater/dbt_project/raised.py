"""Errors that macros raise: the contract between the dbt package and Python.

The macro `raise_error` raises a line `headwater: {"code": …, "message": …, …}` and, below it, the message once more for
a person who runs dbt by hand.

code                further facts
------------------  -----------------------------------------------------------------------
ledger_broken       delivery_sqn, layer, reason
definition_changed
history_overlaps
not_staged
no_parts
being_rebuilt
dry_run             difference: what the load would do to history, as `history_difference` finds it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headwater.metadata.errors import HeadwaterError, LedgerBroken, LoadFailed

_SIGN = "headwater: "
_FRAME = "Compilation Error"  # dbt's word for what a macro raises; nothing that Postgres says begins so


def raised(message: str) -> Mapping[str, Any] | None:
    """Return the code and the facts of an error that a macro of ours raised, or None for other messages of dbt."""
    at = message.find(_SIGN + "{")
    if not message.startswith(_FRAME) or at < 0:
        return None
    facts, _ = json.JSONDecoder().raw_decode(message, at + len(_SIGN))
    return dict(facts)


def error_of(facts: Mapping[str, Any]) -> HeadwaterError:
    """Return the error for a code that a macro raised."""
    if facts["code"] == "ledger_broken":
        return LedgerBroken(facts["delivery_sqn"], facts["layer"], facts["reason"])
    return LoadFailed(facts["message"])
