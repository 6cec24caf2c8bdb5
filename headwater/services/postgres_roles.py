"""Roles of the embedded Postgres: their statements, run in single-user mode before anybody can connect.

Clients connect as one role, which owns Headwater's database and may create others, and is no superuser. The
superuser that `initdb` created has no password and cannot log in: to use it, stop the server and run
`postgres --single` as the owner of the data folder. So no client can run a program or read a file of the
server's account. In a data folder of an earlier version that role is the superuser, whose rights Postgres
never removes: it is renamed, and a new role gets its name and its objects.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headwater.metadata.sql_text import sql_literal

USER = "headwater"
DATABASE = "headwater"
SUPERUSER = "headwater_superuser"

# authentication: nobody without a password, and the superuser not at all
HBA = f"""\
# Written by Headwater; what is changed here is written anew at the next start.
local all all reject
host all {SUPERUSER} all reject
host all all 127.0.0.1/32 scram-sha-256
"""

_RENAME_SUPERUSER = f"""
do $$ begin
    if (select rolname from pg_roles where oid = 10) <> {sql_literal(SUPERUSER)} then
        execute 'drop role if exists headwater_interim';
        execute 'create role headwater_interim superuser';
        execute 'set session authorization headwater_interim';
        execute format('alter role %I rename to {SUPERUSER}', (select rolname from pg_roles where oid = 10));
        execute 'set session authorization {SUPERUSER}';
        execute 'drop role headwater_interim';
    end if;
end $$
"""

# Everybody could connect to an earlier version, and may have left a backdoor.
_ONE_SUPERUSER = """
do $$ declare one record; begin
    for one in select rolname from pg_roles where rolsuper and oid <> 10 loop
        execute format('alter role %I nosuperuser', one.rolname);
    end loop;
    for one in
        select granted.rolname as granted, member.rolname as member
        from pg_auth_members
        inner join pg_roles as granted on granted.oid = roleid
        inner join pg_roles as member on member.oid = pg_auth_members.member
        where granted.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
    loop
        execute format('revoke %I from %I cascade', one.granted, one.member);
    end loop;
end $$
"""

_MAKE_USER = f"""
do $$ begin
    if not exists (select from pg_roles where rolname = {sql_literal(USER)}) then
        execute 'create role {USER}';
    end if;
end $$
"""

_GIVE_DATABASES = f"""
do $$ declare one record; begin
    for one in select datname from pg_database where datdba = 10 and not datistemplate and datname <> 'postgres' loop
        execute format('alter database %I owner to {USER}', one.datname);
    end loop;
end $$
"""

# Postgres keeps no list of the superuser's objects, so REASSIGN OWNED does not find them.
_GIVE_OBJECTS = f"""
do $$ declare one record; begin
    for one in
        select 'schema' as kind, format('%I', nspname) as name, 'pg_namespace'::regclass as catalog, oid
        from pg_namespace
        where nspowner = 10 and nspname !~ '^pg_'
        union all
        select
            case relkind
                when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                when 'f' then 'foreign table' when 'c' then 'type' else 'table'
            end,
            format('%I.%I', nspname, relname), 'pg_class'::regclass, pg_class.oid
        from pg_class
        inner join pg_namespace on pg_namespace.oid = relnamespace
        where relowner = 10 and relkind in ('r', 'p', 'v', 'm', 'f', 'c', 'S') and nspname !~ '^pg_'
            and not (relkind = 'S' and exists (
                select from pg_depend
                where classid = 'pg_class'::regclass and objid = pg_class.oid
                    and refclassid = 'pg_class'::regclass and deptype in ('a', 'i')
            ))
        union all
        select
            'routine', format('%I.%I(%s)', nspname, proname, pg_get_function_identity_arguments(pg_proc.oid)),
            'pg_proc'::regclass, pg_proc.oid
        from pg_proc
        inner join pg_namespace on pg_namespace.oid = pronamespace
        where proowner = 10 and nspname !~ '^pg_'
        union all
        select 'type', format('%I.%I', nspname, typname), 'pg_type'::regclass, pg_type.oid
        from pg_type
        inner join pg_namespace on pg_namespace.oid = typnamespace
        where typowner = 10 and typtype in ('d', 'e', 'r') and nspname !~ '^pg_'
        union all
        select 'statistics', format('%I.%I', nspname, stxname), 'pg_statistic_ext'::regclass, pg_statistic_ext.oid
        from pg_statistic_ext
        inner join pg_namespace on pg_namespace.oid = stxnamespace
        where stxowner = 10
        union all
        select 'collation', format('%I.%I', nspname, collname), 'pg_collation'::regclass, pg_collation.oid
        from pg_collation
        inner join pg_namespace on pg_namespace.oid = collnamespace
        where collowner = 10 and nspname !~ '^pg_'
        union all
        select 'large object', oid::text, 'pg_largeobject'::regclass, oid
        from pg_largeobject_metadata
        where lomowner = 10
    loop
        continue when one.oid < 16384 or exists (
            select from pg_depend where classid = one.catalog and objid = one.oid and deptype = 'e'
        );
        execute format('alter %s %s owner to {USER}', one.kind, one.name);
    end loop;
end $$
"""

# in hexadecimal, since a name may contain any character
LIST_DATABASES = (
    "select encode(convert_to(datname, 'UTF8'), 'hex') as name_in_hex from pg_database"
    " where datallowconn and not datistemplate"
)


def statements(password: str) -> list[str]:
    """Return statements for the database `postgres`, after which only `USER` with `password` can connect."""
    return [
        _RENAME_SUPERUSER,
        _ONE_SUPERUSER,
        f"alter role {SUPERUSER} password null",
        _MAKE_USER,
        f"alter role {USER} login nosuperuser createdb createrole noreplication nobypassrls"
        f" password {sql_literal(password)}",
        f"grant pg_checkpoint, pg_monitor, pg_signal_backend to {USER}",
        _GIVE_DATABASES,
    ]


def statements_of_database() -> list[str]:
    """Return statements for each database of the user, after which the user owns its objects."""
    return [_GIVE_OBJECTS]


def as_input(of: Sequence[str]) -> str:
    """Return statements as the input of a server in single-user mode: one per line."""
    return "".join(" ".join(statement.split()) + "\n" for statement in of)


def databases(message: str) -> list[str]:
    """Return the names of databases from the server's output for `LIST_DATABASES`."""
    return [bytes.fromhex(name).decode() for name in re.findall(r'name_in_hex = "([0-9a-f]+)"', message)]
