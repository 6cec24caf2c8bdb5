"""The source type `git_files`: a file of a git repository, of which each commit that changed it is a delivery.

The conn_str's file_path is a clone on this machine, which somebody else keeps up to date; a bare one does, too.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import headwater.extract as hw

DATES = {"committer": "%cI", "author": "%aI"}


def discover(source: hw.Source) -> Iterator[hw.Offer]:
    """The commits of the branch in which the file is new or another one, the first one first."""
    path, repository = source.options["git_path"], _repository(source)
    dated = DATES[source.options.get("git_date", "committer")]
    log = ("log", "--first-parent", "-m", "--reverse", "--diff-filter=AM", f"--format=%H {dated}")
    lines = _git(source, *log, "--end-of-options", source.options.get("git_ref", "HEAD"), "--", path)
    for number, line in enumerate(lines.decode().splitlines(), start=1):
        commit, date = line.split()
        name = f"{number:06}-{commit[:12]}-{Path(path).name}"  # numbered: of one second the later commit is the last
        delivery_date = datetime.fromisoformat(date).astimezone(UTC)
        address = f"{repository}#{commit}:{path}"
        yield hw.Offer(name, address, delivery_date, {"etag": commit}, fetch_by_address(source))


def fetch_by_address(source: hw.Source) -> hw.Fetch:
    """The way to fetch a commit's file of which only the address is known."""
    return partial(_fetch, source)


def _fetch(source: hw.Source, offer: hw.Offer, sink: hw.Sink) -> hw.Offer:
    sink.restart()
    sink.write(_git(source, "show", "--end-of-options", offer.address.rpartition("#")[2]))
    return offer


def _git(source: hw.Source, *command: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", _repository(source), *command], capture_output=True, check=True)
    except FileNotFoundError:
        raise hw.PublisherError(f"{source.name}: no git here, expected the program") from None
    except subprocess.CalledProcessError as error:
        message = error.stderr.decode(errors="replace").strip()
        raise hw.PublisherError(f"{source.name}: git {command[0]} fails: {message}") from None
    return done.stdout


def _repository(source: hw.Source) -> str:
    return hw.expand((source.conn_str and source.conn_str.file_path) or "", source)


def check_source(source: hw.SourceParts, _: hw.Seeds, problems: hw.Problems) -> None:
    """A source says which file is meant."""
    if "git_path" not in source.options:
        source.blame(problems, "source", f'"{source.name}" has no git_path', "the path of its file")


SOURCE_TYPE = hw.SourceType(
    name="git_files",
    description="a file of a git repository, of which each commit that changed it is a delivery",
    discover=discover,
    fetch_by_address=fetch_by_address,
    connection_needs=("file_path",),
    options={"git_path": hw.Option(), "git_ref": hw.Option(), "git_date": hw.Option("choice", tuple(DATES))},
    check_source=check_source,
    dataset_name=lambda source: hw.DatasetName(f"git://{_repository(source)}", source.options["git_path"]),
)
