"""Links from a task of Airflow to its delivery, the file on S3, the Data Docs and the history.

Airflow computes them when a task has ended, with any outcome, in the process of the task; see `Watched`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from airflow.sdk import BaseOperatorLink

from headwater.airflow.links import DBT_DOCS, absolute, deliveries
from headwater.checks.data_docs import FOLDER, page_path
from headwater.metadata.process.ledger import Entry
from headwater.pipeline.step_audit import StepAudit
from headwater.project import find_project


class _WrittenLink(BaseOperatorLink):
    """A link that depends on what a try wrote; empty if it wrote nothing suitable."""

    def path(self, written: StepAudit) -> str | None:
        """Return where it leads, below the page Deliveries."""
        raise NotImplementedError

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  # of Airflow
        """Return the address, "" for no link."""
        written = getattr(operator, "written", None)
        path = self.path(written) if written else None
        return absolute(f"{deliveries()}{path}") if path else ""


class DeliveryLink(_WrittenLink):
    """The page of the delivery; for several, their list."""

    name = "Delivery"

    def path(self, written: StepAudit) -> str | None:
        """Return where it leads."""
        if (one := _only(written)) is not None:
            return f"/delivery/{one.delivery_sqn}"
        return _list_of(written) if written.entries else None


class ObjectLink(_WrittenLink):
    """The landed file of the delivery, if there is one."""

    name = "File on S3"

    def path(self, written: StepAudit) -> str | None:
        """Return where it leads."""
        one = _only(written)
        return f"/delivery/{one.delivery_sqn}/object" if one is not None else None


class DataDocsLink(_WrittenLink):
    """The checks page of the delivery; for several, or before the checks, the list of all documents."""

    name = "Data Docs"

    def path(self, written: StepAudit) -> str | None:
        """Return where it leads."""
        one, source = _only(written), written.source.name
        page = f"/{FOLDER}/{quote(source)}"
        if one is not None:
            file = page_path(
                find_project().home, source, one.delivery_sqn, one.publisher_name, one.delivery_date
            )
            if file.is_file():
                return f"{page}/{quote(file.name)}"
        return f"{page}/index.html"


class HistoryLink(_WrittenLink):
    """The deliveries of the source, and the growth of its history."""

    name = "History"

    def path(self, written: StepAudit) -> str | None:
        """Return where it leads."""
        return _list_of(written)


class DbtDocsLink(BaseOperatorLink):
    """The dbt docs, for the task of a model."""

    name = "dbt docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  # of Airflow
        """Return the address."""
        return absolute(f"{deliveries()}{DBT_DOCS}")


OF_SOURCE = (DeliveryLink(), ObjectLink(), DataDocsLink(), HistoryLink())
OF_MODEL = (DbtDocsLink(),)


def _only(written: StepAudit) -> Entry | None:
    """Return the single delivery that a try wrote, None for none or several."""
    by_delivery = {entry.delivery_sqn: entry for entry in written.entries}
    return next(iter(by_delivery.values())) if len(by_delivery) == 1 else None


def _list_of(written: StepAudit) -> str:
    return f"/list?{urlencode({'source': written.source.name})}"
