"""dbt in this process: parses the project once, and runs once per layer for all sources together."""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.dbt_project.dry_run import DryRunResult, dry_run_result
from headwater.dbt_project.model_files import ModelFiles, models_of
from headwater.dbt_project.package import link_package
from headwater.dbt_project.parsed_projects import Parsed, ParsedProjects
from headwater.dbt_project.parsing_state import begin_with_known_state
from headwater.dbt_project.project_subset import project_subset
from headwater.dbt_project.raised import error_of, raised
from headwater.home import locked
from headwater.metadata.connection import session_lock, session_options
from headwater.metadata.errors import HeadwaterError, LoadFailed
from headwater.metadata.failures import refusal_in
from headwater.metadata.sql_text import sql_literal
from headwater.metadata.static.naming import PREFIXES

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

PROFILE, TARGET = "headwater", "environment"  # of profiles/profiles.yml
# dbt would list the tables of each schema of the project, on a connection each; our materializations do not ask for
# them, and when a mart does, dbt lists those of its schema
NO_CACHE_AHEAD = "--no-populate-cache"
NO_ARTIFACTS = "--no-write-json"

_PARSED = ParsedProjects()


@dataclass(frozen=True)
class ModelOutcome:
    """The result of one model of a dbt run, and its duration; `error` is None on success.

    `rows` is Postgres' row count of a created table; None for anything else.
    """

    name: str
    error: HeadwaterError | None
    seconds: float
    rows: int | None = None


class Dbt:
    """The dbt project in `root`, on the database of libpq's variables.

    `run_id` names the run whose job instance owns the written rows: that of the source's job, or of another
    `job`. For some `sources`, dbt reads only their models. It runs `threads` models at once, by default as
    many as its profile says.
    """

    def __init__(
        self,
        root: Path,
        home: Path,
        run_id: str,
        *,
        job: str | None = None,
        sources: Collection[str] | None = None,
        threads: int | None = None,
    ) -> None:
        os.environ.setdefault("DO_NOT_TRACK", "1")
        self._root, self._home, self._run_options = root, home, run_options(run_id, job)
        self._sources, self._threads = sources, threads
        self._place = root  # where dbt runs: the whole project, or a subset
        self._manifest: Manifest | None = None

    def run(self, models: Sequence[str], exclude: Sequence[str] = ()) -> list[ModelOutcome]:
        """Run the named models except the excluded ones (in the syntax of dbt's --select). Raises
        `LoadFailed` if dbt cannot run.
        """
        with _variables(**read_elsewhere(self._root, models)):
            results = self._invoke(
                "run", "--select", *models, *(["--exclude", *exclude] if exclude else []), may_fail=True
            )
        return _model_outcomes(results)

    def compile(self, models: Sequence[str]) -> list[ModelOutcome]:
        """Compile the named models. Raises `LoadFailed` if dbt cannot compile."""
        return _model_outcomes(self._invoke("compile", "--select", *models, "--quiet", may_fail=True))

    def dry_run(self, source: str, event: str, delivery_sqn: int, checks: Sequence[str]) -> DryRunResult:
        """Return the effect of the event on the history of `source`, and roll back. Raises `LoadFailed`."""
        simulated = {"source": source, "event": event, "delivery_sqn": delivery_sqn, "checks": list(checks)}
        with _variables(HEADWATER_SIMULATE=json.dumps(simulated)):
            results: Any = self._invoke("run", "--select", f"hist_{source}", may_fail=True)
        (result,) = results.results
        facts = raised(str(result.message))
        if facts is None or facts["code"] != "dry_run":
            raise _error(result) or LoadFailed(f"the dry run of {source} said nothing")
        return dry_run_result(facts["difference"])

    def accept(self, source: str, why: str, who: str) -> list[ModelOutcome]:
        """Accept the present code of the models of a source as its definition, and load nothing."""
        accepted = {"source": source, "why": why, "who": who}
        with _variables(HEADWATER_ACCEPT=json.dumps(accepted)):
            models = models_of(source)
            return _model_outcomes(self._invoke("run", "--empty", "--select", *models, may_fail=True))

    def compiled(self, template: str) -> str:
        """Return the SQL of a template in the models' language (Jinja, our macros)."""
        results: Any = self._invoke("compile", "--inline", template, "--quiet")
        return str(results.results[0].node.compiled_code)

    def model_text(self, name: str) -> str:
        """Return the text of a model, as its author wrote it."""
        return ModelFiles(self._root / "models").paths[name].read_text(encoding="utf-8")

    def load_seeds(self, engine: Engine) -> bool:
        """Load the static metadata into Postgres unless it is unchanged; True if it was loaded."""
        message = f"seeds {self._seeds_checksum()}"
        remembered = sa.text("select obj_description(to_regclass('metadata.source_attribute'))")
        with session_lock(engine, "seeds"), engine.connect() as connection:
            if connection.execute(remembered).scalar() == message:
                return False
            # dbt warns of each declared column that a file leaves out, as it may
            warnings.filterwarnings("ignore", ".* does not match the name of any column", RuntimeWarning)
            self._invoke("seed", "--full-refresh")
            connection.execute(
                sa.text(f"comment on table metadata.source_attribute is {sql_literal(message)}")
            )
            connection.commit()
        return True

    def _seeds_checksum(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(path for path in (self._root / "seeds").rglob("*") if path.is_file()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def manifest(self) -> Manifest:
        """The project as dbt reads it; read once, and not at all where this process knows it. Raises `LoadFailed`."""
        if self._manifest is None:
            # two processes must not write the parsed project at once, and two threads need not read it twice
            with locked(self._home, "dbt-parse.lock"):
                parsed = _PARSED.get(self._root, self._sources, self._parse)
                of_some = None if parsed.is_whole else self._sources
                self._place = next(places(self._root, self._home, of_some))
            self._manifest = parsed.manifest
        return self._manifest

    def _parse(self) -> Parsed:
        from dbt.cli.main import dbtRunner  # takes 1.6 s

        spare_flags_their_source()
        for place in places(self._root, self._home, self._sources):
            self._place = place
            outcome: Any = dbtRunner().invoke(["parse", *self._options, NO_ARTIFACTS])
            if outcome.success:
                break
        if isinstance(
            outcome.exception, KeyboardInterrupt
        ):  # dbt returns it, and whoever asked for an end means us
            raise KeyboardInterrupt
        if not outcome.success:
            raise LoadFailed(f"dbt cannot read the project: {outcome.exception}")
        return Parsed(outcome.result, is_whole=self._place == self._root)

    @property
    def _options(self) -> list[str]:
        return [
            "--project-dir", str(self._place), "--profiles-dir", str(self._root / "profiles"),
            "--profile", PROFILE, "--target", TARGET, "--log-path", str(self._home / "logs"), "--log-level", "none",
        ]  # fmt: skip

    def _invoke(self, *arguments: str, may_fail: bool = False) -> Any:
        """The result of a dbt command. Raises `LoadFailed` unless all went well, or, if it `may_fail`, was tried."""
        from dbt.cli.main import dbtRunner

        spare_flags_their_source()
        # every connection that dbt opens bears the run's name; this variable is libpq's own way to say so
        with _variables(PGOPTIONS=self._run_options):
            runner = dbtRunner(manifest=_uncompiled(self.manifest()))
            threads = ["--threads", str(self._threads)] if self._threads else []
            ahead = [] if _builds_tables_side_by_side(arguments) else [NO_CACHE_AHEAD]
            outcome: Any = runner.invoke([*arguments, *threads, *self._options, *ahead, NO_ARTIFACTS])
        _require_result(outcome, arguments[0])
        if not may_fail and not outcome.success:
            raise LoadFailed(
                "; ".join(f"{r.node.name}: {r.message}" for r in outcome.result.results if r.message)
            )
        return outcome.result


def _builds_tables_side_by_side(arguments: Sequence[str]) -> bool:
    """Return whether dbt's own materializations run at once: one would list a table that another is renaming."""
    models = [name for name in arguments[1:] if not name.startswith(("-", *PREFIXES.values()))]
    return arguments[0] == "run" and len(models) > 1


def _uncompiled(manifest: Manifest) -> Manifest:
    """Return a manifest whose models dbt compiles as for the first time: it does not put an ephemeral model into
    another one twice."""
    from dbt.contracts.graph.nodes import SeedNode

    for node in manifest.nodes.values():
        if not isinstance(node, SeedNode) and node.extra_ctes_injected:
            node.extra_ctes_injected, node.extra_ctes = False, []
    return manifest


def places(root: Path, home: Path, sources: Collection[str] | None) -> Iterator[Path]:
    """Yield the folders for dbt to read the models of some sources, in the order of trial: a subset, then the project.

    Also links the framework's package. A place that dbt has not parsed yet begins with the state of another subset.
    """
    link_package(root)
    if sources is not None:
        subset = project_subset(root, home, sources)
        begin_with_known_state(subset, home)
        yield subset
    begin_with_known_state(root, home)
    yield root


def model_outcomes(outcome: Any) -> list[ModelOutcome]:
    """Return the results of the models in a dbtRunner's `outcome`. Raises `LoadFailed` if dbt did not run."""
    _require_result(outcome, "run")
    return _model_outcomes(outcome.result)


def _require_result(outcome: Any, command: str) -> None:
    if outcome.result is None:
        raise LoadFailed(f"dbt {command} did not run: {outcome.exception}")


def _model_outcomes(results: Any) -> list[ModelOutcome]:
    return [
        ModelOutcome(result.node.name, _error(result), result.execution_time, _rows(result))
        for result in results.results
    ]


def _rows(result: Any) -> int | None:
    """Return the number of rows of a created table; dbt gives -1, or nothing, if Postgres did not count."""
    is_table = result.node.config.materialized == "table"
    rows = (result.adapter_response or {}).get("rows_affected") if is_table else None
    return rows if isinstance(rows, int) and rows >= 0 else None


def read_elsewhere(root: Path, models: Sequence[str]) -> Mapping[str, str]:
    """Return the variable that tells staging models whose staging others read, and so needs every row of a delivery."""
    if not any(name.startswith(PREFIXES["staging"]) for name in models):
        return {}
    return {"HEADWATER_STAGING_READ": ",".join(sorted(ModelFiles(root / "models").read_elsewhere))}


def run_options(run_id: str, job: str | None = None) -> str:
    """Return PGOPTIONS for a session that writes for a run."""
    of_job = f" -c headwater.job={job}" if job else ""
    escaped = re.sub(r"([\\\s])", r"\\\1", run_id)  # a person may name a run as she likes
    return session_options(f"-c headwater.run_id={escaped}{of_job}")


def spare_flags_their_source() -> None:
    """Have dbt not look for the module that declares each of its behavior flags.

    It reads the source of all functions on the stack for that, at each start, which takes a quarter of a second; and
    uses the answer only in a message about a flag that says nothing of itself.
    """
    from dbt_common.behavior_flags import BehaviorFlagRendered

    BehaviorFlagRendered._default_source = staticmethod(lambda: "dbt")  # type: ignore[method-assign]


@contextmanager
def _variables(**variables: str) -> Iterator[None]:
    """Set environment variables for as long as the body runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _error(result: Any) -> HeadwaterError | None:
    if str(result.status) in ("success", "pass"):
        return None
    message = str(result.message or result.status)
    facts = raised(message)
    return error_of(facts) if facts else LoadFailed(f"{result.node.name}: {_first_cause(message)}")


def _first_cause(message: str) -> str:
    """Return dbt's message about a model; a general refusal of Postgres without SQL, with what to do."""
    refusal = refusal_in(message)
    if refusal is None or not message.startswith("Database Error"):
        return " ".join(message.split())
    lines = [line.strip() for line in message.splitlines()[1:]]
    words = next((line for line in lines if re.search(refusal.words, line)), lines[0] if lines else message)
    return f"Postgres says: {words.rstrip('.')}. {refusal.expected}"
