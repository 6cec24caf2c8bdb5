"""Rows of a snapshot staged in part, written here directly: the macros that do it need a raw table of text."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.process import deliveries

if TYPE_CHECKING:
    from tests.macros.history_bench import Bench


def hash_of_row(values: tuple[object, ...]) -> int:
    """Return 64 bits of what a row says."""
    return int.from_bytes(hashlib.sha256(repr(values).encode()).digest()[:8], signed=True)


def load_partly(bench: Bench, connection: Connection, sqn: int) -> bool:
    """Stage what no current version says, as `recognise_rows` finds it; False where all is to be staged."""
    delivery, losers = bench.archive[sqn].delivery, bench.archive[sqn].losers
    after = connection.execute(
        sa.text("select metadata.recognisable_after(:source, :sqn, 'bench')"),
        {"source": bench.source, "sqn": sqn},
    ).scalar()
    if not after or losers:
        return False
    keys = ", ".join(f'"{name}"' for name in bench.shape.keys)
    current = {
        tuple(row[1:]): row[0]
        for row in connection.execute(
            sa.text(f'select _row_hash, {keys} from historical."{bench.source}" where valid_to is null')
        )
    }
    untracked = (delivery.name,) * len(bench.shape.untracked)
    hashes = {key: hash_of_row((*key, *row, *untracked)) for key, row in delivery.rows.items()}
    recognised = {key for key, hashed in hashes.items() if current.get(key) == hashed}
    if not recognised or recognised & {*delivery.unreadable, *delivery.removed}:
        return False
    bench.empty(connection, sqn)
    rows = [(False, key, row) for key, row in delivery.rows.items() if key not in recognised]
    rows += [(True, key, (None,) * len(bench.shape.tracked)) for key in delivery.removed]
    bench.insert_rows(connection, sqn, rows, untracked)
    bench.quarantine(connection, sqn, delivery.unreadable, "type")
    for key in current.keys() - hashes.keys() - delivery.removed:
        connection.execute(
            sa.text("insert into metadata.absent_key values (:sqn, :key)"),
            {"sqn": sqn, "key": json.dumps(dict(zip(bench.shape.keys, key, strict=True)))},
        )
    deliveries.record_layer(
        connection, sqn, "staging", status="partial", job_inst_id=bench.job_inst_id, record_count=len(rows),
        fallen_out_count=len(delivery.unreadable), recognised_count=len(recognised), recognised_after=after,
    )  # fmt: skip
    bench.recognised_count += len(recognised)
    return True
