"""Root finds a user for Postgres."""

import os
from pathlib import Path

import pytest

from headwater.metadata.errors import ServiceError
from headwater.services import accounts, postgres
from headwater.services.accounts import Account
from headwater.services.processes import is_alive

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user is never changed")


@pytest.mark.skipif(os.geteuid() == 0, reason="root is always changed")
def test_an_ordinary_user_stays_who_it_is(tmp_path: Path) -> None:
    assert accounts.account_for(tmp_path, Path("/bin/sh")) == Account(os.geteuid(), os.getegid())


FAST = {"fsync": "off"}


@as_root
@pytest.mark.usefixtures("starts_servers")
@pytest.mark.parametrize("program", [None, "unshare", "setpriv"], ids=["any way", "unshare", "setpriv"])
def test_postgres_runs_in_a_folder_that_others_cannot_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None
) -> None:
    ways = [way for way in accounts._ways_for_root() if program is None or way.prefix[:1] == (program,)]
    monkeypatch.setattr(accounts, "_ways_for_root", lambda: iter(ways))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    try:
        server = postgres.start(closed / "pg", tmp_path / "log", settings=FAST)
    except ServiceError as error:
        if program is not None and "does not run as root" in str(error):
            pytest.skip(f"{program} is not allowed to do this here")
        raise
    assert is_alive(server.process)
    postgres.stop_server(server.process)


@as_root
@pytest.mark.usefixtures("starts_servers")
def test_data_goes_with_the_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "closed" / "pg"
    data.parent.mkdir(mode=0o700)
    for program in ("unshare", "setpriv", "unshare"):
        ways = [way for way in accounts._ways_for_root() if way.prefix[:1] == (program,)]
        with monkeypatch.context() as patch:
            patch.setattr(accounts, "_ways_for_root", lambda ways=ways: iter(ways))
            try:
                server = postgres.start(data, tmp_path / "log", settings=FAST)
            except ServiceError as error:
                if "does not run as root" in str(error):
                    pytest.skip(f"{program} is not allowed to do this here")
                raise
        postgres.stop_server(server.process)


@as_root
def test_root_is_told_when_there_is_no_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_ways_for_root", lambda: iter(()))
    with pytest.raises(ServiceError, match="Postgres does not run as root"):
        accounts.account_for(tmp_path, Path("/bin/sh"))
