{% macro raise_ledger_broken(source_name, layer, unbalanced) -%}
    {#- `unbalanced` is a query result: delivery_sqn, what the ledger says, what there is -#}
    {%- if unbalanced.rows -%}
        {%- set row = unbalanced.rows[0] -%}
        {%- set reason = row[1] ~ ", but " ~ row[2] -%}
        {%- do headwater.raise_error(
            'ledger_broken',
            "Ledger broken: source " ~ source_name ~ ", delivery " ~ (row[0] | int) ~ ", " ~ layer ~ ": " ~ reason
            ~ ". Nothing of this load was kept.",
            {'delivery_sqn': row[0] | int, 'layer': layer, 'reason': reason}
        ) -%}
    {%- endif -%}
{%- endmacro %}
