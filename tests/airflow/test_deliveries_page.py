"""The page Deliveries on a running Airflow: what it shows, to whom, and what comes of a decision."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from itsdangerous import URLSafeTimedSerializer

from headwater.services import airflow_settings
from headwater.services.airflow import Airflow
from tests.airflow.client import Client
from tests.airflow.delivered import Source
from tests.airflow.listeners import Received
from tests.airflow.page import Visitor, rows_of, text_of
from tests.airflow.towns import EVIL_CELL, EVIL_FILE, EVIL_KEY
from tests.conftest import PROJECT


@pytest.mark.usefixtures("towns")
def test_the_overview_has_each_source_with_its_latest_delivery_and_what_waits(guest: Visitor) -> None:
    page = guest.page("/")
    (row,) = [row for row in rows_of(page) if row[0] == "towns"]
    assert row[2:4] == ["2026-01-03", "halted"]
    assert row[4].startswith("halted")  # the last run of its job, which says why
    assert row[6:9] == ["4", "3 −1", "halted"]  # raw, staging, checks  # noqa: RUF001
    assert row[-1] == "3, 1 halted"
    assert "Waiting for a decision" in page
    assert f"towns , {EVIL_FILE} halted duplicate_keys" in text_of(page)


def test_the_counts_of_the_list_are_those_of_the_tables(towns: Source, guest: Visitor) -> None:
    shown = {row[2]: row for row in rows_of(guest.page("/list?source=towns")) if row[0].isdecimal()}
    assert [shown[name][3] for name in shown] == [
        "halted duplicate_keys", "loaded", "loaded",
    ]  # fmt: skip
    for name, (raw, staging, fallen_out, new, changed, removed) in {
        name: counts
        for name, *counts in towns.query(
            "select publisher_name, (select count(*) from raw.towns where delivery_sqn = d.delivery_sqn),"
            " (select count(*) from staging.stg_towns where delivery_sqn = d.delivery_sqn),"
            " (select count(*) from metadata.quarantined_row where delivery_sqn = d.delivery_sqn),"
            " (select count(*) from historical.towns where delivery_sqn = d.delivery_sqn and change_type = 'new'),"
            " (select count(*) from historical.towns where delivery_sqn = d.delivery_sqn and change_type = 'changed'),"
            " (select count(*) from historical.towns where ended_by_delivery_sqn = d.delivery_sqn"
            "  and end_type = 'removed')"
            " from metadata.delivery as d where source = 'towns' and publisher_name <> %s",
            EVIL_FILE,
        )
    }.items():
        assert raw > 0  # it is kept, as the job does not say otherwise
        fell = f" −{fallen_out}" if fallen_out else ""  # noqa: RUF001
        assert shown[name][5:7] == [str(raw), f"{staging}{fell}"]
        assert shown[name][9] == f"+{new} ~{changed} −{removed}"  # noqa: RUF001


def test_the_picture_ends_at_what_history_holds(towns: Source, guest: Visitor) -> None:
    ((versions, current),) = towns.query(
        "select count(*), count(*) filter (where valid_to is null) from historical.towns"
    )
    assert f"history grew to {versions} versions, {current} of them current" in guest.page(
        "/list?source=towns"
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=halted", {EVIL_FILE}),
        ("status=loaded&since=2026-01-02", {"towns-20260102.csv"}),
        ("text=20260101", {"towns-20260101.csv"}),
        ("text=nothing+like+this", set()),
        ("since=nonsense&status=nonsense&until=9999-12-31", {"towns-20260101.csv", "towns-20260102.csv", EVIL_FILE}),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("towns")
def test_deliveries_are_filtered(guest: Visitor, query: str, names: set[str]) -> None:
    page = guest.page(f"/list?source=towns&{query}")
    assert {row[2] for row in rows_of(page) if row[0].isdecimal()} == names
    if not names:
        assert "No delivery is like that." in page


def test_a_halt_is_shown_with_its_check_its_sample_and_its_run(towns: Source, guest: Visitor) -> None:
    page = guest.page(f"/delivery/{towns.sqn(EVIL_FILE)}")
    assert "Why it is halted" in page
    assert ["Column", "Line 3", "Line 4"] in rows_of(page)
    assert ["name differs", '"x"', '"y"'] in rows_of(page)
    assert "The last row of each key wins" in text_of(page)
    ((run_id,),) = towns.query(
        "select run_id from metadata.job_inst join metadata.delivery using (job_inst_id) where delivery_sqn = %s",
        towns.sqn(EVIL_FILE),
    )
    assert f'href="/dags/towns/runs/{run_id.replace("+", "%2B").replace(":", "%3A")}"' in page
    fallen = guest.page(f"/delivery/{towns.sqn('towns-20260102.csv')}")
    assert "4 in raw = 2 staged + 2 fallen out" in text_of(fallen)
    assert any(row[:3] == ["3", "type", "people"] for row in rows_of(fallen))


def test_rows_that_fell_out_are_said_with_their_values_wherever_the_delivery_is(
    towns: Source, guest: Visitor
) -> None:
    sqn, last = towns.sqn("towns-20260102.csv"), towns.sqn(EVIL_FILE)
    what = f'2 of 4 rows of delivery {sqn} fell out: 2 for people (type): "{EVIL_CELL}", "few"'
    silent = "1 of their keys is current: history keeps the earlier version"
    for page in (guest.page("/list?source=towns"), guest.page(f"/delivery/{sqn}")):
        assert what in text_of(page)
        assert silent in text_of(page)
    rows = [row for row in rows_of(guest.page(f"/delivery/{sqn}")) if row[1:3] == ["type", "people"]]
    assert [(row[0], row[3], row[5]) for row in rows] == [
        ("3", f'"{EVIL_CELL}"', ""),
        ("5", '"few"', "as before"),
    ]
    message = f'1 of 4 rows of delivery {last} fell out: 1 for people (type): "\\x1b[31m"'
    assert message in text_of(guest.page("/"))  # the latest of its source


def test_nothing_that_a_publisher_wrote_is_markup(towns: Source, ada: Visitor) -> None:
    for path in (
        "/", "/list", "/list?source=towns", "/list?text=%3Cscript%3E", f"/list?job={EVIL_KEY}",
        f"/delivery/{towns.sqn(EVIL_FILE)}", f"/delivery/{towns.sqn('towns-20260102.csv')}",
    ):  # fmt: skip
        answer = ada.ask(path)
        assert "alert(2)</script>" not in answer.text, path
        assert not re.findall(r"<img|<b |<script>|onerror=alert\(1\)>|\sstyle=", answer.text), path
        assert set(re.findall(r"<script([^>]*)>", answer.text)) == {
            ' src="/deliveries/static/theme.js"', ' src="/deliveries/static/page.js" defer',
        }  # fmt: skip
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_without_logging_in_nothing_is_told(towns: Source, nobody: Visitor) -> None:
    sqn = towns.sqn("towns-20260101.csv")
    local = f"/delivery/{sqn}"
    for path in ("/", "/list", local, f"{local}/state", f"{local}/object", "/data_docs/towns/index.html"):
        answer = nobody.ask(path)
        assert answer.status_code == 401, path
        assert text_of(answer.text.partition("<body>")[2]) == (
            "Deliveries You are not logged in Log in to Airflow to see deliveries. Log in"
        )
    form = {"token": "x", "decision": "withdraw", "why": "why"}
    for action in ("consider", "decide", "start"):
        assert nobody.send(f"/delivery/{sqn}/{action}", form).status_code == 401


def test_a_viewer_may_look_and_not_act(towns: Source, guest: Visitor, ada: Visitor, airflow: Airflow) -> None:
    sqn = towns.sqn("towns-20260102.csv")
    page = guest.page(f"/delivery/{sqn}")
    assert "<form" not in page
    assert "Download" not in page
    assert guest.ask(f"/delivery/{sqn}/object").status_code == 403
    # with a token that is good for this very viewer, as if a page had held it
    key = json.loads((airflow.folder / "keys.json").read_text())["AIRFLOW__API__SECRET_KEY"]
    local = URLSafeTimedSerializer(key, salt="headwater deliveries").dumps("viewer")
    for token in (local, ada.token(f"/delivery/{sqn}")):
        form = {"token": token, "decision": "withdraw", "why": "why"}
        for action in ("consider", "decide", "start"):
            refused = guest.send(f"/delivery/{sqn}/{action}", form)
            assert refused.status_code == 403
            assert "Traceback" not in refused.text
    assert "Your role in Airflow lets you look, but not act" in guest.send(
        f"/delivery/{sqn}/decide", {"token": local, "decision": "withdraw", "why": "why"}
    ).text.replace("&#39;", "'")
    assert towns.events(sqn) == []


def test_a_form_that_is_not_the_pages_own_is_refused(towns: Source, ada: Visitor) -> None:
    sqn = towns.sqn("towns-20260102.csv")
    token = ada.token(f"/delivery/{sqn}")
    form = {"decision": "withdraw", "why": "forged"}
    for wrong, headers in (
        ({}, {}),
        ({"token": token[:-2] + "xx"}, {}),
        ({"token": token}, {"Origin": "https://evil.example"}),
        ({"token": token}, {"Origin": "null"}),
        ({"token": token}, {"Sec-Fetch-Site": "cross-site"}),
        ({"token": token}, {"Sec-Fetch-Site": "same-site"}),
    ):
        for action in ("consider", "decide", "start"):
            answer = ada.send(f"/delivery/{sqn}/{action}", {**form, **wrong}, headers)
            assert answer.status_code == (403 if "token" in wrong else 400), (wrong, headers, action)
    assert ada.ask(f"/delivery/{sqn}/decide?decision=withdraw&why=forged&token={token}").status_code == 303
    assert towns.events(sqn) == []


def test_what_does_not_fit_is_refused_in_a_sentence(towns: Source, ada: Visitor) -> None:
    sqn = towns.sqn("towns-20260102.csv")
    token = ada.token(f"/delivery/{sqn}")
    for form, status, message in (
        ({"decision": "restore", "why": "why"}, 409, "not withdrawn: there is nothing to restore"),
        ({"decision": "withdraw", "why": "  "}, 409, "goes on record with its reason"),
        ({"decision": "withdraw", "why": "x" * 2001}, 409, "expected 2,000 at most"),
        ({"decision": "destroy", "why": "why"}, 400, "Expected one of withdraw, restore, accept, replay"),
    ):
        for action in ("consider", "decide"):
            answer = ada.send(f"/delivery/{sqn}/{action}", {**form, "token": token})
            assert (answer.status_code, message in text_of(answer.text)) == (status, True), answer.text
    for path in ("/delivery/999999999", "/delivery/0", "/delivery/99999999999999999999", "/list?source=none"):
        assert ada.ask(path).status_code == 404
    assert ada.ask("/delivery/none").status_code == 400
    assert towns.events(sqn) == []


def test_while_a_run_writes_the_source_a_decision_waits_no_longer_than_a_person(
    towns: Source, ada: Visitor
) -> None:
    sqn = towns.sqn("towns-20260102.csv")
    form = {"token": ada.token(f"/delivery/{sqn}"), "decision": "withdraw", "why": "why"}
    connection = towns.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("select metadata.lock_source('towns')")
        answer = ada.send(f"/delivery/{sqn}/decide", form)
    connection.close()
    assert answer.status_code == 409
    assert "A run is writing towns just now" in text_of(answer.text)
    assert towns.events(sqn) == []


def test_withdrawn_with_a_reason_a_delivery_goes_from_history_by_a_run_in_the_users_name(
    towns: Source, ada: Visitor, admin: Client, metrics: Received
) -> None:
    sqn = towns.sqn("towns-20260102.csv")
    form = {"token": ada.token(f"/delivery/{sqn}"), "decision": "withdraw", "why": "the wrong <day>"}
    considered = ada.considered(sqn, form)
    # a is 1 again, and b is as it was all along; what began on the 2nd goes
    assert "2 versions disappear and 1 version is current again." in text_of(considered)
    assert "the wrong &lt;day&gt;" in considered
    assert towns.events(sqn) == []  # nothing is decided yet

    assert ada.send(f"/delivery/{sqn}/decide", form).status_code == 303
    assert towns.events(sqn) == [("withdrawn", "admin", "the wrong <day>")]
    assert ada.wait_until_settled(sqn) == "withdrawn"
    assert towns.history("town", "people") == [("a", 1), ("b", 2)]
    runs = admin.get("dags/towns/dagRuns", order_by="-run_after")["dag_runs"]
    assert runs[0]["triggering_user_name"] == "admin"
    assert runs[0]["note"] == f"Delivery {sqn} was withdrawn by admin: the wrong <day>"

    answer = ada.send(f"/delivery/{sqn}/decide", form)  # the same form a second time
    assert answer.status_code == 409
    assert "is withdrawn already" in text_of(answer.text)
    payload = metrics.naming(".towns.withdrawn:", ".towns.historical.taken_out:", at_least=2)
    assert payload == [
        "airflow.headwater.decisions.towns.withdrawn:1|c",
        "airflow.headwater.deliveries.towns.historical.taken_out:1|c",
    ]


@pytest.mark.long
def test_accepted_a_halted_delivery_comes_into_history(towns: Source, ada: Visitor) -> None:
    sqn = towns.sqn(EVIL_FILE)
    stale = {"token": ada.token(f"/delivery/{sqn}"), "decision": "accept", "why": "why", "check": ["columns"]}
    answer = ada.send(f"/delivery/{sqn}/decide", stale)  # in spite of checks that it did not fail
    assert answer.status_code == 409
    assert ada.decide(sqn, "accept", "the last one counts").status_code == 303
    assert ada.wait_until_settled(sqn) == "loaded"
    assert towns.history("town", "people")[-2:] == [(EVIL_KEY, 2), ("a", 6)]
    accepted = "select checks from metadata.delivery_event where event = 'accepted' and delivery_sqn = %s"
    assert towns.query(accepted, sqn) == [(["duplicate_keys"],)]


def test_the_file_is_sent_as_it_was_landed_and_never_as_a_page(
    towns: Source, ada: Visitor, publisher: Path
) -> None:
    answer = ada.ask(f"/delivery/{towns.sqn(EVIL_FILE)}/object")
    assert answer.content == (publisher / "towns" / EVIL_FILE).read_bytes()
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="towns-20260103_img_src_x_onerror_alert_1_.csv"'
    )


def test_data_docs_are_served_and_nothing_else_of_the_working_folder(towns: Source, guest: Visitor) -> None:
    page = guest.page(f"/delivery/{towns.sqn(EVIL_FILE)}")
    (address,) = re.findall(r'href="/deliveries(/data_docs/towns/[^"]+)"', page)
    answer = guest.ask(address)
    assert answer.status_code == 200
    assert "duplicate_keys" in answer.text
    assert "script-src" not in answer.headers["Content-Security-Policy"]  # so none runs: default-src 'none'
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for path in (
        "/data_docs/towns/..%2f..%2fairflow%2fkeys.json", "/data_docs/..%2fairflow/keys.json",
        "/data_docs/towns/%2e%2e/%2e%2e/airflow/keys.json", "/data_docs/towns/nothing.html",
        "/data_docs/elsewhere/index.html", "/static/../app.py", "/static/%2e%2e/app.py",
    ):  # fmt: skip
        answer = guest.ask(path)
        assert answer.status_code in (303, 404) or "<title>Airflow" in answer.text, path
        assert "AIRFLOW__" not in answer.text
        assert "make_app" not in answer.text


def test_whoever_may_see_one_dag_sees_its_sources_and_no_trace_of_others(
    towns: Source, airflow: Airflow, airflow_variables: dict[str, str], airflow_project: Path
) -> None:
    local, none = f"/delivery/{towns.sqn('towns-20260101.csv')}", "/delivery/999999999"
    after = f"/list?after={towns.sqn('towns-20260102.csv')}"
    paths = [
        "/",
        "/list",
        "/list?source=towns",
        local,
        f"{local}/state",
        f"{local}/object",
        "/data_docs/towns/index.html",
    ]
    environment = airflow_settings.environment(
        airflow_project, airflow.folder, airflow_project, airflow.ports, airflow_variables
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.airflow.narrow"],
        input=json.dumps(
            [
                ["towns", [*paths, after, "/docs/dbt.html"]],
                ["cities", [*paths, none, after, "/list?after=999999999", "/docs/dbt.html"]],
                ["no_database", ["/"]],
            ]
        ),
        env={**environment, "AIRFLOW__CORE__AUTH_MANAGER": "tests.airflow.narrow.NarrowAuthManager"},
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    of_towns, of_cities, without_database = json.loads(done.stdout.splitlines()[-1])

    # the docs of dbt describe every source
    assert [payload.pop("/docs/dbt.html")[0] for payload in (of_towns, of_cities)] == [403, 403]
    assert "towns-20260101.csv" in of_towns.pop(after)[1]
    assert of_cities.pop(after) == of_cities.pop("/list?after=999999999")

    assert {path: status for path, (status, _) in of_towns.items()} == dict.fromkeys(paths, 200)
    assert "cities" not in of_towns["/"][1] + of_towns["/list"][1]
    assert "Decide" in of_towns[local][1]
    assert {path: status for path, (status, _) in of_cities.items()} == {
        path: 200 if path in ("/", "/list") else 404 for path in (*paths, none)
    }
    assert "towns" not in of_cities["/"][1] + of_cities["/list"][1]
    assert of_cities[local] == of_cities[none]

    # and where the database cannot be reached, nothing of passwords or code is shown
    status, page = without_database["/"]
    assert status == 503
    assert "The database that holds the deliveries cannot be reached." in page
    assert not re.search("pa55word|Traceback|psycopg2|127.0.0.1", page)
