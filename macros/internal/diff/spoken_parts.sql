{% macro spoken_parts(definition, model_sql, deliveries=none) -%}
{#- a delivery speaks of the part that its name says, or else of those of its rows; a row that fell out tells of none, so
    nothing is removed on its word -#}
select
    _delivery_order,
    {{ headwater.quoted_list(definition.partition_by, prefix='modelled.') }}
from (
{{ model_sql }}
) as modelled
inner join delivery_to_apply using (delivery_sqn)
where delivery_to_apply.delivery_type = 'partition_snapshot' and _part is null
    {{- ' and not is_delete_mark' if definition.delete_column }}
    {{- ' and ' ~ headwater.is_any_of(deliveries) if deliveries is not none }}
group by _delivery_order, {{ headwater.quoted_list(definition.partition_by, prefix='modelled.') }}

union all

select
    _delivery_order
    {%- for name in definition.partition_by %}
    {%- set attribute = definition.attributes | selectattr('name', 'equalto', name) | first %},
    cast(_part ->> {{ headwater.sql_literal(name) }} as {{ headwater.part_type(attribute.data_type) }})
    {%- endfor %}
from delivery_to_apply
where delivery_type = 'partition_snapshot' and _part is not null
{%- endmacro %}
