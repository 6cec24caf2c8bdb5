{% macro affected_keys(relation, definition, model_sql, deliveries, speaks_of_parts=false, has_null_parts=false) -%}
{#- a small delivery must not read all of history: with its keys at hand, analyzed, the planner looks them up in the index -#}
select distinct {{ headwater.quoted_list(definition.key_names) }}
from (
{{ model_sql }}
) as modelled
where {{ headwater.is_any_of(deliveries) }}

union

select {{ headwater.quoted_list(definition.key_names) }}
from (
{{ headwater.absent_keys(definition) }}
) as absent
{%- if speaks_of_parts %}

union

{{ headwater.keys_of_parts(relation, definition, has_null_parts) }}
{%- endif %}
{%- endmacro %}
