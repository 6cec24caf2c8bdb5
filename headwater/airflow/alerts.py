"""The text of an alert about a run: halted deliveries with the failed checks, failures and reasons."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.metadata.redaction import redact, redact_all
from headwater.queries.halts import Halt, halted_by

MOST = 20  # halts that an alert lists

_RUN = """
select inst.job_inst_id, inst.status, header.last_error
from metadata.job_inst as inst
inner join metadata.log_header as header using (job_inst_id)
where inst.job = :job and inst.run_id = :run_id
"""

_ERRORS = """
select message
from metadata.log_dtl
inner join metadata.log_header using (log_header_id)
where job_inst_id = :job_inst_id and level = 'error'
order by log_dtl_id desc
limit 5
"""


@dataclass(frozen=True)
class Alert:
    """A failed or halted run. `errors` are its last ones, latest first; `link` leads to the run."""

    job: str
    run_id: str
    status: str
    owner: str
    link: str
    halted: list[Halt]
    errors: list[str]

    @property
    def subject(self) -> str:
        """Return the alert in one line."""
        halted = [
            f"{one.source}: delivery {one.delivery_sqn}, {', '.join(one.checks)}" for one in self.halted
        ]
        return f"Headwater: {self.job} {self.status}" + (f" ({'; '.join(halted[:3])})" if halted else "")

    def as_json(self) -> dict[str, Any]:
        """Return the alert for a webhook; chat programs show `text`."""
        return {"text": f"{self.subject}\n{self.link}", **asdict(self)}

    def as_html(self) -> str:
        """Return the alert as the body of an e-mail, with the publishers' texts escaped."""
        halted = "".join(
            f"<li><b>{escape(one.source)}</b>, delivery {one.delivery_sqn}, {escape(one.publisher_name)}:"
            f" {escape(', '.join(one.checks))}<br>{escape(one.why)}</li>"
            for one in self.halted
        )
        errors = "".join(f"<li>{escape(error)}</li>" for error in self.errors)
        return (
            f"<p>The job <b>{escape(self.job)}</b> of {escape(self.owner)} {escape(self.status)}:"
            f' <a href="{escape(self.link)}">{escape(self.run_id)}</a></p>'
            + (f"<p>Halted, waiting for a decision:</p><ul>{halted}</ul>" if halted else "")
            + (f"<p>Last errors:</p><ul>{errors}</ul>" if errors else "")
        )


def alert_of(
    engine: Engine, job: str, run_id: str, owner: str, link: str, reason: str, called: str | None = None
) -> Alert:
    """Return the alert for a run; for an unrecorded run with Airflow's `reason`.

    `called` replaces the recorded status.
    """
    with engine.connect() as connection:
        run = connection.execute(sa.text(_RUN), {"job": job, "run_id": run_id}).one_or_none()
        if run is None:
            return Alert(job, run_id, called or "failed", owner, link, [], [redact(reason)])
        number = {"job_inst_id": run.job_inst_id}
        halted = [Halt(**redact_all(asdict(halt))) for halt in halted_by(connection, run.job_inst_id)[:MOST]]
        errors: list[str] = list(connection.execute(sa.text(_ERRORS), number).scalars())
    status = called or (run.status if run.status != "running" else "failed")
    return Alert(job, run_id, status, owner, link, halted, errors or [redact(reason)])
