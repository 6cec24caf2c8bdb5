"""The pages: what a person finds on them, and what must never be there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from headwater.checks import data_docs
from headwater.checks.data_docs import write_lists
from headwater.metadata.process.events import record_event
from headwater.services import postgres
from tests.headwater.checks.conftest import MakeBench

REGEX = {"expect": "expect_column_values_to_match_regex", "column": "note", "regex": "^[a-z]+$"}
NOTES = {"expect": "expect_column_distinct_values_to_be_in_set", "column": "note", "value_set": ["<i>"]}
MARKUP = "<script>alert(1)</script>"


def pages(home: Path) -> dict[str, str]:
    return {path.relative_to(home).as_posix(): path.read_text() for path in sorted(home.rglob("*.html"))}


def test_a_page_is_named_after_date_publisher_and_delivery_and_linked_from_the_lists(
    make_bench: MakeBench,
) -> None:
    bench = make_bench()
    bench.stage([("north", 1, 1, "a")], name="Readings of the north/2026 (1).csv")
    bench.check()

    found = pages(bench.home)

    page = "2026-01-02_Readings-of-the-north-2026-1-.csv_1.html"
    assert set(found) == {
        f"data_docs/readings/{page}",
        "data_docs/readings/index.html",
        "data_docs/index.html",
    }
    assert f'<a class="fixed" href="{page}">2026-01-02</a>' in found["data_docs/readings/index.html"]
    assert '<a class="fixed" href="readings/index.html">readings</a>' in found["data_docs/index.html"]


def test_every_relative_link_leads_to_a_page_or_to_the_index_of_the_docs(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.stage([("north", 1, 1, "a")])
    bench.check()

    for name, text in pages(bench.home).items():
        for address in re.findall(r'href="([^"#]+)"', text):
            target = (bench.home / name).parent.joinpath(address).resolve()
            assert target.exists() or target == (bench.home / "docs/index.html").resolve(), (name, address)


def test_a_page_shows_the_keys_and_lines_and_needs_nothing_from_the_network(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.stage([("north", 1, 1, "a"), ("north", 1, 2, "b")])
    bench.check()

    (page,) = [text for name, text in pages(bench.home).items() if "csv" in name]

    assert "duplicate_keys: 1 key on 2 rows" in page
    assert "<th>region</th><th>station</th><th>lines</th>" in page
    assert "<td>north</td><td>1</td><td>2, 3</td>" in page
    assert "No key (region, station) comes twice, delete marks included." in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(""", page)


def test_values_of_the_data_are_text_on_the_page_wherever_they_stand(make_bench: MakeBench) -> None:
    bench = make_bench("region text*, note text", REGEX, NOTES)
    bench.stage([(MARKUP, MARKUP), (MARKUP, MARKUP)], name=MARKUP)
    bench.check()

    found = pages(bench.home)
    assert len(found) == 3
    for name, text in found.items():
        assert "<script" not in text.lower(), name
        assert ("&lt;script&gt;alert(1)&lt;/script&gt;" in text) == ("readings/" in name), name


def test_no_secret_of_the_connection_gets_onto_a_page_or_into_the_records(
    make_bench: MakeBench, postgres_server: postgres.Server
) -> None:
    secret = postgres_server.password
    bench = make_bench("station integer*, note text", REGEX)
    where = {name: os.environ[f"PG{name.upper()}"] for name in ("host", "port", "user")}
    url = sa.URL.create(
        "postgresql+psycopg2",
        where["user"],
        secret,
        where["host"],
        int(where["port"]),
        os.environ["PGDATABASE"],
    )
    bench.engine = sa.create_engine(url)
    bench.stage([(1, "UPPER")])

    (verdict,) = bench.check()
    bench.engine.dispose()

    assert not verdict.passed
    assert secret in bench.engine.url.render_as_string(hide_password=False)
    everything = [repr(verdict), repr(bench.archive.objects), *bench.messages, *pages(bench.home).values()]
    assert len(everything) == 6
    assert not [text for text in everything if secret in text]


def test_the_lists_say_what_failed_and_leave_out_links_to_pages_that_are_gone(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.stage([("north", 1, 1, "a"), ("north", 1, 1, "a")])
    bench.check()
    (page,) = [path for path in bench.home.rglob("*.html") if path.name != "index.html"]

    listed = pages(bench.home)["data_docs/readings/index.html"]
    assert f'href="{page.name}"' in listed
    assert '<span class="mark bad">halted</span></td><td>duplicate_keys</td><td>duplicate_rows</td>' in listed

    page.unlink()
    write_lists(bench.home, bench.engine, ["readings"])
    listed = pages(bench.home)["data_docs/readings/index.html"]
    assert page.name not in listed
    assert '<span class="fixed">2026-01-02</span>' in listed


def test_a_delivery_that_was_halted_before_any_check_is_listed_with_the_reason(make_bench: MakeBench) -> None:
    bench = make_bench()
    sqn = bench.stage([("north", 1, 1, "a")])
    record_event(
        bench.engine, bench.archive, sqn, "readings", "halted", why="line 7 has 3 fields", checks=["format"]
    )

    write_lists(bench.home, bench.engine, ["readings"])

    listed = pages(bench.home)["data_docs/readings/index.html"]
    assert '<span class="mark bad">halted</span></td><td>line 7 has 3 fields</td>' in listed
    assert '<span class="mark bad">1 halted</span>' in pages(bench.home)["data_docs/index.html"]


@pytest.mark.parametrize("decision", ["accepted", "withdrawn"])
def test_a_decision_about_a_halted_delivery_is_what_the_list_shows(
    make_bench: MakeBench, decision: str
) -> None:
    bench = make_bench()
    sqn = bench.stage([("north", 1, 1, "a"), ("north", 1, 1, "a")])
    bench.check()
    record_event(bench.engine, bench.archive, sqn, "readings", decision, why="known to the publisher")

    write_lists(bench.home, bench.engine, ["readings"])

    listed = pages(bench.home)["data_docs/readings/index.html"]
    assert f'<span class="mark warn">{decision}</span></td><td>duplicate_keys</td>' in listed
    assert '<span class="mark good">none</span>' in pages(bench.home)["data_docs/index.html"]


def test_the_page_of_a_delivery_says_what_was_decided_since(make_bench: MakeBench) -> None:
    bench = make_bench()
    sqn = bench.stage([("north", 1, 1, "a"), ("north", 1, 1, "a")])
    bench.check()
    record_event(bench.engine, bench.archive, sqn, "readings", "accepted", why=f"known {MARKUP}", who="anna")
    record_event(bench.engine, bench.archive, sqn, "readings", "withdrawn", why="after all", who="ben")
    for _ in range(2):  # what stands there is written in place of what stood there
        write_lists(bench.home, bench.engine, ["readings"])

    (page,) = [text for name, text in pages(bench.home).items() if "csv" in name]
    decided = re.sub(r"<[^>]+>", " ", re.findall(r"<h2>Decided since</h2>(.*?)</ul>", page, re.DOTALL)[0])
    assert re.findall(r"(accepted|withdrawn) .*? by (\w+)", " ".join(decided.split())) == [
        ("accepted", "anna"),
        ("withdrawn", "ben"),
    ]
    assert page.count("Decided since") == 1
    assert MARKUP not in page
    assert '<span class="mark bad">halted</span>' in page


def test_sections_that_say_the_same_of_two_deliveries_are_rendered_once(make_bench: MakeBench) -> None:
    bench = make_bench("station integer*, note text", REGEX)
    for note in ("a", "b"):
        bench.stage([(1, note)])
    data_docs._rendered.cache_clear()
    bench.check()

    found = data_docs._rendered.cache_info()
    assert (found.hits, found.misses) == (
        1,
        3,
    )  # the sections of the table name the date, those of `note` say the same
    shown = [text for name, text in pages(bench.home).items() if "index" not in name]
    assert len(shown) == 2
    assert all("must match this regular expression" in text for text in shown)
