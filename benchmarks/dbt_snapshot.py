"""dbt snapshot as its documentation has it: check strategy, all columns, hard deletes invalidate."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.data import KEY
from benchmarks.ours import ChangeCounts
from benchmarks.servers import Database

DELIVERED = "bench.delivered"
TABLE = "snapshots.customers"

_FILES = {
    "dbt_project.yml": """
name: peer
version: 1.0.0
profile: peer
flags:
  send_anonymous_usage_stats: false
""",
    "profiles.yml": """
peer:
  target: bench
  outputs:
    bench:
      type: postgres
      host: "{{ env_var('PGHOST') }}"
      port: "{{ env_var('PGPORT', '5432') | as_number }}"
      user: "{{ env_var('PGUSER') }}"
      password: "{{ env_var('PGPASSWORD', '') }}"
      dbname: "{{ env_var('PGDATABASE') }}"
      schema: bench
      threads: 1
""",
    "models/sources.yml": """
sources:
  - name: bench
    tables:
      - name: delivered
""",
    "snapshots/customers.yml": f"""
snapshots:
  - name: customers
    relation: source('bench', 'delivered')
    config:
      schema: snapshots
      unique_key: {KEY}
      strategy: check
      check_cols: all
      hard_deletes: invalidate
""",
    "macros/generate_schema_name.sql": """
{% macro generate_schema_name(custom_schema_name, node) %}{{ custom_schema_name or target.schema }}{% endmacro %}
""",
}


class DbtSnapshot:
    """A dbt project in `folder`, run by the dbt in `programs`."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder, self._programs = folder, programs
        for name, text in _FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)

    def load(self) -> float:
        """Take a snapshot of `DELIVERED`; return the seconds of the node as dbt reports them, without start-up."""
        command = [str(self._programs / "dbt"), "snapshot", "--project-dir", ".", "--profiles-dir", "."]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"dbt snapshot failed:\n{done.stdout}{done.stderr}")
        [result] = json.loads((self._folder / "target" / "run_results.json").read_text())["results"]
        return float(result["execution_time"])


def change_counts(database: Database) -> ChangeCounts:
    """Return the changes of the second of two snapshots."""
    last = f"(select max(dbt_valid_from) from {TABLE})"
    begun = database.number(f"select count(*) from {TABLE} where dbt_valid_from = {last}")
    ended = f"select count(*) from {TABLE} as version where dbt_valid_to is not null and {{}} exists"
    again = f"(select from {TABLE} as later where later.{KEY} = version.{KEY} and later.dbt_valid_to is null)"
    changed = database.number(f"{ended.format('')} {again}")
    removed = database.number(f"{ended.format('not')} {again}")
    current = database.number(f"select count(*) from {TABLE} where dbt_valid_to is null")
    return ChangeCounts(new=begun - changed, changed=changed, removed=removed, unchanged=current - begun)
