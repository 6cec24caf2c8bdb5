"""Data flows one way, and so do imports and refs: read from the code and from dbt's manifest."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from headwater.metadata.static.model import Catalog
from tests.conftest import PROJECT

# Each room may import from itself and from rooms before it; the two rooms in the package `headwater` are links there.
ROOMS = ("metadata", "extract", "headwater", "dags")
# So may each wing of a room: a folder, or a module beside the folders.
WINGS = {
    "metadata": (
        "redaction", "visible", "progress", "storable", "sql_text", "environment", "errors", "extras", "failures",
        "static", "connection", "process",
    ),
    "extract": (
        "files", "connections", "offers", "http", "landing", "schema", "formats", "sources", "raw", "run",
    ),
    "headwater": (
        "garbage", "home", "project_file", "project", "shared_airflow", "page", "demo", "services", "dbt_project",
        "new_project", "queries", "checks", "pipeline", "docs", "new_source", "cli", "airflow",
    ),
}  # fmt: skip
MOST_WINGS = 10  # folders of a room
# room → top-level packages from outside that have no business there
KEPT_OUT = {
    "metadata": {
        "boto3",
        "botocore",
        "dbt",
        "great_expectations",
        "requests",
        "rich",
        "typer",
        "localbucket",
    },
    "extract": {"dbt", "great_expectations", "rich", "typer", "localbucket"},
}


def modules(room: str) -> list[Path]:
    """The files of a room; the rooms that are linked into another are not of it."""
    return sorted(path for path in (PROJECT / room).rglob("*.py") if not _is_linked(path))


def _is_linked(path: Path) -> bool:
    return any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(PROJECT))


def room_of(name: str) -> str | None:
    """The room that a module's name says, or None of what is not ours."""
    first, _, rest = name.partition(".")
    inner = rest.partition(".")[0]
    if first == "headwater":
        return inner if inner in ("extract", "metadata") else first
    return first if first == "dags" else None


def imports(module: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def wrong_imports(room: str, module: Path) -> list[str]:
    """The imports of rooms below, of tests, of what is kept out, and of rooms by another name than the package's."""
    below = ROOMS[ROOMS.index(room) + 1 :]
    forbidden = {"tests", "benchmarks", "extract", "metadata"} | KEPT_OUT.get(room, set())
    return [
        f"{module}:{line}: {name}"
        for line, name in imports(module)
        if name.partition(".")[0] in forbidden or room_of(name) in below
    ]


@pytest.mark.parametrize("room", [room for room in ROOMS if (PROJECT / room).is_dir()])
def test_a_room_imports_only_from_rooms_above_it(room: str) -> None:
    assert len(modules(room)) > 1
    assert [wrong for module in modules(room) for wrong in wrong_imports(room, module)] == []


def test_an_import_from_below_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import extract.run\n\ndef later():\n    from headwater.cli.commands import app\n    import dbt.cli\n"
    )
    assert [wrong.partition(".py")[2] for wrong in wrong_imports("extract", module)] == [
        ":1: extract.run",
        ":4: headwater.cli.commands.app",
        ":5: dbt.cli",
    ]
    assert [wrong.partition(".py")[2] for wrong in wrong_imports("headwater", module)] == [":1: extract.run"]


def wing_of(room: str, name: str) -> str | None:
    """The wing of a room that a module's name says; None of another room's."""
    inside = name.removeprefix("headwater." if room == "headwater" else f"headwater.{room}.")
    return inside.partition(".")[0] if room_of(name) == room and inside != name else None


def wrong_wings(room: str, wings: Sequence[str], follows: Mapping[str, Collection[str]]) -> list[str]:
    """`importing → imported` of each import within the room that goes to a wing after its own."""
    return [
        f"{name} → {other}"
        for name, others in follows.items()
        for other in sorted(others)
        if (local := wing_of(room, name))
        and (found := wing_of(room, other))
        and wings.index(local) < wings.index(found)
    ]


@pytest.mark.parametrize("room", WINGS)
def test_a_wing_imports_only_from_wings_above_it(room: str) -> None:
    names = module_names()
    follows = {name: imported(names, path) for name, path in names.items()}
    found = {wing for name in names if (wing := wing_of(room, name))}
    assert found == set(WINGS[room])
    assert len([wing for wing in found if (PROJECT / room / wing).is_dir()]) <= MOST_WINGS
    assert wrong_wings(room, WINGS[room], follows) == []


def test_an_import_of_a_wing_below_is_found() -> None:
    follows = {
        "headwater.extract.files.a": {"headwater.extract.raw.b"},
        "headwater.extract.raw.b": {"headwater.extract.files.a", "headwater.metadata.errors"},
    }
    assert wrong_wings("extract", ("files", "raw"), follows) == [
        "headwater.extract.files.a → headwater.extract.raw.b"
    ]


def module_names() -> dict[str, Path]:
    """Every module of every room → its file; a package goes by its own name."""
    found = {
        path: ("headwater." if room in ("extract", "metadata") else "")
        + ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        for room in ROOMS
        for path in modules(room)
    }
    return {name.removesuffix(".__init__"): path for path, name in found.items()}


def imported(names: Collection[str], module: Path) -> set[str]:
    """The modules of ours that a module imports, wherever in it, for types too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= full if full & set(names) else {node.module or ""}
    return found & set(names)


def first_cycle(follows: Mapping[str, Collection[str]]) -> list[str]:
    """Some names of which each imports the next one, and the last the first; none where there is no cycle."""
    try:
        TopologicalSorter(follows).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_files_import_each_other_in_a_cycle() -> None:
    names = module_names()
    follows = {name: imported(names, path) - {name} for name, path in names.items()}
    assert len(follows) > 200
    assert sum(map(len, follows.values())) > len(follows)
    assert first_cycle(follows) == []


def test_a_cycle_is_found(tmp_path: Path) -> None:
    texts = {
        "headwater.a": "from headwater import b",
        "headwater.b": "def later():\n    from headwater.c import x",
        "headwater.c": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import headwater.a",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    cycle = first_cycle({name: imported(texts, tmp_path / name) for name in texts})
    assert set(cycle) == set(texts)


def test_static_metadata_is_read_without_a_database() -> None:
    for module in modules("metadata/static"):
        for line, name in imports(module):
            assert name.partition(".")[0] not in ("sqlalchemy", "psycopg2", "alembic"), f"{module}:{line}"
            assert not name.startswith("headwater.metadata.process"), f"{module}:{line}"


LONGEST_MODULE, LONGEST_FUNCTION = 400, 60  # lines


def long_functions(source: str) -> list[str]:
    """The functions of more lines than they may have, beside which no comment `# long:` gives the reason."""
    lines = source.splitlines()
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            is_explained = first > 1 and lines[first - 2].strip().startswith("# long: ")
            if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION and not is_explained:
                found.append(node.name)
    return found


def long_modules(paths: Collection[Path]) -> set[Path]:
    return {path for path in paths if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_MODULE}


@pytest.mark.parametrize("room", [*ROOMS, "tests"])
def test_modules_are_short(room: str) -> None:
    assert len(modules(room)) > 1
    assert long_modules(modules(room)) == set()


def test_a_long_module_is_found(tmp_path: Path) -> None:
    long, short = tmp_path / "long.py", tmp_path / "short.py"
    long.write_text("x = 1\n" * (LONGEST_MODULE + 1))
    short.write_text("x = 1\n" * LONGEST_MODULE)
    assert long_modules([long, short]) == {long}


@pytest.mark.parametrize("room", ROOMS)
def test_functions_are_short(room: str) -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in modules(room)}
    assert {path: names for path, text in texts.items() if (names := long_functions(text))} == {}


def test_a_long_function_is_found_unless_its_reason_stands_beside_it() -> None:
    body = "    x = 1\n" * LONGEST_FUNCTION
    assert long_functions(f"def long():\n{body}") == ["long"]
    assert long_functions(f"# long: as a list of steps\n@cache\ndef long():\n{body}") == []


READS = {  # layer → what its models may read
    "staging": {"source.raw"},
    "historical": {"model.staging"},
    "marts": {"model.historical", "model.marts"},
}


def kind(manifest: Any, unique_id: str) -> str:
    """`source.raw`, `model.staging` … of a node's id."""
    if unique_id.startswith("source."):
        return f"source.{manifest.sources[unique_id].source_name}"
    return f"model.{manifest.nodes[unique_id].fqn[1]}"


@pytest.mark.parametrize("layer", READS)
def test_models_of_a_layer_read_only_from_the_layer_before(
    manifest: Any, models: list[Any], layer: str
) -> None:
    of_layer = [model for model in models if model.fqn[1] == layer]
    assert of_layer
    wrong = {
        (model.name, parent)
        for model in of_layer
        for parent in model.depends_on.nodes
        if kind(manifest, parent) not in READS[layer]
    }
    assert wrong == set()


def test_a_staging_model_reads_its_own_raw_table_and_history_its_own_staging(
    manifest: Any, models: list[Any]
) -> None:
    for model in models:
        if model.fqn[1] == "staging":
            (parent,) = model.depends_on.nodes
            assert manifest.sources[parent].name == model.name.removeprefix("stg_")
        elif model.fqn[1] == "historical":
            (parent,) = model.depends_on.nodes
            assert manifest.nodes[parent].name == model.name.replace("hist_", "stg_")


def test_a_model_lies_in_the_schema_of_its_layer_and_bears_its_sources_name(
    models: list[Any], catalog: Catalog
) -> None:
    tables = {(model.schema, model.alias) for model in models if model.fqn[1] != "marts"}
    assert tables == {("staging", f"stg_{name}") for name in catalog.sources} | {
        ("historical", name) for name in catalog.sources
    }
    assert {model.schema for model in models if model.fqn[1] == "marts"} == {"marts"}


def test_every_mart_leads_to_an_exposure(manifest: Any, models: list[Any]) -> None:
    exposed = {parent for exposure in manifest.exposures.values() for parent in exposure.depends_on.nodes}
    read_by_marts = {
        parent for model in models if model.fqn[1] == "marts" for parent in model.depends_on.nodes
    }
    assert {
        m.name for m in models if m.fqn[1] == "marts" and m.unique_id not in exposed | read_by_marts
    } == set()
