"""How Airflow knows of the page: an entry of its navigation, a tab of each DAG, and an app below /deliveries.

Every process of Airflow loads its plugins, those of tasks included. The app is imported where it
is asked for: in the api-server.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)

PREFIX = "/deliveries"


def ui_path() -> str:
    """The path below which Airflow's own pages are, "" at the root."""
    return urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")


class DeliveriesPlugin(AirflowPlugin):
    """The page Deliveries."""

    name = "headwater_deliveries"
    external_views = [  # noqa: RUF012  # as Airflow declares it
        {
            "name": "Deliveries",
            "href": f"{ui_path()}{PREFIX}/",
            "url_route": "deliveries",
            "destination": "nav",
            "nav_top_level": True,
            "icon": f"{ui_path()}{PREFIX}/static/icon.svg",
            "icon_dark_mode": f"{ui_path()}{PREFIX}/static/icon_dark.svg",
        },
        {
            "name": "Deliveries",
            "href": f"{ui_path()}{PREFIX}/list?job={{DAG_ID}}",
            "url_route": "deliveries_of_dag",
            "destination": "dag",
            "icon": f"{ui_path()}{PREFIX}/static/icon.svg",
            "icon_dark_mode": f"{ui_path()}{PREFIX}/static/icon_dark.svg",
        },
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The app, made on first use. Whatever is wrong with it must not keep the api-server from starting."""
        try:
            from dags.deliveries_page.app import make_app

            return [{"name": "deliveries", "app": make_app(), "url_prefix": PREFIX}]
        except Exception:
            log.exception("the page Deliveries cannot be made")
            return []
