"""Links from a task of Airflow to what it worked on: its delivery, the file on S3, the Data Docs, the history.

Airflow asks for them when a task has ended, however that was, in the task's own process; see `Watched`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from airflow.sdk import BaseOperatorLink

from headwater.airflow.links import DBT_DOCS, DELIVERIES, absolute
from headwater.checks.data_docs import FOLDER, page_path
from headwater.metadata.process.ledger import Entry
from headwater.pipeline.step_audit import StepAudit
from headwater.project import find_project


class _WrittenLink(BaseOperatorLink):
    """A link that follows from what a try wrote; none where it wrote nothing that the link could lead to."""

    def path(self, written: StepAudit) -> str | None:
        """Return where it leads, below the page Deliveries."""
        raise NotImplementedError

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  # of Airflow
        """The address, "" where there is none: then Airflow shows no link."""
        written = getattr(operator, "written", None)
        path = self.path(written) if written else None
        return absolute(f"{DELIVERIES}{path}") if path else ""


class DeliveryLink(_WrittenLink):
    """The page of the delivery; of several, their list."""

    name = "Delivery"

    def path(self, written: StepAudit) -> str | None:
        """Return where it leads."""
        if (one := _only(written)) is not None:
            return f"/delivery/{one.delivery_sqn}"
        return _list_of(written) if written.entries else None


class ObjectLink(_WrittenLink):
    """The file of the delivery as it was landed, where it is one."""

    name = "File on S3"

    def path(self, written: StepAudit) -> str | None:
        """Return where it leads."""
        one = _only(written)
        return f"/delivery/{one.delivery_sqn}/object" if one is not None else None


class DataDocsLink(_WrittenLink):
    """The document of the checks of the delivery; of several, or before it is judged, the list of all documents."""

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
    """The deliveries of the source, and how its history grew."""

    name = "History"

    def path(self, written: StepAudit) -> str | None:
        """Return where it leads."""
        return _list_of(written)


class DbtDocsLink(BaseOperatorLink):
    """The docs of dbt, of the task of a model."""

    name = "dbt docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  # of Airflow
        """The address."""
        return absolute(f"{DELIVERIES}{DBT_DOCS}")


OF_SOURCE = (DeliveryLink(), ObjectLink(), DataDocsLink(), HistoryLink())
OF_MODEL = (DbtDocsLink(),)


def _only(written: StepAudit) -> Entry | None:
    """Return what came of the one delivery that a try wrote, None of none and of several."""
    by_delivery = {entry.delivery_sqn: entry for entry in written.entries}
    return next(iter(by_delivery.values())) if len(by_delivery) == 1 else None


def _list_of(written: StepAudit) -> str:
    return f"/list?{urlencode({'source': written.source.name})}"
