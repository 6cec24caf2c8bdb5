{% macro keys_of_parts(relation, definition, has_nulls) -%}
{#- by equality first, for which there is an index; null equals nothing -#}
{%- set parts = headwater.quoted_list(definition.partition_by) -%}
select {{ headwater.quoted_list(definition.key_names, prefix='version.') }}
from {{ relation }} as version
inner join (select distinct {{ parts }} from spoken_part) as part
    on {{ headwater.key_match(definition.partition_by, 'version', 'part') }}
where version.valid_to is null
{%- if has_nulls %}

union

select {{ headwater.quoted_list(definition.key_names, prefix='version.') }}
from {{ relation }} as version
inner join (select distinct {{ parts }} from spoken_part where num_nulls({{ parts }}) > 0) as part
    on row({{ headwater.quoted_list(definition.partition_by, prefix='version.') }})
        is not distinct from row({{ headwater.quoted_list(definition.partition_by, prefix='part.') }})
where version.valid_to is null
{%- endif %}
{%- endmacro %}
