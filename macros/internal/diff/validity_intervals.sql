{% macro validity_intervals(relation, definition, model_sql, to_apply) -%}
{%- set columns = headwater.quoted_list(definition.key_names + definition.tracked_names) -%}
{%- set with_hash = definition.untracked_names == ['_row_hash'] -%}
{%- set texts = [] -%}
{%- for attribute in definition.attributes if attribute.is_key or attribute.is_tracked -%}
    {%- set text = headwater.representation_key(headwater.sql_identifier(attribute.name), attribute.data_type) -%}
    {%- if text -%}
        {%- do texts.append(text) -%}
    {%- endif -%}
{%- endfor -%}
{#- each row that snapshots repeat, once, with the first and the last snapshot that hold it; delivery_order 0 is what is current -#}
select
    {{ columns }},
    min(_delivery_order) as _first_order,
    max(_delivery_order) as _last_order,
    count(*) as _row_count
    {%- if with_hash %},
    -- its rows say the same, and the hash of any of them is one of it
    case when count(_row_hash) = count(*) then max(_row_hash) end as _row_hash
    {%- endif %}
from (
    select 0::bigint as _delivery_order, {{ columns }}{{ ', _row_hash' if with_hash }}
    from {{ relation }}
    where valid_to is null

    union all

    select _delivery_order, {{ columns }}{{ ', _row_hash' if with_hash }}
    from (
{{ model_sql }}
    ) as modelled
    -- written out, because a temporary table would keep other workers from the rows
    inner join (
        values
        {%- for delivery in to_apply %}
        ({{ delivery.delivery_sqn }}::bigint, {{ delivery.delivery_order }}::bigint){{ ',' if not loop.last }}
        {%- endfor %}
    ) as placed (delivery_sqn, _delivery_order) using (delivery_sqn)
    where {{ headwater.is_any_of(to_apply | map(attribute='delivery_sqn') | list) }}{{ ' and not is_delete_mark' if definition.delete_column }}
) as rows_of_snapshots
group by {{ columns }}{{ ', ' ~ texts | join(', ') if texts }}
{%- endmacro %}
