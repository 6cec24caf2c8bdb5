{% macro deliveries_where_last_wins(definition, pending) -%}
    {#- by the source's policy in all of them, else in those that were accepted in spite of their duplicate
        keys, and not sent through again since -#}
    {%- if definition.on_duplicate_key == 'last_wins' -%}
        {{ return(pending) }}
    {%- endif -%}
    {%- set accepted = run_query(
        "select distinct delivery_sqn from metadata.delivery_event as accepted where event = 'accepted'"
        ~ " and 'duplicate_keys' = any(checks) and " ~ headwater.is_any_of(pending)
        ~ " and not exists (select from metadata.delivery_event as replayed where event = 'replayed'"
        ~ " and replayed.delivery_sqn = accepted.delivery_sqn and replayed.event_at > accepted.event_at)"
    ) -%}
    {{ return(accepted.columns[0].values() | map('int') | list) }}
{%- endmacro %}
