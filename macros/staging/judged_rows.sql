{% macro judged_rows(definition, model_sql) -%}
    {%- if definition.on_duplicate_key == 'last_wins' -%}
    select
        modelled.*,
        case
            when fall_out is not null then fall_out
            when row_number() over (
                partition by delivery_sqn, {{ quoted_list(definition.key_names) }}, fall_out is null
                order by line_number desc, row_as_it_came desc
            ) > 1 then 'duplicate_key:{{ definition.key_names[0] }}'
        end as verdict
    from (
{{ model_sql }}
    ) as modelled
    {%- else -%}
    select
        modelled.*,
        fall_out as verdict
    from (
{{ model_sql }}
    ) as modelled
    {%- endif -%}
{%- endmacro %}
