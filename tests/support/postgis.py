"""A PostgreSQL with PostGIS, which the embedded one lacks: found where a package of this machine has put it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from headwater.services.accounts import account_for
from headwater.services.postgres_roles import as_input

VARIABLE = "POSTGIS_BINARIES"
OLDEST = 16  # that Headwater supports
PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")
MISSING = (
    f"no PostgreSQL {OLDEST} or newer with PostGIS here: install one such as postgresql-17-postgis-3 of Debian, or set"
    f" {VARIABLE} to the folder of its programs"
)


def find_binaries() -> Path | None:
    """Return the folder of programs of the newest PostgreSQL that has PostGIS; None where there is none."""
    return max(_candidates(), default=(0, None))[1]


def _candidates() -> Iterator[tuple[int, Path]]:
    named = os.environ.get(VARIABLE)
    folders = [Path(named)] if named else [found for place in PLACES for found in Path("/").glob(place)]
    for folder in folders:
        try:
            answer = _answer(folder / "pg_config", "--version", "--sharedir")
        except OSError:
            continue
        version, share = answer.splitlines()
        major = int(version.split()[1].partition(".")[0])
        if major >= OLDEST and (Path(share) / "extension" / "postgis.control").is_file():
            yield major, folder


def create_extension(programs: Path, data: Path) -> None:
    """Put PostGIS into the template of all databases of a stopped server. Only its superuser may, who cannot log in."""
    account = account_for(data, programs / "initdb")
    subprocess.run(
        [*account.prefix, str(programs / "postgres"), "--single", "-D", str(data / "cluster"), "template1"],
        input=as_input(["create extension postgis"]).encode(),
        capture_output=True,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        user=account.user,
        group=account.group,
        extra_groups=[] if account.is_switched else None,
        check=True,
    )


def _answer(*command: object) -> str:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=True).stdout
