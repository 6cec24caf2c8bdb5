{% macro require_rows_of_staging(definition, model_sql, deliveries) -%}
    {#- of each staged row the models of history make one row or none, under its key -#}
    {%- set columns = headwater.quoted_list(['delivery_sqn', 'line_number'] + definition.key_names) -%}
    {%- set these = headwater.is_any_of(deliveries) -%}
    {%- set added = run_query(
        "select delivery_sqn, line_number, row(" ~ headwater.quoted_list(definition.key_names) ~ ")::text from ("
        ~ "select " ~ columns ~ " from (\n" ~ model_sql ~ "\n) as modelled where " ~ these ~ " except all select " ~ columns ~ " from "
        ~ headwater.staging_relation(definition) ~ " where " ~ these
        ~ ") as added order by delivery_sqn, line_number limit 1"
    ).rows -%}
    {%- if added -%}
        {%- set found = added[0] -%}
        {%- do headwater.raise_model_refused(
            definition.name, 'hist_' ~ definition.name,
            "makes a row of line " ~ (found[1] or 'null') ~ " of delivery " ~ (found[0] or 'null') ~ " with the key " ~ found[2] ~ ", which staging does not have, or has less often",
            "one row or none for each staged row, under its key: a join that finds several rows multiplies it. Nothing of this load was kept"
        ) -%}
    {%- endif -%}
{%- endmacro %}
