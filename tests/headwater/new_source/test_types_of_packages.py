"""Samples of source types that packages bring: by their own sampler, by what they offer, or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.metadata.errors import ExtensionUnusable, NewSourceRefused
from headwater.metadata.static.source_types import require_type
from headwater.new_source.begin import Given, prepare_proposal
from headwater.project import Project
from tests.headwater.new_source.test_connected import connect
from tests.support.packages import Install, installing

DECLARED = """
from datetime import UTC, datetime
import headwater.extract as hw
def discover(source):
    for day in (1, 2):
        yield hw.Offer(f"day-{day}", "", datetime(2026, 1, day, tzinfo=UTC), {}, fetch)
def fetch(offer, sink):
    sink.write(f"id,name\\n1,{offer.publisher_name}\\n".encode())
    return offer
def sample(source, sink):
    sink.write(b"id,name,line\\n1,a,7\\n2," + source.options["ftp_folder"].encode() + b",8\\n")
    return hw.Sampled("some of them", is_whole=False)
SOURCE_TYPE = hw.SourceType(
    name="ftp", description="files of an FTP server", discover=discover, options={"ftp_folder": hw.Option()},
"""


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    with pytest.MonkeyPatch.context() as patch, installing(tmp_path / "packages", patch) as found:
        yield found


@pytest.fixture
def depot(project: Project) -> Project:
    """A project that is connected to a publisher of the type `ftp`."""
    connect(project, data_source="depot,ftp,Files of the depot", conn_str="depot,depot,ftp.example.org,,,,,,")
    return project


def declare(install: Install, sampling: str) -> None:
    install("ftp-files", f"{DECLARED}{sampling})\n", sources={"ftp": "ftp_files:SOURCE_TYPE"})


def test_a_type_that_says_nothing_is_sampled_by_its_newest_offer(depot: Project, install: Install) -> None:
    declare(install, "")
    proposal = prepare_proposal(depot, "parts", "depot", Given())
    assert proposal.sample.publisher_name == "day-2"
    assert [column.values for column in (a.column for a in proposal.attributes)] == [["1"], ["day-2"]]


def test_a_sampler_of_the_type_is_asked_and_its_conclusions_are_proposed(
    depot: Project, install: Install
) -> None:
    declare(
        install,
        "sampling=hw.Sampling(sample='ftp_files:sample', key='id', columns_left_out=('line',), holds_changes=True,"
        " tells_delivery_type=True)",
    )
    proposal = prepare_proposal(depot, "parts", "depot", Given(options={"ftp_folder": "out"}))
    assert (proposal.sample.publisher_name, proposal.sample.is_whole) == ("some of them", False)
    assert [a.target_name for a in proposal.attributes] == ["id", "name"]
    assert (proposal.key, proposal.delivery_type) == (["id"], "delta")
    assert proposal.options == {"ftp_folder": "out"}


def test_a_type_without_sampling_is_refused_with_the_way_that_is_left(
    depot: Project, install: Install
) -> None:
    declare(install, "sampling=None")
    message = (
        "^depot: sources of the type ftp cannot be sampled, since the type declares no sampling;"
        " expected a connection of another type, or the rows of the seeds by hand$"
    )
    with pytest.raises(NewSourceRefused, match=message):
        prepare_proposal(depot, "parts", "depot", Given())


def test_a_sampler_that_is_no_name_of_a_function_is_a_flaw_of_the_type(install: Install) -> None:
    declare(install, "sampling=hw.Sampling(sample='ftp_files')")
    with pytest.raises(
        ExtensionUnusable, match=r'has the sampling.sample "ftp_files", expected a function, or'
    ):
        require_type("ftp")
