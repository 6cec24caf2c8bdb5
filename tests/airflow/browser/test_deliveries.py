"""What a person sees and does: a DAG goes green, its deliveries are there, one is withdrawn, history is without it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.airflow.browser.conftest import PATIENCE_WITH_RUNS_MS, LogIn
from tests.airflow.client import Client
from tests.airflow.delivered import Source


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
    form.get_by_role("button", name="Trigger").last.click()
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
    for name, raw, fates in (
        ("villages-20260101.csv", "2", "+2 ~0 −0"),  # noqa: RUF001
        ("villages-20260102.csv", "3", "+2 ~1 −1"),  # noqa: RUF001
    ):
        row = frame.get_by_role("row").filter(has_text=name)
        expect(row.get_by_text("loaded")).to_be_visible()
        expect(row.get_by_role("cell").nth(5)).to_have_text(raw)
        expect(row.get_by_role("cell").nth(9)).to_have_text(fates)
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
    expect(frame.locator("dl.numbers dd")).to_have_text(
        ["0", "3", "0", "2"]
    )  # added, dropped, ended, reopened
    assert brought.events(sqn) == []
    page.screenshot(path=tmp_path / "consider.png")
    frame.get_by_role("button", name="Withdraw it").click()

    expect(frame.get_by_role("heading", level=1)).to_contain_text("withdrawn")
    # the page follows by itself, until history is without it
    expect(frame.locator("[data-waits]")).to_have_count(0, timeout=PATIENCE_WITH_RUNS_MS)
    page.screenshot(path=tmp_path / "withdrawn.png")
    assert brought.history("village", "people") == [("a", 1), ("b", 2)]
    assert brought.events(sqn) == [("withdrawn", "admin", "the publisher took it back")]
    frame.get_by_role("link", name="manual__").first.click()  # out of the frame, to the run that brought it
    expect(page).to_have_url(re.compile("/dags/villages/runs/manual__"))


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
    own = page.url.partition("/deliveries")[0]
    form = (
        f'<form method="post" action="{own}/deliveries/delivery/{sqn}/decide"><input name="token" value="{token}">'
        '<input name="decision" value="withdraw"><input name="why" value="forged"><button>Win</button></form>'
    )
    page.route("http://evil.example/*", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://evil.example/")
    page.get_by_role("button", name="Win").click()
    page.wait_for_url(f"{own}/**")
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
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
