{% macro affected_keys(definition, model_sql, deliveries) -%}
{#- a small delta must not read all of history: with its keys at hand, analyzed, the planner looks them up in the index -#}
select distinct {{ headwater.quoted_list(definition.key_names) }}
from (
{{ model_sql }}
) as modelled
where {{ headwater.is_any_of(deliveries) }}
{%- endmacro %}
