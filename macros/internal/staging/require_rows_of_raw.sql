{% macro require_rows_of_raw(definition, rows, rows_in_raw) -%}
    {#- of each raw row a model makes one row or none, under its key: the ledger and the key of a row that fell out rely on
        it. Only a model that someone edited can do otherwise -#}
    {%- set model_name = 'stg_' ~ definition.name -%}
    {%- set multiplied = run_query(
        "select delivery_sqn, line_number, count(*) from " ~ rows
        ~ " group by delivery_sqn, line_number, _raw_row having count(*) > 1 or _raw_row is null"
        ~ " order by delivery_sqn, line_number limit 1"
    ).rows -%}
    {%- if multiplied -%}
        {%- set found = multiplied[0] -%}
        {%- do headwater.raise_model_refused(
            definition.name, model_name,
            "makes " ~ (found[2] | int) ~ " rows of line " ~ (found[1] or 'null') ~ " of delivery " ~ (found[0] or 'null') ~ ", which the publisher sent once",
            "one row or none for each that is delivered: a join that finds several rows multiplies it. Nothing of this load was kept"
        ) -%}
    {%- endif -%}
    {%- set changed = run_query(
        "select modelled.delivery_sqn, modelled.line_number, row(" ~ headwater.quoted_list(definition.key_names, prefix='modelled.')
        ~ ")::text, row(" ~ headwater.quoted_list(definition.key_names, prefix='delivered.') ~ ")::text from " ~ rows
        ~ " as modelled left join (select _raw_row, delivery_sqn, line_number, " ~ headwater.typed_keys(definition) ~ " from ("
        ~ headwater.cleaned_rows(definition.name) | replace(headwater.pending_rows(definition.name), rows_in_raw) ~ " offset 0) as cleaned) as delivered using (_raw_row, delivery_sqn, line_number)"
        ~ " where delivered._raw_row is null or not (" ~ headwater.key_match(definition.key_names, 'modelled', 'delivered')
        ~ ") is true order by modelled.delivery_sqn, modelled.line_number limit 1"
    ).rows -%}
    {%- if changed -%}
        {%- set found = changed[0] -%}
        {%- do headwater.raise_model_refused(
            definition.name, model_name,
            "gives line " ~ found[1] ~ " of delivery " ~ found[0] ~ " the key " ~ found[2] ~ ", delivered was " ~ found[3],
            "the key as it was delivered: a row that falls out is known by it. Change keys in a transform, or put what is derived of a key into another column"
        ) -%}
    {%- endif -%}
{%- endmacro %}
