{% macro require_parts(definition) -%}
    {#- a source may have had parts before: what such a delivery leaves out was removed, or was of another part -#}
    {%- set partless = run_query(
        "select delivery_sqn from delivery_to_apply where delivery_type = 'partition_snapshot' order by _delivery_order limit 1"
    ).rows -%}
    {%- if partless and not definition.partition_by -%}
        {%- do headwater.raise_error(
            'no_parts',
            "No parts: source " ~ definition.name ~ ": delivery " ~ (partless[0][0] | int) ~ " is a partition_snapshot, and the"
            ~ " source has no partition_by. Expected partition_by in seeds/source.csv, with delivery_type partition_snapshot,"
            ~ " or the delivery withdrawn."
        ) -%}
    {%- endif -%}
{%- endmacro %}
