"""Towns: a source whose publisher writes markup wherever it may."""

from __future__ import annotations

from pathlib import Path

from tests.airflow.client import Client
from tests.airflow.delivered import Source

HEADER = "Town,name,people"
EVIL_FILE = "towns-20260103<img src=x onerror=alert(1)>.csv"
EVIL_KEY = "<script>alert(2)</script>"
EVIL_CELL = "<b onmouseover=alert(3)>many</b>"


def deliver_towns(airflow_variables: dict[str, str], publisher: Path, admin: Client) -> Source:
    """Two deliveries in history; one that halts by duplicate keys, and has markup wherever a publisher may write."""
    found = Source("towns", HEADER, airflow_variables, publisher)
    found.publish("towns-20260101.csv", "a,Aa,1", "b,Bb,2")
    found.publish("towns-20260102.csv", "a,Aa,5", f"c,Cc,{EVIL_CELL}", "d,Dd,4", "b,Bb,few")
    found.publish(EVIL_FILE, "a,Aa,6", f"{EVIL_KEY},x,1", f"{EVIL_KEY},y,2", "d,Dd,\x1b[31m")
    assert admin.run("towns", patience_s=300)[1] == "failed"  # by its halted delivery, and by nothing else:
    errors = found.query(
        "select message from metadata.log_dtl join metadata.log_header using (log_header_id)"
        " join metadata.job_inst using (job_inst_id) where level = 'error' and job = 'towns' order by log_dtl_id"
    )
    assert [error for (error,) in errors if "is halted: duplicate_keys" not in error] == []
    assert found.history("town", "people") == [("a", 1), ("b", 2), ("a", 5), ("d", 4)]
    return found
