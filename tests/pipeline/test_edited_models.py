"""Edits of an analytics engineer in the models of a source: each takes effect, or is refused with a sentence."""

from __future__ import annotations

import pytest

from headwater.dbt_project.dbt import Dbt
from headwater.dbt_project.generate import generated_files, write_files
from headwater.metadata.errors import LoadFailed
from headwater.metadata.static.read import read_catalog
from headwater.pipeline.accept_definition import accept_definition
from headwater.pipeline.decide import NotDecidable
from headwater.pipeline.rebuild import rebuild
from headwater.pipeline.runners.sources import run
from tests.pipeline.engineer import HISTORICAL, STAGING, Engineer
from tests.pipeline.line import Line, cities, prices
from tests.support.pages import page

ALL = "select * from typed"
TABLE = page("how-to/work-on-models").partition("What would make a false history is refused.")[2]


@pytest.fixture
def loaded(engineer: Engineer, line: Line) -> Engineer:
    """One whose source has a history of two deliveries."""
    line.deliver("cities", cities(1, {"a": ("Ulm", 1), "b": ("Bonn", 2)}))
    engineer.ran_well()
    line.deliver("cities", cities(2, {"a": ("Ulm", 1), "b": ("Bonn", 3)}))
    engineer.ran_well()
    return engineer


def test_a_changed_cast_is_another_definition_and_history_stays_as_it_is(
    loaded: Engineer, line: Line
) -> None:
    before = line.essence()["historical.cities"]
    loaded.edit(
        f"{STAGING}.sql",
        "{{ headwater.typed('name') }} as name",
        "initcap({{ headwater.typed('name') }}) as name",
    )
    line.deliver("cities", cities(3, {"a": ("ulm", 1), "b": ("bonn", 3)}))
    (failure,) = loaded.failures()
    assert failure.startswith(
        "cities: Definition changed: source cities: code of staging: model stg_cities is new."
    )
    assert "`headwater rebuild cities`" in failure
    assert "`headwater accept-definition cities`" in failure
    assert line.essence()["historical.cities"] == before
    loaded.rebuilt_well()
    assert loaded.history("name", "people") == [("Ulm", 1), ("Bonn", 2), ("Bonn", 3)]


def test_an_edit_is_found_without_a_delivery_and_comments_and_layout_are_no_edit(loaded: Engineer) -> None:
    text = (loaded.project.root / f"{STAGING}.sql").read_text()
    loaded.write(
        f"{STAGING}.sql",
        "-- who wrote this\n" + text.replace("select * from typed", "SELECT  *\n  from typed /* all */"),
    )
    loaded.ran_well()
    loaded.edit(f"{STAGING}.sql", "  from typed /* all */", "  from typed where people > 0")
    assert "model stg_cities is new" in loaded.failures()[0]


def test_a_derived_column_reaches_history_and_makes_versions(engineer: Engineer, line: Line) -> None:
    engineer.derive("people / 2", "couples")
    line.deliver("cities", cities(1, {"a": ("Ulm", 2), "b": ("Bonn", 5)}))
    line.deliver("cities", cities(2, {"a": ("Ulm", 3), "b": ("Bonn", 7)}))
    engineer.ran_well()
    assert engineer.history("city", "people", "couples", "change_type") == [
        ("a", 2, 1, "new"), ("a", 3, 1, "changed"), ("b", 5, 2, "new"), ("b", 7, 3, "changed"),
    ]  # fmt: skip


def test_a_derived_column_that_is_not_tracked_makes_no_version(engineer: Engineer, line: Line) -> None:
    engineer.derive("delivery_sqn", "came_with")
    engineer.edit(
        f"{HISTORICAL}.yml",
        "    columns:\n",
        "    columns:\n      - name: came_with\n        config: {meta: {tracked: false}}\n",
    )
    line.deliver("cities", cities(1, {"a": ("Ulm", 2)}))
    line.deliver("cities", cities(2, {"a": ("Ulm", 2)}))
    engineer.ran_well()
    assert len(engineer.history("came_with")) == 1


def test_a_check_may_be_about_a_column_that_a_model_adds(engineer: Engineer, line: Line) -> None:
    engineer.derive("people / 2", "couples")
    engineer.write(
        "seeds/quality_check.csv",
        "source,expectation,column_name,parameters,severity,description\n"
        "cities,accepted_range,couples,max=2,critical,Couples at most\n",
    )
    line.deliver("cities", cities(1, {"a": ("Ulm", 4)}))
    engineer.ran_well()
    line.deliver("cities", cities(2, {"a": ("Ulm", 6)}))
    (halt,) = run(engineer.project, ["cities"], line.messages.append).halts
    assert "couples" in halt.why


def test_a_column_that_history_does_not_list_is_refused(engineer: Engineer, line: Line) -> None:
    engineer.edit(f"{STAGING}.sql", "select * from typed", "select *, people / 2 as couples from typed")
    line.deliver("cities", cities(1, {"a": ("Ulm", 2)}))
    assert engineer.failures() == [
        "cities: Model refused: source cities, model hist_cities does not select couples. Expected a line `couples`:"
        " what staging has goes on to history."
    ]


def test_an_attribute_that_staging_does_not_select_is_refused(engineer: Engineer, line: Line) -> None:
    engineer.edit(f"{STAGING}.sql", "        {{ headwater.typed('people') }} as people,\n", "")
    line.deliver("cities", cities(1, {"a": ("Ulm", 2)}))
    assert engineer.failures()[0] == (
        "cities: Model refused: source cities, model stg_cities does not select people. Expected a line"
        " `{{ headwater.typed('people') }} as people`, since seeds/attribute.csv has it."
    )


def test_rows_that_a_filter_leaves_out_are_counted_and_are_not_in_history(
    engineer: Engineer, line: Line
) -> None:
    engineer.edit(f"{STAGING}.sql", "select * from typed", "select * from typed where people > 1")
    line.deliver("cities", cities(1, {"a": ("Ulm", 1), "b": ("Bonn", 2), "c": ("Hof", 3)}), "d,Aue,many,x")
    engineer.ran_well()
    line.deliver("cities", cities(2, {"a": ("Ulm", 5), "b": ("Bonn", 1), "c": ("Hof", 3)}))
    engineer.ran_well()
    assert line.query(
        "select record_count, fallen_out_count, left_out_count from metadata.delivery_status"
        " where layer = 'staging' order by delivery_sqn"
    ) == [(2, 1, 1), (2, 0, 1)]
    assert engineer.history("city", "end_type") == [("a", None), ("b", "removed"), ("c", None)]


def test_a_filter_of_the_historical_model_is_counted_there(engineer: Engineer, line: Line) -> None:
    engineer.edit(f"{HISTORICAL}.sql", "    from staged\n", "    from staged where people > 1\n")
    line.deliver("cities", cities(1, {"a": ("Ulm", 1), "b": ("Bonn", 2)}))
    engineer.ran_well()
    assert line.query(
        "select record_count, new_count, left_out_count from metadata.delivery_status where layer = 'historical'"
    ) == [(2, 1, 1)]
    assert engineer.history("city") == [("b",)]
    dbt = Dbt(engineer.project.root, engineer.project.home, "known", sources=["cities"])
    with pytest.raises(
        LoadFailed, match=r"cities.*Expected filters, joins and derived columns in stg_cities"
    ):
        dbt.compiled("select * from {{ headwater.known_at('cities', '2026-02-01') }} as known")


def test_a_join_that_multiplies_rows_halts_with_a_message_about_the_model(
    engineer: Engineer, line: Line
) -> None:
    engineer.edit(
        f"{STAGING}.sql",
        "select * from typed",
        "select typed.* from typed cross join (values (1), (2)) as twice (n)",
    )
    line.deliver("cities", cities(1, {"a": ("Ulm", 1)}))
    assert engineer.failures()[0].startswith(
        "cities: Model refused: source cities, model stg_cities makes 2 rows of line 2 of delivery"
    )
    assert (
        line.query("select count(*) from staging.stg_cities") == [(0,)]
        if line.query("select to_regclass('staging.stg_cities')") != [(None,)]
        else True
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (ALL, "select *, now() as own from typed", "asks now()"),
        (ALL, "select *, current_date as own from typed", "asks current_date"),
        (ALL, "select *, 'today'::date as own from typed", "asks 'today'"),
        (ALL, "select *, (select count(*) from historical.prices) as own from typed", "reads the table"),
        (ALL, "select *, (select count(*) from {{ ref('stg_prices') }}) as own from typed", "reads stg_prices"),
        (ALL, "select *, 1 as valid_from from typed", 'selects a column "valid_from"'),
        ("as city,", "as city_code, upper({{ headwater.typed('city') }}) as city,", "gives line 2 of delivery"),
        ("as people,", "::numeric as people,", "gives the column people as numeric"),
    ],
)  # fmt: skip
def test_what_would_make_a_false_history_is_refused(
    engineer: Engineer, line: Line, old: str, new: str, words: str
) -> None:
    line.deliver("cities", cities(1, {"a": ("Ulm", 1)}))
    line.deliver("prices", prices(1, {("s", 1): ("1.50",)}))
    line.ran_well("prices")
    engineer.edit(f"{STAGING}.sql", old, new)
    failure = engineer.failures()[0]
    assert "Model refused: source cities, model stg_cities" in failure, failure
    assert words in failure
    assert "Expected" in failure
    assert words.partition("'")[0] in TABLE


def test_an_error_of_the_database_names_the_model_and_quotes_its_line(engineer: Engineer, line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("Ulm", 1)}))
    engineer.edit(f"{STAGING}.sql", ALL, "select *, peple / 2 as couples from typed")
    (failure,) = engineer.failures()
    assert failure.startswith("cities: stg_cities: ")
    assert 'column "peple" does not exist' in failure
    assert "select *, peple / 2 as couples from typed" in failure
    engineer.edit(f"{STAGING}.sql", "peple / 2", "people / (people - people)")
    engineer.list_in_history("couples")
    (failure,) = engineer.failures()
    assert failure.startswith("cities: stg_cities: ")
    assert "division by zero" in failure


def test_a_seed_that_a_model_joins_is_a_part_of_the_definition(engineer: Engineer, line: Line) -> None:
    # of a seed of more than a megabyte dbt remembers the path alone
    rows = f"city,land,note\na,BW,{'a' * 2**20}\nb,NW,\n"
    engineer.write("seeds/lookups/city_land.csv", rows)
    engineer.edit(
        f"{STAGING}.sql",
        "select * from typed",
        "select typed.*, land from typed left join {{ ref('city_land') }} as city_land using (city)",
    )
    engineer.list_in_history("land")
    line.deliver("cities", cities(1, {"a": ("Ulm", 1), "c": ("Hof", 3)}))
    engineer.ran_well()
    assert engineer.history("city", "land") == [("a", "BW"), ("c", None)]
    engineer.write("seeds/lookups/city_land.csv", f"{rows}c,BY,\n")
    assert "code of staging: seed city_land was" in engineer.failures()[0]
    engineer.rebuilt_well()
    assert engineer.history("city", "land") == [("a", "BW"), ("c", "BY")]


def test_a_macro_of_the_project_is_a_part_of_the_definition(loaded: Engineer, line: Line) -> None:
    (loaded.project.root / "dbt_project.yml").write_text(
        (loaded.project.root / "dbt_project.yml")
        .read_text()
        .replace("macro-paths: []", "macro-paths: [own_macros]")
    )
    loaded.write("own_macros/half.sql", "{% macro half(x) %}{{ x }} / 2{% endmacro %}")
    loaded.derive("{{ half('people') }}", "couples")
    loaded.rebuilt_well()
    loaded.write("own_macros/half.sql", "{# what is half #}{% macro half(x) %}{{ x }}   / 2{% endmacro %}")
    loaded.ran_well()
    # a macro of the project may have the name of one of the framework
    loaded.write(
        "own_macros/typed.sql", "{% macro typed(name) %}lower({{ headwater.typed(name) }}){% endmacro %}"
    )
    loaded.edit(f"{STAGING}.sql", "headwater.typed('name')", "typed('name')")
    loaded.rebuilt_well()
    assert loaded.history("name")[0] == ("ulm",)
    loaded.write(
        "own_macros/typed.sql", "{% macro typed(name) %}upper({{ headwater.typed(name) }}){% endmacro %}"
    )
    assert "macro headwater_demo.typed was" in loaded.failures()[0]
    loaded.write("own_macros/half.sql", "{% macro half(x) %}{{ x }} / 2.0{% endmacro %}")
    line.deliver("cities", cities(3, {"a": ("Ulm", 1)}))
    assert "macro headwater_demo.half was" in loaded.failures()[0]


def test_an_intermediate_model_between_staging_and_history_is_a_part_of_the_definition(
    engineer: Engineer, line: Line
) -> None:
    engineer.write(
        "models/intermediate/int_cities.sql",
        "{{ config(materialized='ephemeral') }}\nselect *, people * 2 as hands from {{ ref('stg_cities') }}\n",
    )
    engineer.edit(f"{HISTORICAL}.sql", "ref('stg_cities')", "ref('int_cities')")
    engineer.list_in_history("hands")
    line.deliver("cities", cities(1, {"a": ("Ulm", 1)}))
    engineer.ran_well()
    assert engineer.history("city", "hands") == [("a", 2)]
    engineer.edit("models/intermediate/int_cities.sql", "* 2", "* 4")
    assert "code of historical: model int_cities was" in engineer.failures()[0]
    engineer.rebuilt_well()
    assert engineer.history("city", "hands") == [("a", 4)]


def test_an_accepted_definition_keeps_the_tables_and_is_on_record(loaded: Engineer, line: Line) -> None:
    before = line.essence()["historical.cities"]
    loaded.edit(f"{STAGING}.sql", "select * from typed", "select * from typed where people > 0")
    assert loaded.failures()
    with pytest.raises(NotDecidable, match="reason"):
        accept_definition(loaded.project, "cities", " ", line.messages.append)
    accept_definition(loaded.project, "cities", "nobody lives in no city", line.messages.append)
    loaded.ran_well()
    assert line.essence()["historical.cities"] == before
    assert line.query("select source, why from metadata.definition_acceptance") == [
        ("cities", "nobody lives in no city")
    ]


def test_what_changes_the_columns_cannot_be_accepted(loaded: Engineer, line: Line) -> None:
    loaded.derive("people / 2", "couples")
    with pytest.raises(Exception, match=r"attribute couples is new.*headwater rebuild cities"):
        accept_definition(loaded.project, "cities", "a try", line.messages.append)


def test_tests_and_second_yaml_files_of_the_author_are_read(engineer: Engineer, line: Line) -> None:
    engineer.edit(
        f"{STAGING}.yml",
        "    columns:\n",
        "    columns:\n      - name: people\n        data_tests: [not_null]\n",
    )
    engineer.write(
        "models/staging/more.yml",
        "models:\n- name: stg_prices\n  config: {tags: [market]}\nunit_tests:\n- name: no_town\n  model: stg_prices\n"
        "  given: [{input: \"source('raw', 'prices')\", rows: []}]\n  expect: {rows: []}\n",
    )
    line.deliver("cities", cities(1, {"a": ("Ulm", 1)}))
    engineer.ran_well()
    assert engineer.history("city") == [("a",)]


def test_a_column_of_a_model_that_changes_its_type_or_goes_asks_for_a_rebuild(
    engineer: Engineer, line: Line
) -> None:
    engineer.derive("people / 2", "couples")
    line.deliver("cities", cities(1, {"a": ("Ulm", 5)}))
    engineer.ran_well()
    engineer.edit(f"{STAGING}.sql", "people / 2 as", "people / 2.0 as")
    assert 'attribute couples: data_type was "integer", is "numeric"' in engineer.failures()[0]
    engineer.rebuilt_well()
    assert engineer.history("couples") == [(2.5,)]
    engineer.edit(f"{STAGING}.sql", ", people / 2.0 as couples", "")
    assert "attribute couples is gone" in engineer.failures()[0]
    assert engineer.history("couples") == [(2.5,)]


def test_an_attribute_that_is_added_beside_an_edited_model_wants_its_line(loaded: Engineer) -> None:
    loaded.derive("people / 2", "couples")
    loaded.rebuilt_well()
    loaded.edit(
        "seeds/attribute.csv",
        "cities,seen,seen,",
        "cities,mayor,mayor,text,,,,,true,Who governs\ncities,seen,seen,",
    )
    write_files(generated_files(read_catalog(loaded.project.seeds).sources.values(), loaded.project.models))
    assert "attribute mayor is new" in loaded.failures()[0]
    result = rebuild(loaded.project, ["cities"], loaded.line.messages.append)
    assert "does not select mayor. Expected a line `{{ headwater.typed('mayor') }} as mayor`" in str(
        result.failures
    )
    assert loaded.history("people") == [(1,), (2,), (3,)]
