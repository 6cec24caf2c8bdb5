"""A day at the page Deliveries: a DAG goes green, its deliveries are there, one is withdrawn, history is without it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from headwater.docs.dbt_page import dbt_page
from tests.airflow.browser.conftest import PATIENCE_WITH_RUNS_MS, LogIn
from tests.airflow.client import Client
from tests.airflow.delivered import Source
from tests.browser.test_dbt_page import project


@pytest.fixture(scope="module")
def villages(airflow_variables: dict[str, str], publisher: Path, admin: Client) -> Source:
    """A source with two deliveries that nobody has fetched yet."""
    found = Source("villages", "Village,people", airflow_variables, publisher)
    found.publish("villages-20260101.csv", "a,1", "b,2")
    found.publish("villages-20260102.csv", "a,5", "c,3", "d,4")
    admin.wait_for_dag("villages")
    return found


@pytest.fixture(scope="module")
def brought(villages: Source, admin: Client) -> Source:
    """The same with both in history, however they came there."""
    if not villages.query("select from metadata.delivery where source = 'villages'"):
        assert admin.run("villages", patience_s=300)[1] == "success"
    return villages


def open_deliveries(page: Page) -> FrameLocator:
    page.get_by_role("link", name="Deliveries").first.click()
    return page.frame_locator("iframe[title=Deliveries]")


def expect_to_wait_no_more(page: Page | FrameLocator) -> None:
    """The page of a delivery is whole and waits for nothing: while it reloads, nothing of it is there either."""
    settled = page.locator("main:not(:has([data-waits]))").get_by_role("textbox", name="Reason")
    expect(settled).to_be_visible(timeout=PATIENCE_WITH_RUNS_MS)


def test_a_dag_is_found_triggered_with_a_parameter_and_goes_green(log_in: LogIn, villages: Source) -> None:
    page = log_in("admin")
    page.goto("/dags?name_pattern=villages")
    page.get_by_role("link", name="villages").first.click()
    expect(page.get_by_text("villages_extract").first).to_be_visible()  # a group of its tasks
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    full_load = form.locator("input[name=element_is_full_load]")
    expect(full_load).to_be_checked()  # as the metadata says
    form.locator("label", has=page.locator("input[name=element_is_full_load]")).click()
    expect(full_load).not_to_be_checked()
    with page.expect_response(lambda response: response.url.endswith("/dags/villages/dagRuns")):
        form.get_by_role(
            "button", name="Trigger"
        ).last.click()  # leaving the page would break its request off
    page.goto("/dags/villages/runs")
    expect(page.get_by_text("Success").first).to_be_visible(timeout=PATIENCE_WITH_RUNS_MS)
    assert villages.history("village", "people") == [("a", 1), ("b", 2), ("a", 5), ("c", 3), ("d", 4)]
    parameters = "select parameters from metadata.job_inst where job = 'villages'"
    assert villages.query(parameters) == [
        ({"sources": ["villages"], "is_full_load": False, "del_temp_data": False},)
    ]


def test_deliveries_are_seen_and_one_is_withdrawn_with_a_reason(
    log_in: LogIn, brought: Source, tmp_path: Path
) -> None:
    page = log_in("admin")
    frame = open_deliveries(page)
    frame.get_by_role("link", name="villages", exact=True).click()
    for name, raw, changes in (
        ("villages-20260101.csv", "2", "+2 ~0 −0"),  # noqa: RUF001
        ("villages-20260102.csv", "3", "+2 ~1 −1"),  # noqa: RUF001
    ):
        row = frame.get_by_role("row").filter(has_text=name)
        expect(row.get_by_text("loaded")).to_be_visible()
        expect(row.get_by_role("cell").nth(5)).to_have_text(raw)
        expect(row.get_by_role("cell").nth(9)).to_have_text(changes)
        counted = "select count(*)::text from raw.villages where delivery_sqn = %s"
        assert brought.query(counted, brought.sqn(name)) == [(raw,)]
    page.screenshot(path=tmp_path / "list.png")

    frame.get_by_role("link", name="villages-20260102.csv").click()
    sqn = brought.sqn("villages-20260102.csv")
    expect(page).to_have_url(
        re.compile(f"/plugin/deliveries/deliveries/delivery/{sqn}$")
    )  # to be sent to others
    frame.get_by_role("radio", name="Withdraw").check()
    frame.get_by_role("textbox", name="Reason").fill("the publisher took it back")
    frame.get_by_role("button", name="See what it would do").click()
    expect(frame.locator(".outcome")).to_have_text(
        "3 versions disappear and 2 versions are current again.", timeout=PATIENCE_WITH_RUNS_MS
    )
    assert brought.events(sqn) == []
    page.screenshot(path=tmp_path / "consider.png")
    frame.get_by_role("button", name="Withdraw it").click()

    expect(frame.get_by_role("heading", level=1)).to_contain_text("withdrawn")
    # the page follows by itself, until history is without it
    expect_to_wait_no_more(frame)
    page.screenshot(path=tmp_path / "withdrawn.png")
    assert brought.history("village", "people") == [("a", 1), ("b", 2)]
    assert brought.events(sqn) == [("withdrawn", "admin", "the publisher took it back")]
    frame.get_by_role("link", name="manual__").first.click()  # out of the frame, to the run that brought it
    expect(page).to_have_url(re.compile("/dags/villages/runs/manual__"))


def test_a_decision_starts_the_job_that_makes_history_and_the_page_of_either_job_has_the_source(
    log_in: LogIn, airflow_variables: dict[str, str], publisher: Path, admin: Client, tmp_path: Path
) -> None:
    hamlets = Source("hamlets", "Hamlet,people", airflow_variables, publisher)
    hamlets.publish("hamlets-20260101.csv", "a,1", "b,2")
    hamlets.publish("hamlets-20260102.csv", "a,5", "b,2")
    assert admin.run("bring_hamlets", patience_s=300)[1] == "success"
    assert admin.wait("build_hamlets", admin.wait_for_run("build_hamlets"), patience_s=300) == "success"
    assert hamlets.history("hamlet", "people") == [("a", 1), ("b", 2), ("a", 5)]

    page = log_in("admin")
    for job in ("bring_hamlets", "build_hamlets"):
        page.goto(f"/deliveries/list?job={job}")
        expect(page.get_by_role("link", name="hamlets-20260102.csv")).to_be_visible()
    page.screenshot(path=tmp_path / "list.png")
    page.get_by_role("link", name="hamlets-20260102.csv").click()
    page.get_by_role("radio", name="Withdraw").check()
    page.get_by_role("textbox", name="Reason").fill("the publisher took it back")
    page.get_by_role("button", name="See what it would do").click()
    expect(page.get_by_text("A run of build_hamlets then brings history up to date.")).to_be_visible()
    page.get_by_role("button", name="Withdraw it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("withdrawn")
    assert page.get_by_role("button", name="now").count() == 0  # while the job does the work
    expect_to_wait_no_more(page)
    assert hamlets.history("hamlet", "people") == [("a", 1), ("b", 2)]
    started = {
        job: admin.get(f"dags/{job}/dagRuns")["total_entries"] for job in ("bring_hamlets", "build_hamlets")
    }
    assert started == {"bring_hamlets": 1, "build_hamlets": 2}


@pytest.mark.usefixtures("brought")
def test_a_viewer_sees_deliveries_and_no_way_to_decide(log_in: LogIn, brought: Source) -> None:
    page = log_in("viewer")
    frame = open_deliveries(page)
    frame.get_by_role("link", name="villages", exact=True).click()
    frame.get_by_role("link", name="villages-20260101.csv").click()
    expect(frame.get_by_text("You may look.")).to_be_visible()
    expect(frame.get_by_role("button")).to_have_count(0)
    answer = page.request.post(
        f"/deliveries/delivery/{brought.sqn('villages-20260101.csv')}/decide",
        form={"decision": "withdraw", "why": "why", "token": "none"},
    )
    assert answer.status == 403


@pytest.mark.usefixtures("brought")
def test_another_sites_form_in_the_same_browser_decides_nothing(log_in: LogIn, brought: Source) -> None:
    sqn = brought.sqn("villages-20260101.csv")
    page = log_in("admin")
    page.goto(f"/deliveries/delivery/{sqn}")
    token = page.locator("input[name=token]").first.input_value()  # even if it were known
    local = page.url.partition("/deliveries")[0]
    form = (
        f'<form method="post" action="{local}/deliveries/delivery/{sqn}/decide"><input name="token" value="{token}">'
        '<input name="decision" value="withdraw"><input name="why" value="forged"><button>Win</button></form>'
    )
    page.route("http://evil.example/*", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://evil.example/")
    page.get_by_role("button", name="Win").click()
    page.wait_for_url(f"{local}/**")
    assert brought.events(sqn) == []


@pytest.mark.usefixtures("brought")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_follows_airflows_choice_of_light_and_dark(
    log_in: LogIn, theme: str, tmp_path: Path
) -> None:
    page = log_in(
        "admin", color_scheme="light" if theme == "dark" else "dark"
    )  # the browser prefers the other
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    page.reload()
    frame = open_deliveries(page)
    expect(frame.get_by_role("link", name="villages", exact=True)).to_be_visible()
    expect(frame.locator("html")).to_have_attribute("data-theme", theme)
    lightness = frame.locator("body").evaluate(
        "body => { const c = document.createElement('canvas').getContext('2d');"
        " c.fillStyle = getComputedStyle(body).backgroundColor; c.fillRect(0, 0, 1, 1);"
        " return c.getImageData(0, 0, 1, 1).data[1]; }"
    )
    assert lightness > 200 if theme == "light" else lightness < 60
    page.screenshot(path=tmp_path / f"{theme}.png")


@pytest.mark.usefixtures("brought")
def test_with_the_keyboard_alone_and_on_a_narrow_screen_nothing_is_out_of_reach(log_in: LogIn) -> None:
    page = log_in("admin")
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto("/deliveries/list?source=villages")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # tables scroll by themselves
    page.get_by_label("Status").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "villages-20260101.csv":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("villages, 2026-01-01")
    page.wait_for_load_state("load")  # its style has come
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_rows_that_fell_out_are_seen_with_their_values_from_the_overview_on(
    log_in: LogIn, brought: Source, admin: Client, tmp_path: Path
) -> None:
    brought.publish("villages-20260103.csv", f"a,{'many ' * 200}", "new,<b>2</b>", "a b,3", ",4")
    assert admin.run("villages", patience_s=300)[1] == "success"
    sqn = brought.sqn("villages-20260103.csv")
    page = log_in("admin")
    frame = open_deliveries(page)
    section = frame.get_by_role("region", name="Rows that fell out")
    message = f"3 of 4 rows of delivery {sqn} fell out: 2 for people (type): "
    expect(section).to_contain_text(message)
    expect(section).to_contain_text("<b>2</b>")
    page.screenshot(path=tmp_path / "overview.png", full_page=True)
    section.get_by_role("link").first.click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text("villages, 2026-01-03")
    silent = "1 of their keys is current: history keeps the earlier version"
    expect(frame.locator("section", has=frame.locator("#quarantine"))).to_contain_text(silent)
    expect(frame.get_by_text("as before")).to_have_count(1)
    frame.locator("#quarantine").scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "delivery.png")
    page.set_viewport_size({"width": 400, "height": 800})
    for address in ("/deliveries/", "/deliveries/list?source=villages", f"/deliveries/delivery/{sqn}"):
        page.goto(address)
        expect(page.get_by_text(message).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.screenshot(
            path=tmp_path / f"narrow-{address.strip('/').replace('/', '-').partition('?')[0]}.png"
        )


def test_the_docs_of_dbt_are_shown_within_airflow_and_cannot_reach_it(
    log_in: LogIn, airflow_variables: dict[str, str], tmp_path: Path
) -> None:
    """With the page that dbt makes of hostile names: it works without an origin of its own."""
    manifest, catalog = project()
    for name, content in (("manifest.json", manifest), ("catalog.json", catalog)):
        (tmp_path / name).write_text(json.dumps(content))
    home = Path(airflow_variables["HEADWATER_HOME"])
    (home / "docs").mkdir(exist_ok=True)
    (home / "docs" / "dbt.html").write_text(dbt_page(tmp_path))
    page = log_in("viewer")
    page.goto("/plugin/dbt_docs")
    frame = page.frame_locator("iframe").first
    expect(frame.get_by_text("Overview").first).to_be_visible()
    expect(frame.get_by_text("libraries").first).to_be_attached()
    body = frame.locator("body")
    assert body.evaluate("() => window.origin") == "null"
    reached = "async () => { try { return (await fetch('/api/v2/dags')).status } catch { return 'refused' } }"
    assert body.evaluate(reached) == "refused"
    page.screenshot(path=tmp_path / "docs.png")
    page.context.clear_cookies()
    assert page.request.get("/deliveries/docs/dbt.html").status == 401
