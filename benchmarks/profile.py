"""The seconds of statements by pg_stat_statements, if the server has loaded it and the user may create or read it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchmarks.servers import Database

SHOWN = 8
_LENGTH = 78


@dataclass(frozen=True)
class Statement:
    """One statement of a profile; `text` is how it begins."""

    seconds: float
    calls: int
    text: str


class Profile:
    """The profile of one database since `begin`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        loaded = "current_setting('shared_preload_libraries') like '%pg_stat_statements%'"
        may_create = (
            "((select rolsuper from pg_roles where rolname = current_user)"
            " or exists (select from pg_extension where extname = 'pg_stat_statements'))"
        )
        self._is_there = database.number(f"select ({may_create} and {loaded})::int") == 1
        if self._is_there:
            database.execute("create extension if not exists pg_stat_statements")

    def begin(self) -> None:
        """Reset the statistics."""
        if self._is_there:
            self._database.rows("select pg_stat_statements_reset()")

    def statements(self) -> list[Statement]:
        """Return the statements with the most seconds since, longest first."""
        if not self._is_there:
            return []
        rows = self._database.rows(
            "select total_exec_time / 1000, calls, query from pg_stat_statements"
            " where dbid = (select oid from pg_database where datname = current_database())"
            " and query not like '%pg_stat_statements%' and total_exec_time > 1"
            f" order by 1 desc limit {SHOWN}"
        )
        return [Statement(float(str(s)), int(str(calls)), beginning(str(text))) for s, calls, text in rows]


def beginning(text: str) -> str:
    """Return the beginning of a statement for a table, without comments and the name of the database."""
    without_comments = re.sub(r"/\*.*?\*/|--[^\n]*", " ", text, flags=re.DOTALL)
    without_database = re.sub(r'"headwater_bench_\w+"\.', "", without_comments)
    words = " ".join(without_database.replace("|", " ").replace("`", "").split())
    return words if len(words) <= _LENGTH else words[:_LENGTH] + " …"
