{% macro winning_rows(definition, model_sql) -%}
{#- staging may hold all rows of a key again: what was accepted in spite of them was sent through the layers since -#}
with

modelled as (

    {{ model_sql }}

),

accepted as (

    select delivery_sqn
    from metadata.delivery_event
    where event = 'accepted' and 'duplicate_keys' = any(checks)

),

last_rows as (

    select distinct on (delivery_sqn, {{ headwater.quoted_list(definition.key_names) }}) *
    from modelled
    where delivery_sqn in (select delivery_sqn from accepted)
    order by delivery_sqn, {{ headwater.quoted_list(definition.key_names) }}, line_number desc

)

select * from modelled
where delivery_sqn not in (select delivery_sqn from accepted)

union all

select * from last_rows
{%- endmacro %}
