"""Samples from the web: a file by its address, or the newest of those that a page links to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.extract.sources.http_files import discover
from headwater.metadata.errors import NewSourceRefused, PublisherError
from headwater.metadata.static.read import read_catalog
from headwater.new_source.begin import Given, prepare_proposal
from headwater.new_source.proposal_doubts import harmful_doubts_of
from headwater.new_source.write import write
from headwater.project import Project
from tests.support.publisher import Answer, Publisher

THINGS = b"id,n\n1,a\n2,b\n"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """A web server on loopback."""
    with Publisher.running() as server:
        yield server


def offers(project: Project, name: str) -> list[str]:
    """Return what the source that was written finds at its publisher."""
    return [offer.publisher_name for offer in discover(read_catalog(project.seeds).sources[name])]


def test_the_address_of_a_file_is_a_source_of_this_file(project: Project, publisher: Publisher) -> None:
    publisher.files["/get/things.csv"] = THINGS
    publisher.headers["/get/things.csv"] = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    proposal = prepare_proposal(
        project, "things", f"{publisher.url}/get/things.csv", Given(data_source="web")
    )
    assert (proposal.sample.data_source_type, proposal.options["date_from"]) == ("http_files", "header")
    write(project, proposal)
    assert offers(project, "things") == ["things.csv"]


def test_a_page_gives_the_newest_of_its_files_and_then_all(project: Project, publisher: Publisher) -> None:
    names = ["old/things-2026-01-05.csv", "things-2026-02-02.csv"]
    publisher.page("/data/", *(f'<a href="{name}">x</a>' for name in names), '<a href="about.html">x</a>')
    for name in names:
        publisher.files[f"/data/{name}"] = THINGS
    proposal = prepare_proposal(project, "things", f"{publisher.url}/data/", Given(data_source="web"))
    assert proposal.sample.publisher_name == "things-2026-02-02.csv"
    # none for the one in a folder, which matches, too
    assert [doubt.about for doubt in harmful_doubts_of(proposal)] == ["delivery_type"]
    write(project, proposal)
    assert sorted(offers(project, "things")) == names


def test_a_connection_that_is_there_is_used_and_stays(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "things.csv").write_bytes(THINGS)
    monkeypatch.setenv("TOWN_FILES", str(tmp_path / "files"))
    seeds = project.seeds
    for table, row in (
        ("data_source", "town,local_files,Files of the town"),
        ("conn_str", "town_files,town,,,,,,,${TOWN_FILES}"),
    ):
        path = seeds / f"{table}.csv"
        path.write_text(path.read_text() + row + "\n")
    before = (seeds / "conn_str.csv").read_text()
    write(project, prepare_proposal(project, "things", "town_files", Given()))
    assert (seeds / "conn_str.csv").read_text() == before
    assert read_catalog(seeds).sources["things"].data_source.name == "town"


def test_an_address_that_does_not_answer_is_told(project: Project, publisher: Publisher) -> None:
    publisher.scripts["/gone.csv"] = [Answer(404)]
    with pytest.raises(PublisherError, match="404"):
        prepare_proposal(project, "things", f"{publisher.url}/gone.csv", Given())
    publisher.page("/empty/", "nothing")
    with pytest.raises(NewSourceRefused, match="no file of data"):
        prepare_proposal(project, "things", f"{publisher.url}/empty/", Given())


def test_an_api_that_is_connected_is_read_as_it_will_be(project: Project, publisher: Publisher) -> None:
    seeds = project.seeds
    for table, row in (
        ("data_source", "shop,rest_api,The shop"),
        ("conn_api", f"shop_api,shop,,{publisher.url}/v1,GET,false,,,none,,,,,,,"),
    ):
        path = seeds / f"{table}.csv"
        path.write_text(path.read_text() + row + "\n")
    records = b'{"total": 2, "data": [{"id": 1, "at": {"lat": 1.5}}, {"id": 2, "at": {"lat": 2.25}}]}'
    publisher.files["/v1/orders"] = records
    given = Given(options={"endpoint": "orders", "record_path": "data"})
    proposal = prepare_proposal(project, "orders", "shop_api", given)
    assert [(a.column.name, a.typed.datatype) for a in proposal.attributes] == [
        ("id", "text"),
        ("at.lat", "numeric"),
    ]
    assert proposal.options == {"endpoint": "orders", "record_path": "data"}
    write(project, proposal)
    source = read_catalog(seeds).sources["orders"]
    assert source.conn_api is not None
    assert (source.conn_api.name, source.delivery_type, source.data_source.name) == (
        "shop_api",
        "snapshot",
        "shop",
    )


def test_an_api_that_is_asked_for_changes_needs_to_be_told_where_they_stand(
    project: Project, publisher: Publisher
) -> None:
    for table, row in (
        ("data_source", "shop,rest_api,The shop"),
        ("conn_api", f"shop_api,shop,,{publisher.url}/v1,GET,false,,,none,,,,,,true,since"),
    ):
        path = project.seeds / f"{table}.csv"
        path.write_text(path.read_text() + row + "\n")
    publisher.files["/v1"] = b'[{"id": 1, "changed": "2026-03-01"}]'
    with pytest.raises(NewSourceRefused, match=r"expected where each record says .* --option watermark_path"):
        prepare_proposal(project, "orders", "shop_api", Given())
    given = Given(options={"watermark_path": "changed"})
    assert prepare_proposal(project, "orders", "shop_api", given).delivery_type == "delta"
