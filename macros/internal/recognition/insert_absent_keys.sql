{% macro insert_absent_keys(relation, definition, delivery_sqn) -%}
{#- the current keys that a snapshot no longer has: no row of them was recognised, and none was staged -#}
insert into metadata.absent_key (delivery_sqn, key)
select
    {{ delivery_sqn }},
    {{ headwater.key_as_json(definition.key_names) }}
from unmet_version
where not exists (
    select from {{ relation }} as staged
    where staged.delivery_sqn = {{ delivery_sqn }}
        and {{ headwater.key_match(definition.key_names, 'staged', 'unmet_version') }}
)
{%- endmacro %}
