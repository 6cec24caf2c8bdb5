{% macro raw_deliveries(source_name) -%}
    {#- a fence (offset 0): Postgres asks once of each row what is below it, and not again for every column above -#}
    (
        select *
        from (
            {{ headwater.cleaned_rows(source_name) | indent(12) }}
        ) as cleaned
        where {{ headwater.reject_reason(headwater.source_definition(source_name)) | indent(8) }} is null
        offset 0
    )
{%- endmacro %}
