"""Killing a run anywhere and running again gives the same tables as never having been killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extract.store import ObjectStore
from headwater.project import Project
from headwater.services import children, postgres
from headwater.services.home import make_home
from metadata.connection import engine
from metadata.process.jobs import CLOSED_BY_NEXT_RUN
from tests.conftest import PROJECT, administer, point_to
from tests.pipeline.conftest import UNDISTURBED
from tests.pipeline.line import Line, cities, prices
from tests.pipeline.project import FOLDER

RUN = """
import os, signal, sys
from pathlib import Path
from headwater.project import Project
from headwater.run import run

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

{plant}
run(Project(Path(sys.argv[1]), Path(sys.argv[2])), ["cities", "prices"], print)
"""
WHEN_DBT_SAYS = """
from dbt.adapters.sql import SQLConnectionManager
proper = SQLConnectionManager.add_query
def add_query(self, sql, *args, **kwargs):
    if {said!r} in sql:
        die()
    return proper(self, sql, *args, **kwargs)
SQLConnectionManager.add_query = add_query
"""
MOMENTS = {
    "between the object and its manifest": "import extract.land\nextract.land.to_json = die",
    "between the manifest and the rows": "import extract.land\nextract.land.register_landed = die",
    "between COPY and its commit": "import extract.load_raw\nextract.load_raw.record_layer = die",
    "between staged rows and their commit": WHEN_DBT_SAYS.format(said="analyze \"" + "{db}" + "\".\"staging\""),
    "between a verdict's rows and its event": "import headwater.checks.run\nheadwater.checks.run.record_event = die",
    "between new versions and their commit": WHEN_DBT_SAYS.format(said="create temporary table tally"),
}


def deliver_all(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}))
    line.deliver("cities", cities(2, {"a": ("A", 2)}, unreadable=["b"]), "b,B,many,x")
    line.deliver("prices", prices(1, {("x", 1): (Decimal(1),), ("x", 2): (Decimal(2),)}))
    line.deliver("prices", prices(2, {("x", 1): (Decimal(3),)}, removed=[("x", 2)]))
