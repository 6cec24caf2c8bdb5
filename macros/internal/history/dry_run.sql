{% macro dry_run(relation, definition, model_sql, simulated) -%}
    {#- load as if the event `simulated` had happened, report what it would do to history, and keep nothing of it -#}
    {%- if headwater.is_being_rebuilt(definition.name) -%}
        {%- do headwater.raise_error(
            'being_rebuilt',
            "Being rebuilt: source " ~ definition.name ~ ": what a decision would do shows when the rebuild has ended."
        ) -%}
    {%- endif -%}
    {%- do headwater.simulate_event(definition, simulated) -%}
    {%- set since = headwater.first_difference(definition) -%}
    {%- set touched = "valid_from >= " ~ headwater.sql_literal(since or 'infinity') ~ " or valid_to is null or valid_to >= "
        ~ headwater.sql_literal(since or 'infinity') -%}
    {%- do headwater.run_statement(
        "create temporary table history_before on commit drop as select * from " ~ relation ~ " where " ~ touched
    ) -%}
    {%- do headwater.apply_deliveries(relation, definition, model_sql) -%}
    {%- set difference = run_query(headwater.history_difference(
        "select * from " ~ relation ~ " where " ~ touched, "select * from history_before", definition
    )).rows[0][0] -%}
    {%- do headwater.raise_error(
        'dry_run', "Dry run: nothing of this load was kept.", {'difference': fromjson(difference)}
    ) -%}
{%- endmacro %}
