{% macro raise_ledger_broken(source_name, layer, unbalanced) -%}
    {#- `unbalanced` is a query result: delivery_sqn, what the ledger says, what there is -#}
    {%- if unbalanced.rows -%}
        {%- set row = unbalanced.rows[0] -%}
        {%- do exceptions.raise_compiler_error(
            "Ledger broken: source " ~ source_name ~ ", delivery " ~ (row[0] | int) ~ ", " ~ layer ~ ": "
            ~ row[1] ~ ", but " ~ row[2] ~ ". Nothing of this load was kept."
        ) -%}
    {%- endif -%}
{%- endmacro %}
