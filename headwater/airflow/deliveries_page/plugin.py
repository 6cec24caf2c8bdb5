"""The Airflow plugin of the page: a navigation entry, a tab of each DAG, and an app below /deliveries.

Every process of Airflow loads its plugins, including tasks. Only the api-server imports the app.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from headwater import shared_airflow
from headwater.airflow.links import DBT_DOCS, DELIVERIES, ui_path

log = logging.getLogger(__name__)


class DeliveriesPlugin(AirflowPlugin):
    """The page Deliveries."""

    name = "headwater_deliveries"
    external_views = [  # noqa: RUF012  # as Airflow declares it
        {
            "name": "Deliveries",
            "href": f"{ui_path()}{DELIVERIES}/",
            "url_route": "deliveries",
            "destination": "nav",
            "nav_top_level": True,
            "icon": f"{ui_path()}{DELIVERIES}/static/icon.svg",
            "icon_dark_mode": f"{ui_path()}{DELIVERIES}/static/icon_dark.svg",
        },
        {
            "name": "Deliveries",
            "href": f"{ui_path()}{DELIVERIES}/list?job={{DAG_ID}}",
            "url_route": "deliveries_of_dag",
            "destination": "dag",
            "icon": f"{ui_path()}{DELIVERIES}/static/icon.svg",
            "icon_dark_mode": f"{ui_path()}{DELIVERIES}/static/icon_dark.svg",
        },
        {
            "name": "dbt docs",
            "href": f"{ui_path()}{DELIVERIES}{DBT_DOCS}",
            "url_route": "dbt_docs",
            "destination": "nav",
            "category": "browse",
        },
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return the app, created on first use. An error in it must not prevent the start of the api-server."""
        try:
            from headwater.airflow.deliveries_page.app import make_app, make_app_of_several

            app = make_app_of_several() if shared_airflow.folders() else make_app()
            return [{"name": "deliveries", "app": app, "url_prefix": DELIVERIES}]
        except Exception:
            log.exception("the page Deliveries cannot be made")
            return []
