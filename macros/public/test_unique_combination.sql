{% test unique_combination(model, columns) -%}

    select {{ headwater.quoted_list(columns) }}
    from {{ model }}
    group by {{ headwater.quoted_list(columns) }}
    having count(*) > 1

{%- endtest %}
