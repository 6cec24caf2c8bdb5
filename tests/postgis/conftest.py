"""A server with PostGIS in place of the embedded one, for all tests of this folder; skipped where there is none."""

from __future__ import annotations

import pytest

from headwater.services import postgres
from tests.conftest import FAST, TestServers, template_database
from tests.macros.conftest import history_lab
from tests.support.postgis import MISSING, create_extension, find_binaries

# made once more for this folder, because they hang on its server
__all__ = ["history_lab", "template_database"]


@pytest.fixture(scope="session")
def postgres_server(servers: TestServers) -> postgres.Server:
    """A server whose every new database has PostGIS."""
    programs = find_binaries()
    if programs is None:
        pytest.skip(MISSING)
    folder, log = servers.folder / "postgis", servers.folder / "postgis.log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "binaries", lambda: programs)
        postgres.stop_server(postgres.start(folder, log, settings=FAST).process)
        create_extension(programs, folder)
        server = postgres.start(folder, log, settings=FAST)
    servers.remember("postgis", server.process)
    return server
