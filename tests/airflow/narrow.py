"""An auth manager that lets each user see one DAG, and the page as such a user gets it: run as a program.

It reads who asks for which pages, as JSON: `[["user", ["/path"]], …]`, and prints what each is told. The auth manager
of the tests' Airflow knows no rights for one DAG. For the user `no_database` the database cannot be reached.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from unittest.mock import patch

from airflow.api_fastapi.app import get_auth_manager, init_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser


class NarrowAuthManager(SimpleAuthManager):
    """A user may do with the DAG of the same name what their role allows, and see no other."""

    def is_authorized_dag(
        self, *, user: SimpleAuthManagerUser, details: DagDetails | None = None, **more: Any
    ) -> bool:
        is_own = details is not None and details.id == user.username
        return is_own and super().is_authorized_dag(user=user, details=details, **more)


def answers(client: Any, user: str, paths: list[str]) -> dict[str, tuple[int, str]]:
    """Return what the page answers to one who may trigger the DAG of their name."""
    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role="user"))
    found = {path: client.get(f"/deliveries{path}", headers={"Cookie": f"_token={token}"}) for path in paths}
    return {path: (answer.status_code, answer.text) for path, answer in found.items()}


def main() -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient
    from sqlalchemy import create_engine

    from headwater.airflow.deliveries_page.app import make_app
    from headwater.airflow.deliveries_page.dependencies import Backend

    init_auth_manager()
    airflow = FastAPI()
    airflow.mount("/deliveries", make_app())
    messages = []
    with TestClient(airflow, raise_server_exceptions=False) as client:
        for user, paths in json.load(sys.stdin):
            if user == "no_database":
                nowhere = create_engine("postgresql+psycopg2://nobody:pa55word@127.0.0.1:1/none")
                patch.object(Backend, "engine", nowhere).start()
            messages.append(answers(client, user, paths))
    sys.stdout.write("\n" + json.dumps(messages) + "\n")


if __name__ == "__main__":
    main()
