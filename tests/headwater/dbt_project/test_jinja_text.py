"""Values in generated YAML are text: dbt's own parser reads exactly them and renders nothing."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.dbt_project.generate import _yaml, generated_files, write_files
from headwater.dbt_project.jinja_text import doc_text, verbatim
from headwater.metadata.static.model import Attribute, Source
from headwater.metadata.static.read import read_catalog
from tests.pipeline.project import make_project
from tests.support.hostile import NAMES, VALUES, params

SHORT = {entry: value for entry, value in VALUES.items() if len(value) < 1_000}


def read_by_dbt(root: Path) -> Any:
    """dbt's manifest of a project, of which it remembers what it read before."""
    from dbt.cli.main import dbtRunner

    places = ("--project-dir", str(root), "--profiles-dir", str(root / "profiles"), "--log-path", str(root))
    parsed = dbtRunner().invoke(["parse", *places, "--log-level", "none", "--no-write-json"])
    assert parsed.success, parsed.exception
    return parsed.result


def hostile(source: Source, texts: list[str]) -> Source:
    """The source with a column for each text, and with the text wherever else a source can have one."""
    attributes = [
        Attribute(
            source.name, text, f"column_{place}", "text", text, (text, ""), is_key=place == 0, is_tracked=place > 0,
            is_optional=False, description=text,
        )
        for place, text in enumerate(texts)
    ]  # fmt: skip
    message = "".join(texts)
    options = {
        **source.options, "delete_column": texts[-1], "delete_values": "|".join(texts), "record_path": message,
        "renamed_columns": "|".join(f"{texts[0]}={text}" for text in texts),
    }  # fmt: skip
    return replace(
        source, attributes=tuple(attributes), options=options, description=message,
        data_source=replace(source.data_source, description=message),
    )  # fmt: skip


def assert_read_exactly(source: Source, manifest: Any) -> None:
    """The description that dbt has of a source is to the letter that of the source."""
    from headwater.extract.schema.definition import definition

    raw = manifest.sources[f"source.headwater_demo.raw.{source.name}"]
    staging = manifest.nodes[f"model.headwater_demo.stg_{source.name}"]
    history = manifest.nodes[f"model.headwater_demo.hist_{source.name}"]
    assert raw.description == f"{source.description}, as delivered by {source.data_source.name}"
    assert {a.raw_column: a.description for a in source.attributes}.items() <= {
        name: column.description for name, column in raw.columns.items()
    }.items()
    assert raw.config.meta["headwater"] == {"job": source.job, "definition": definition(source)}
    for attribute in source.attributes:
        column = staging.columns[attribute.target_name]
        assert column.description == doc_text(attribute.description).strip()
        assert history.columns[attribute.target_name].description == column.description
    assert history.description.endswith(f"{doc_text(source.description)[1:]}, and when it was so.")


def test_a_doc_block_shows_a_text_as_it_is_and_opens_nothing() -> None:
    text = "a {{ b }} {% enddocs %} {# c #} { d } %}"
    assert html.unescape(doc_text(text)) == text
    assert not re.search(r"\{[{%#]", doc_text(text))
    assert doc_text("one\r\ntwo") == "one two"


@pytest.fixture
def town(tmp_path: Path) -> Path:
    return make_project(tmp_path / "town")


def write(root: Path, *sources: Source) -> None:
    write_files(generated_files(sources, root / "models"))


def test_dbt_reads_every_hostile_text_exactly_first_and_again(
    town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/n0-b0dy-may-see")
    cities, prices, ratings = read_catalog(town / "seeds").sources.values()
    one = hostile(cities, list(NAMES.values()))
    two = hostile(prices, list(dict.fromkeys(SHORT.values())))
    write(town, one, two)
    for _ in range(2):  # the second time it goes by what it remembers
        manifest = read_by_dbt(town)
        assert_read_exactly(one, manifest)
        assert_read_exactly(two, manifest)
        assert_read_exactly(ratings, manifest)
        assert "n0-b0dy-may-see" not in str(manifest.writable_manifest().to_dict())
        edited = town / "models" / "staging" / "town_hall" / "stg_cities.sql"
        edited.write_text(edited.read_text() + "\n-- edited\n")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("{}%#\"'\\-+ \n\r|u0"), st.characters(exclude_categories=["Cs"]))
    )
)
def test_any_text_is_itself_to_both_ways_in_which_dbt_renders(text: str) -> None:
    from dbt.clients.jinja import get_rendered
    from dbt.clients.yaml_helper import load_yaml_text

    document = load_yaml_text(_yaml({"key": [text]}))
    assert document is not None
    written = document["key"][0]
    assert get_rendered(written, {}, native=True) == text
    assert get_rendered(written, {}) == text


@pytest.mark.parametrize("text", params(SHORT))
def test_what_is_written_holds_no_jinja_of_the_text(text: str) -> None:
    written = verbatim(text)
    inner = written[2:-2] if written != text else written
    assert not any(sign in inner for sign in ("{{", "{%", "{#", "}}", "%}", "#}"))
    assert verbatim({text: [1, None, True]}) == {text: [1, None, True]}  # keys are not rendered
