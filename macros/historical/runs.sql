{% macro runs(relation, definition, model_sql, to_apply) -%}
{%- set columns = quoted_list(definition.key_names + definition.tracked_names) -%}
{%- set texts = [] -%}
{%- for attribute in definition.attributes if attribute.is_key or attribute.is_tracked -%}
    {%- set text = told_apart(sql_identifier(attribute.name), attribute.data_type) -%}
    {%- if text -%}
        {%- do texts.append(text) -%}
    {%- endif -%}
{%- endfor -%}
{#- what was said the same way of a key, with the first and the last snapshot that said it; position 0 is what is current -#}
select
    {{ columns }},
    min(position) as first_position,
    max(position) as last_position,
    count(*) as row_count
from (
    select 0::bigint as position, {{ columns }}
    from {{ relation }}
    where valid_to is null

    union all

    select position, {{ columns }}
    from (
{{ model_sql }}
    ) as modelled
    -- written out, because a temporary table would keep other workers from the rows
    inner join (
        values
        {%- for delivery in to_apply %}
        ({{ delivery.delivery_sqn }}::bigint, {{ delivery.position }}::bigint){{ ',' if not loop.last }}
        {%- endfor %}
    ) as placed (delivery_sqn, position) using (delivery_sqn)
    where {{ is_any_of(to_apply | map(attribute='delivery_sqn') | list) }}{{ ' and not is_delete_mark' if definition.delete_column }}
) as rows_of_snapshots
group by {{ columns }}{{ ', ' ~ texts | join(', ') if texts }}
{%- endmacro %}
