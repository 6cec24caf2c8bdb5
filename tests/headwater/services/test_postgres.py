"""The embedded Postgres lets in one role by its password, which is no superuser, and keeps what an open one held."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from headwater.metadata.errors import ServiceError
from headwater.services import postgres, postgres_roles
from headwater.services.postgres import Server
from headwater.services.private_files import write_private

pytestmark = pytest.mark.usefixtures("starts_servers")

FAST = {"fsync": "off"}
REFUSED = r"authentication failed|no password supplied|pg_hba\.conf rejects"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("closed")
    started = postgres.start(folder / "pg", folder / "log", settings=FAST)
    yield started
    postgres.stop_server(started.process)


def query(server: Server, statement: str, **where: Any) -> list[tuple[Any, ...]]:
    place = {"user": "headwater", "dbname": "headwater", "passfile": str(server.passfile), **where}
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, **place)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@pytest.mark.parametrize("user", ["headwater", "headwater_superuser", "postgres"])
@pytest.mark.parametrize("password", [None, "headwater", ""])
def test_without_the_password_nobody_comes_in(server: Server, user: str, password: str | None) -> None:
    with pytest.raises(psycopg2.OperationalError, match=REFUSED):
        query(server, "select 1", user=user, password=password, passfile="/nowhere")


def test_the_superuser_has_no_way_in_whoever_knows_the_password(server: Server) -> None:
    with pytest.raises(psycopg2.OperationalError, match=r"pg_hba\.conf rejects"):
        query(server, "select 1", user=postgres_roles.SUPERUSER, password=server.password)


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1) to program 'id'",
        "select pg_read_file('/etc/hostname')",
        "copy (select 1) to '/tmp/headwater-was-here'",
        "create function run() returns int language c as '/tmp/x.so', 'run'",
        "alter system set archive_command = 'id'",
        "alter role headwater superuser",
        "grant pg_execute_server_program to headwater",
        "set role headwater_superuser",
        "create extension file_fdw",
    ],
)
def test_our_own_role_runs_no_program_and_reads_no_file_of_the_server(server: Server, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        query(server, statement)


def test_our_own_role_does_what_an_owner_does(server: Server) -> None:
    for statement in (
        "create schema own", "create table own.kept as select 1 as one", "create extension btree_gist",
        "create role reader login password 'of a reader'", "grant usage on schema own to reader",
        "grant select on own.kept to reader", "create database another", "drop database another with (force)",
        "checkpoint", "drop extension btree_gist",
    ):  # fmt: skip
        query(server, statement)
    assert query(server, "select one from own.kept", user="reader", password="of a reader") == [(1,)]
    query(server, "revoke all on own.kept from reader")
    query(server, "revoke all on schema own from reader")
    query(server, "drop role reader")


def test_a_vacuum_in_the_background_does_not_keep_a_database_from_being_dropped(tmp_path: Path) -> None:
    slow = {
        "autovacuum_naptime": "1", "autovacuum_vacuum_cost_delay": "100ms", "autovacuum_vacuum_cost_limit": "1",
    }  # fmt: skip
    server = postgres.start(tmp_path / "pg", tmp_path / "log", settings={**FAST, **slow})
    try:
        query(server, "create database another")
        query(
            server,
            "create table x as select n, repeat('a', 500) as a from generate_series(1, 100000) as n",
            dbname="another",
        )
        query(server, "delete from x where n % 2 = 0", dbname="another")
        vacuums = (
            "select 1 from pg_stat_activity where datname = 'another' and backend_type = 'autovacuum worker'"
        )
        while not query(server, vacuums):
            pass
        query(server, "drop database another with (force)")
    finally:
        postgres.stop_server(server.process)


def test_the_password_is_the_owners_alone_and_new_at_each_start(tmp_path: Path) -> None:
    passwords = set()
    for _ in range(2):
        server = postgres.start(tmp_path / "pg", tmp_path / "log", settings=FAST)
        passwords.add(server.password)
        postgres.stop_server(server.process)
        assert stat.S_IMODE(server.passfile.stat().st_mode) == 0o600
    assert len(passwords) == 2
    assert not any(one in (tmp_path / "log").read_text() for one in passwords)


def test_a_lost_password_is_said_at_once_and_made_anew_at_the_next_start(tmp_path: Path) -> None:
    server = postgres.start(tmp_path / "pg", tmp_path / "log", settings=FAST)
    server.passfile.write_text(f"127.0.0.1:{server.port}:*:headwater:another\n")
    with pytest.raises(ServiceError, match=r"does not take the password.*headwater down"):
        postgres.wait_until_ready(server)
    postgres.stop_server(server.process)
    again = postgres.start(tmp_path / "pg", tmp_path / "log", settings=FAST)
    assert query(again, "select current_user") == [("headwater",)]
    postgres.stop_server(again.process)


FILL = [
    "create database headwater",
    "create database airflow",
    "create role intruder superuser login password 'known'",
    "create role helper login password 'known'",
    "grant pg_execute_server_program to helper",
]
FILL_DATABASE = [
    'create schema "odd ""name"""',
    'create table "odd ""name"""."T 1"'
    " (id serial primary key, at timestamptz generated always as (identity_of(id)) stored)",
    'insert into "odd ""name"""."T 1" default values',
    'create view seen as select * from "odd ""name"""."T 1"',
    "create materialized view kept as select 1 as one",
    "create type mood as enum ('well', 'unwell')",
    "create domain positive as int check (value > 0)",
    "create type pair as (a int, b int)",
    "create sequence numbers",
    "create statistics n_and_m on n, m from measured",
    "create procedure act() language sql as 'select 1'",
    "create aggregate total(int) (sfunc = int4pl, stype = int, initcond = 0)",
    "create extension btree_gist",
    "select lo_create(4711)",
    "create table parted (n int, day date) partition by range (day)",
    "create table parted_1 partition of parted for values from ('2026-01-01') to ('2026-02-01')",
]


@pytest.fixture
def open_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder as earlier versions made it: its owner, Postgres' own superuser, is let in without a password."""
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "SUPERUSER", "headwater")
        patch.setattr(postgres, "_close", trust)
        patch.setattr(postgres, "_create_database", lambda _server: None)
        server = postgres.start(tmp_path / "pg", tmp_path / "log", settings=FAST)
        try:
            for statement in FILL:
                query(server, statement, dbname="postgres")
            query(
                server,
                "create function identity_of(int) returns timestamptz immutable language sql as 'select now()'",
            )
            query(server, "create table measured (n int, m int)")
            for statement in FILL_DATABASE:
                query(server, statement)
            query(server, "create table dag (dag_id text); insert into dag values ('a')", dbname="airflow")
        finally:
            postgres.stop_server(server.process)
    server.passfile.unlink()
    return tmp_path / "pg"


def trust(server: Any, data: Path, _port: int) -> None:
    (server.cluster / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
    write_private(postgres.passfile_of(data), "")


NOT_OURS = """
select pg_describe_object(classid, objid, 0) from (
    select 'pg_class'::regclass as classid, oid as objid, relowner as owner from pg_class
        where relnamespace not in (select oid from pg_namespace where nspname ~ '^pg_')
    union all select 'pg_namespace'::regclass, oid, nspowner from pg_namespace where nspname !~ '^pg_'
    union all select 'pg_proc'::regclass, oid, proowner from pg_proc
    union all select 'pg_type'::regclass, oid, typowner from pg_type
        where typnamespace not in (select oid from pg_namespace where nspname ~ '^pg_') and typcategory <> 'A'
    union all select 'pg_statistic_ext'::regclass, oid, stxowner from pg_statistic_ext
    union all select 'pg_largeobject'::regclass, oid, lomowner from pg_largeobject_metadata
) as owned
where objid >= 16384 and owner <> 'headwater'::regrole
    and not exists (select from pg_depend where classid = owned.classid and objid = owned.objid and deptype = 'e')
"""


def test_a_data_folder_that_was_open_is_closed_at_the_next_start_and_its_data_kept(
    open_cluster: Path,
) -> None:
    for _ in range(2):  # the second time there is nothing left to do
        server = postgres.start(open_cluster, open_cluster.parent / "log", settings=FAST)
        try:
            assert query(server, 'select id from "odd ""name"""."T 1"') == [(1,)]
            assert query(server, "select id from seen") == [(1,)]
            assert query(server, "select dag_id from dag", dbname="airflow") == [("a",)]
            assert query(server, NOT_OURS) == []
            assert query(server, NOT_OURS, dbname="airflow") == []
            query(server, 'alter table "odd ""name"""."T 1" add column another int')
            query(server, 'alter table "odd ""name"""."T 1" drop column another')
            assert query(server, "select rolname from pg_roles where rolsuper") == [("headwater_superuser",)]
            for user, password in (("headwater", None), ("intruder", "known")):
                with pytest.raises((psycopg2.OperationalError, psycopg2.errors.InsufficientPrivilege)):
                    query(
                        server,
                        "copy (select 1) to program 'id'",
                        user=user,
                        password=password,
                        passfile="/nowhere",
                    )
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                query(server, "copy (select 1) to program 'id'", user="helper", password="known")
            with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
                query(server, "select 1", passfile="/nowhere")
        finally:
            postgres.stop_server(server.process)


def test_a_start_that_was_killed_while_it_closed_a_data_folder_is_made_up_for(
    open_cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed() -> list[str]:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(postgres_roles, "statements_of_database", killed)
        with pytest.raises(Killed):
            postgres.start(open_cluster, open_cluster.parent / "log", settings=FAST)
    server = postgres.start(open_cluster, open_cluster.parent / "log", settings=FAST)
    try:
        assert query(server, NOT_OURS) == []
    finally:
        postgres.stop_server(server.process)


def test_no_password_of_the_user_for_other_servers_is_in_the_way(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headwater.services.environment import POSTGRES, variables

    for name, value in variables(
        POSTGRES, server.port, {"PGPASSWORD": "of another"}, server.passfile
    ).items():
        monkeypatch.setenv(name, value)
    connection = psycopg2.connect("")
    assert connection.info.user == "headwater"
    connection.close()
    assert os.environ["PGPASSWORD"] == ""
