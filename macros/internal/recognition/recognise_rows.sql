{% macro recognise_rows(definition, delivery_sqn, hashing) -%}
    {#- what of a snapshot has to be staged: `unrecognised_row`, the places of raw rows whose hash no current version has,
        and `unmet_version`, the keys of current versions whose hash no raw row has. Returns the number of rows that were
        recognised and the deliveries that made the state they were met with; none where the snapshot is to be staged as a
        whole -#}
    {%- set is_forced = env_var('HEADWATER_RECOGNISE', 'auto') == 'always' -%}
    {%- set history = headwater.historical_relation(definition) -%}
    {%- set raw = headwater.raw_relation(definition) -%}
    {%- set facts = run_query(
        "select metadata.recognisable_after(" ~ headwater.sql_literal(definition.name) ~ ", " ~ delivery_sqn ~ ", "
        ~ headwater.sql_literal(hashing) ~ "), record_count from metadata.delivery_status where layer = 'raw'"
        ~ " and delivery_sqn = " ~ delivery_sqn ~ " and record_count >= " ~ (0 if is_forced else 10000)
    ).rows -%}
    {%- if not facts or not facts[0][0] -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set row_count = facts[0][1] | int -%}
    {%- set keys = headwater.quoted_list(definition.key_names) -%}
    {#- the planner takes a delivery that it has not heard of for a row or two -#}
    {%- do headwater.run_statement("set local default_statistics_target = 10; analyze " ~ raw ~ " (delivery_sqn)") -%}
    {%- do headwater.run_statement("reset default_statistics_target") -%}
    {#- few rows leave the join, but the planner expects them all, and would not share the work for that -#}
    {%- do headwater.run_statement("set local parallel_tuple_cost = 0.01") -%}
    {%- do headwater.create_temporary(
        'unmet',
        "select _raw_row, " ~ keys ~ " from (select ctid as _raw_row, "
        ~ headwater.hash_of_staged_row(headwater.hash_of_raw_row(definition), hashing) ~ " as _row_hash from " ~ raw
        ~ " as raw where delivery_sqn = " ~ delivery_sqn ~ ") as delivered full join (select _row_hash, " ~ keys ~ ", true as _is_version from "
        ~ history ~ " where valid_to is null) as version using (_row_hash) where _raw_row is null or _is_version is null",
        planned_by=[]
    ) -%}
    {%- do headwater.run_statement("reset parallel_tuple_cost") -%}
    {%- set counted = run_query(
        "select count(_raw_row), count(*) - count(_raw_row), (select count(*) from " ~ history ~ " where valid_to is null) from unmet"
    ).rows[0] -%}
    {%- set recognised_count = row_count - (counted[0] | int) -%}
    {#- as many rows as versions: none of them was met twice -#}
    {%- set is_one_to_one = recognised_count == (counted[2] | int) - (counted[1] | int) -%}
    {%- if not is_one_to_one or recognised_count == 0 or not (is_forced or 2 * recognised_count >= row_count) -%}
        {{ return(none) }}
    {%- endif -%}
    {%- do headwater.create_temporary('unrecognised_row', "select _raw_row from unmet where _raw_row is not null", planned_by=[]) -%}
    {%- do headwater.create_temporary('unmet_version', "select " ~ keys ~ " from unmet where _raw_row is null") -%}
    {{ return({'count': recognised_count, 'after': facts[0][0]}) }}
{%- endmacro %}
