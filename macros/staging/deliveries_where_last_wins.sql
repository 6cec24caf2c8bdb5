{% macro deliveries_where_last_wins(definition, pending) -%}
    {#- by the source's policy in all of them, else in those that were accepted in spite of their duplicate keys -#}
    {%- if definition.on_duplicate_key == 'last_wins' -%}
        {{ return(pending) }}
    {%- endif -%}
    {%- set accepted = run_query(
        "select distinct delivery_sqn from metadata.delivery_event where event = 'accepted'"
        ~ " and 'duplicate_keys' = any(checks) and " ~ is_any_of(pending)
    ) -%}
    {{ return(accepted.columns[0].values() | map('int') | list) }}
{%- endmacro %}
