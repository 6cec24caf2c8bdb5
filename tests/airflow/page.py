"""The page Deliveries as a browser gets it, without one: who is logged in by Airflow's cookie, and what they send."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import requests

from headwater.services.airflow import Airflow

PATIENCE_S = 300


class Visitor:
    """One who is logged in to Airflow, or nobody."""

    def __init__(self, airflow: Airflow, user: str | None) -> None:
        self.url, self._session = f"{airflow.url}/deliveries", requests.Session()
        if user is not None:
            facts = {"username": user, "password": airflow.passwords[user]}
            payload = self._session.post(f"{airflow.url}/auth/token", json=facts, timeout=30)
            payload.raise_for_status()
            host = urlsplit(airflow.url).hostname
            self._session.cookies.set("_token", payload.json()["access_token"], domain=host, path="/")

    def ask(self, path: str, **more: Any) -> requests.Response:
        """A GET of a page."""
        return self._session.get(f"{self.url}{path}", timeout=60, allow_redirects=False, **more)

    def page(self, path: str) -> str:
        """The text of a page that must be there."""
        answer = self.ask(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.text

    def token(self, path: str) -> str:
        """Return what the forms of a page hold."""
        found = re.search(r'name="token" value="([^"]+)"', self.page(path))
        assert found is not None, f"no form on {path}"
        return unescape(found[1])

    def send(
        self, path: str, form: dict[str, Any], headers: dict[str, str] | None = None
    ) -> requests.Response:
        """A form, as a page of our own sends it unless `headers` say otherwise."""
        return self._session.post(
            f"{self.url}{path}", data=form, headers=headers, timeout=90, allow_redirects=False
        )

    def decide(self, sqn: int, decision: str, why: str) -> requests.Response:
        """A decision as the page makes it: what it would do, then the same form again."""
        path = f"/delivery/{sqn}"
        form = {"token": self.token(path), "decision": decision, "why": why}
        considered = self.considered(sqn, form)
        checks = re.findall(r'name="check" value="([^"]+)"', considered)
        return self.send(f"{path}/decide", {**form, "check": checks})

    def considered(self, sqn: int, form: dict[str, Any]) -> str:
        """Return what a decision would do: the page of its dry run, once that is done."""
        begun = self.send(f"/delivery/{sqn}/consider", form)
        assert begun.status_code == 303, begun.text
        path = begun.headers["Location"].partition("/deliveries")[2]
        deadline = time.monotonic() + PATIENCE_S
        while self.ask(f"{path}/state").json()["state"] != "done":
            assert time.monotonic() < deadline, self.page(path)
            time.sleep(0.5)
        return self.page(path)

    def wait_until_settled(self, sqn: int) -> str:
        """Return when history reflects a delivery, as its page says; what it amounts to."""
        deadline = time.monotonic() + PATIENCE_S
        while (state := self.ask(f"/delivery/{sqn}/state").json()["state"]).split()[1] == "True":
            assert time.monotonic() < deadline, state
            time.sleep(0.5)
        return str(state.split()[0])


def text_of(page: str) -> str:
    """Return what a page says, without its markup, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def rows_of(page: str) -> list[list[str]]:
    """The rows of all tables of a page, cell by cell."""
    return [
        [text_of(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)
    ]
